"""Refunds that are not done yet, by state and currency: what the flow has before it, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.db import Connection
from ticketing.foundation.metrics import Queue
from ticketing.payments.refunds import MOST_ATTEMPTS

OUTSTANDING = """
select state, currency, count(*), sum(amount_minor)::bigint, count(*) filter (where state = 'failed' and attempt >= %(most)s)
from refund
where state in ('planned', 'sent', 'unknown', 'failed')
group by state, currency
order by state, currency
"""


@dataclass(frozen=True, slots=True)
class OutstandingRefunds:
    state: str
    currency: str
    refunds: int
    amount_minor: int
    given_up: int
    """Failed as often as is tried: a person must look."""


def outstanding_refunds(connection: Connection) -> list[OutstandingRefunds]:
    """All refunds that have not succeeded."""
    return [OutstandingRefunds(*row) for row in connection.execute(OUTSTANDING, {"most": MOST_ATTEMPTS}).fetchall()]


WAITING = """
select 'refunds', count(*), extract(epoch from :now - min(created_at)) from refund
where state in ('planned', 'sent', 'unknown', 'failed') and attempt <= :most
union all
select 'provider notices', count(*), extract(epoch from :now - min(received_at)) from provider_event where state = 'parked'
"""


def waiting_payments(session: Session, *, now: datetime) -> list[Queue]:
    """Refunds that are not done, and providers' notices that could not be settled yet, at `now`."""
    rows = session.execute(text(WAITING), {"now": now, "most": MOST_ATTEMPTS}).all()
    return [Queue(name, count, float(oldest or 0)) for name, count, oldest in rows]
