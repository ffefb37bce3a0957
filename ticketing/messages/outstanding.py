"""Messages that are still to be planned or sent: what the flow has before it, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.metrics import Queue
from ticketing.messages.service import MOST_ATTEMPTS

OUTSTANDING = """
select
  (select count(*) from outbox where consumed_at is null) + (select count(*) from link_request) as unplanned,
  count(*) filter (where next_try_at <= :now and attempts < :most) as due,
  count(*) filter (where next_try_at > :now and attempts < :most) as later,
  count(*) filter (where attempts >= :most) as given_up
from message
where state in ('pending', 'sending', 'failed', 'unknown')
"""


@dataclass(frozen=True, slots=True)
class OutstandingMessages:
    unplanned: int
    """Rows of the outbox, and links that were asked for."""
    due: int
    later: int
    """To be tried again at a time to come."""
    given_up: int
    """Tried as often as is tried: a person must look."""


def outstanding_messages(session: Session, *, now: datetime) -> OutstandingMessages:
    """What is not sent at `now`."""
    return OutstandingMessages(*session.execute(text(OUTSTANDING), {"now": now, "most": MOST_ATTEMPTS}).one())


WAITING = """
select
  (select count(*) from outbox where consumed_at is null),
  (select extract(epoch from :now - min(created_at)) from outbox where consumed_at is null),
  count(*), extract(epoch from :now - min(next_try_at))
from message
where state in ('pending', 'sending', 'failed', 'unknown') and attempts < :most and next_try_at <= :now
"""


def waiting_messages(session: Session, *, now: datetime) -> list[Queue]:
    """What should have been planned or sent by `now`, and since when."""
    rows, oldest, due, due_oldest = session.execute(text(WAITING), {"now": now, "most": MOST_ATTEMPTS}).one()
    return [Queue("outbox", rows, float(oldest or 0)), Queue("messages", due, float(due_oldest or 0))]
