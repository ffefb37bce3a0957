"""Where an event stands, in the words its vendor uses."""

from __future__ import annotations

from datetime import datetime

from ticketing.catalog.changes import EventSetup
from ticketing.catalog.rules import EventStatus

ENDED = {EventStatus.COMPLETED: "over", EventStatus.CANCELLED: "cancelled", EventStatus.WITHDRAWN: "withdrawn"}


def state_of(event: EventSetup, now: datetime) -> str:
    """One of: draft, coming, on sale, paused, sales ended, postponed, over, cancelled, withdrawn.

    An event that has begun is over once its sales are: some sell at the door for longer.
    """
    if event.status in ENDED:
        return ENDED[event.status]
    if event.starts_at <= now and event.sales_close_at <= now:
        return "over"
    if event.status in (EventStatus.DRAFT, EventStatus.POSTPONED):
        return event.status.value
    if event.sales_paused_at is not None:
        return "paused"
    if event.sales_close_at <= now:
        return "sales ended"
    return "on sale" if event.sales_open_at <= now else "coming"


def is_over(event: EventSetup, now: datetime) -> bool:
    """Whether nothing more is to be done for it."""
    return state_of(event, now) in {"over", *ENDED.values()}
