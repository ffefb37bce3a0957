"""Life of an event on sale: its sales pause and go on, it moves to another time.

Which state may follow which stands in `rules.EVENT_TRANSITIONS`. A hold that was made before a pause or a postponement may still
be paid: buyers keep what they were promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import EventSetup, draft_of, lock_own_event, read_own_event
from ticketing.catalog.rules import EVENT_TRANSITIONS, EventStatus, check_start
from ticketing.catalog.service import EventDraft, event_columns
from ticketing.catalog.tables import Event, EventPostponement
from ticketing.foundation.clock import to_utc
from ticketing.foundation.errors import Conflict, Invalid
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.states import advance


class NothingOnSale(Conflict):
    """The event is not published: it has no sales to close or to reopen."""


class SalesOver(Conflict):
    """The event's sales have ended: set a later end of sales first."""


class EventHasBegun(Conflict):
    """Somebody has been let in: the event can't be moved any more."""


def close_sales(
    session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, version: int | None, now: datetime, actor_id: UUID
) -> EventSetup:
    """Sell nothing more for the time being. Closed already: nothing changes.

    Raises `EventUnknown`, `EventVersionChanged`, `NothingOnSale`.
    """
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=version)
    if event.status is not EventStatus.PUBLISHED:
        raise NothingOnSale(f"The event is {event.status.value}: nothing of it is on sale.", event_id=event_id)
    if event.sales_paused_at is None:
        event.sales_paused_at = now
        event.version += 1
        session.flush()
        record(session, actor_id=actor_id, action="event.sales_closed", subject_id=event_id)
    return read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)


def reopen_sales(
    session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, version: int | None, now: datetime, actor_id: UUID
) -> EventSetup:
    """Sell again: after a pause, and after a postponement, which it ends. Open already: nothing changes.

    Raises `EventUnknown`, `EventVersionChanged`, `NothingOnSale`, `SalesOver`.
    """
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=version)
    if event.status not in (EventStatus.PUBLISHED, EventStatus.POSTPONED):
        raise NothingOnSale(f"The event is {event.status.value}: nothing of it can be sold.", event_id=event_id)
    if event.sales_close_at <= now:
        raise SalesOver("The event's sales have ended: set a later end first.", event_id=event_id)
    if event.status is EventStatus.POSTPONED or event.sales_paused_at is not None:
        if event.status is EventStatus.POSTPONED:
            event.status = advance(EVENT_TRANSITIONS, event.status, EventStatus.PUBLISHED)
        event.sales_paused_at = None
        event.version += 1
        session.flush()
        record(session, actor_id=actor_id, action="event.sales_reopened", subject_id=event_id)
    return read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)


@dataclass(frozen=True, slots=True)
class NewTime:
    """Another time for an event; what is left out moves with the start, as far as it hung on it."""

    local_start: datetime
    """Wall time at the venue, without offset."""
    doors_at: datetime | None = None
    sales_close_at: datetime | None = None


LET_IN = "select exists (select from ticket where event_id = :event and state = 'used')"


def postpone_event(
    session: Session,
    *,
    vendor_ids: Sequence[UUID],
    event_id: UUID,
    version: int | None,
    new_time: NewTime,
    now: datetime,
    actor_id: UUID,
) -> EventSetup:
    """Published → postponed, or postponed once more. Tickets stay valid, sales stand still until they are reopened.

    Everybody who has a ticket is told. Raises `EventUnknown`, `EventVersionChanged`, `TransitionNotAllowed`, `EventHasBegun`,
    `Invalid` naming the fields.
    """
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=version)
    status = event.status
    if status is not EventStatus.POSTPONED:
        status = advance(EVENT_TRANSITIONS, status, EventStatus.POSTPONED)
    if session.execute(text(LET_IN), {"event": event_id}).scalar_one():
        raise EventHasBegun("Somebody has been let in: the event can't be moved any more.", event_id=event_id)
    was = event.local_start
    values = event_columns(_moved(event, new_time, now))
    session.execute(update(Event).where(Event.id == event_id).values(**values, status=status, version=Event.version + 1))
    moved = EventPostponement(
        vendor_id=event.vendor_id, event_id=event_id, from_local_start=was, to_local_start=values["local_start"], postponed_at=now
    )
    session.add(moved)
    session.flush()
    record(session, actor_id=actor_id, action="event.postponed", subject_id=event_id)
    enqueue(session, topic="event.postponed", subject_id=moved.id, payload={"event_id": str(event_id)})
    return read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)


def _moved(event: Event, new_time: NewTime, now: datetime) -> EventDraft:
    """The event at its new time; raises `Invalid`."""
    check_start(new_time.local_start, event.zone)
    starts_at = to_utc(new_time.local_start, event.zone)
    if starts_at <= now:
        raise Invalid("The new time is over.", fields={"local_start": "is over"})
    if new_time.local_start == event.local_start:
        raise Invalid("The event takes place at that time already.", fields={"local_start": "is its time already"})
    doors_at = event.doors_at and starts_at - (event.starts_at - event.doors_at)
    draft = replace(draft_of(event), local_start=new_time.local_start, doors_at=new_time.doors_at or doors_at)
    return draft if new_time.sales_close_at is None else replace(draft, sales_close_at=new_time.sales_close_at)
