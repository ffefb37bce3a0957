"""Withdrawing an event: only while nothing of it is sold or held."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import lock_own_event
from ticketing.catalog.rules import EVENT_TRANSITIONS, EventStatus
from ticketing.foundation.errors import Conflict
from ticketing.foundation.states import advance


class EventHasBuyers(Conflict):
    """Something of the event is sold or held: it can be cancelled, not withdrawn."""


CLOSE_SEATS = """
with closing as materialized (
  select seat_no from event_seat
  where event_id = :event and (state in ('free', 'blocked') or (state = 'held' and held_until <= app_now()))
  order by seat_no for no key update
)
update event_seat es set state = 'blocked', block_reason = 'killed', hold_id = null, held_until = null
from closing c where es.event_id = :event and es.seat_no = c.seat_no
"""
CLOSE_POOLS = """
with closing as materialized (
  select id from pool where event_id = :event and sold = 0 and held = 0 order by id for no key update
)
update pool p set capacity = 0 from closing c where p.id = c.id
"""
"""Locked in the order in which claims lock."""
STILL_OPEN = """
select exists (select from event_seat where event_id = :event and state <> 'blocked')
  or exists (select from pool where event_id = :event and capacity > 0)
  or exists (select from order_line where event_id = :event and state in ('pending', 'confirmed'))
"""


def withdraw_event(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, version: int | None, actor_id: UUID) -> None:
    """Draft or published → withdrawn. Raises `EventUnknown`, `EventVersionChanged`, `EventHasBuyers`, `TransitionNotAllowed`.

    Seats and pools are closed by the same conditional updates that claims use: whoever comes first wins, and a claim that won
    stops the withdrawal.
    """
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=version)
    status = advance(EVENT_TRANSITIONS, event.status, EventStatus.WITHDRAWN)
    subject = {"event": event_id}
    session.execute(text(CLOSE_SEATS), subject)
    session.execute(text(CLOSE_POOLS), subject)
    if session.execute(text(STILL_OPEN), subject).scalar_one():
        raise EventHasBuyers("Something of this event is sold or held: cancel it instead.", event_id=event_id)
    event.status = status
    event.version += 1
    session.flush()
    record(session, actor_id=actor_id, action="event.withdrawn", subject_id=event_id)
