"""Webhooks that are still to be planned or sent: what the flow has before it, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.metrics import Queue

OUTSTANDING = """
select
  (select count(*) from outbox
    where webhooks_at is null and topic in ('order.confirmed', 'order.cancelled', 'event.published')) as unplanned,
  count(*) filter (where w.disabled_at is null and d.next_try_at <= :now) as due,
  count(*) filter (where w.disabled_at is null and d.next_try_at > :now) as later,
  count(*) filter (where w.disabled_at is not null) as stopped,
  (select count(*) from webhook_endpoint where disabled_at is not null and removed_at is null) as disabled
from webhook_delivery d join webhook_endpoint w on w.id = d.endpoint_id
where d.state in ('pending', 'sending') and w.removed_at is null
"""


@dataclass(frozen=True, slots=True)
class OutstandingWebhooks:
    unplanned: int
    """Rows of the outbox."""
    due: int
    later: int
    """To be tried again at a time to come."""
    stopped: int
    """For endpoints that are disabled."""
    disabled: int
    """Such endpoints."""


def outstanding_webhooks(session: Session, *, now: datetime) -> OutstandingWebhooks:
    """What is not delivered at `now`."""
    return OutstandingWebhooks(*session.execute(text(OUTSTANDING), {"now": now}).one())


WAITING = """
select count(*), extract(epoch from :now - min(d.next_try_at))
from webhook_delivery d join webhook_endpoint w on w.id = d.endpoint_id
where d.state in ('pending', 'sending') and d.next_try_at <= :now and w.disabled_at is null and w.removed_at is null
"""


def waiting_webhooks(session: Session, *, now: datetime) -> list[Queue]:
    """What should have been sent by `now`, and since when."""
    rows, oldest = session.execute(text(WAITING), {"now": now}).one()
    return [Queue("webhooks", rows, float(oldest or 0))]
