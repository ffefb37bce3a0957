"""Seats taken out of sale: house seats, killed seats, places of the production and of companions.

Blocking is the conditional update that claims use, on the same rows: whoever comes first wins, and all of a block's seats are
blocked or none. A seat is in one block at a time; the row that says so ends when it is released, or given away.

Lock order: the event, its seats by number, the rows of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import CHANGEABLE, EventFixed, lock_own_event, read_own_event
from ticketing.catalog.rules import EventStatus
from ticketing.foundation.db import Connection
from ticketing.foundation.errors import Conflict, Invalid, NotFound
from ticketing.foundation.ids import new_id
from ticketing.inventory.claim import SeatNotFound, SeatsTaken
from ticketing.inventory.publish import lay_out
from ticketing.inventory.rules import BlockReason
from ticketing.inventory.seatmap import SectionNotFound
from ticketing.inventory.tables import EventBlock


class BlockNotFound(NotFound):
    """The event has no such block, or none of its seats is blocked any more."""


class SeatsNotBlocked(Conflict):
    """Some of the seats are in no block; `details["seats"]` lists them. Nothing was released."""


@dataclass(frozen=True, slots=True)
class BlockView:
    """Seats that are blocked together, by number."""

    id: UUID
    event_id: UUID
    reason: BlockReason
    note: str
    created_at: datetime
    seats: list[int]
    """Those that are blocked still."""


@dataclass(frozen=True, slots=True)
class Blocks:
    blocks: list[BlockView]


SECTION_SEATS = """
select s.seat_no from event e join layout_seat s on s.layout_id = e.layout_id
where e.id = :event and s.section_id = :section order by s.seat_no
"""

BLOCK = """
with locked as materialized (
  select seat_no from event_seat
  where event_id = :event and seat_no = any(:seats) and (state = 'free' or (state = 'held' and held_until <= app_now()))
  order by seat_no for no key update
)
update event_seat s set state = 'blocked', block_reason = :reason, hold_id = null, held_until = null
from locked l where s.event_id = :event and s.seat_no = l.seat_no
returning s.seat_no
"""

IN_BLOCK = """
insert into event_block_seat (block_id, seat_no, event_id) select :block, seat_no, :event from unnest(cast(:seats as int[])) as s(seat_no)
"""

KNOWN = "select seat_no from event_seat where event_id = :event and seat_no = any(:seats)"

RELEASE = """
with locked as materialized (
  select s.seat_no, b.block_id
  from event_seat s
  join event_block_seat b on b.event_id = s.event_id and b.seat_no = s.seat_no and b.ended_at is null
  where s.event_id = :event and s.state = 'blocked' and {which}
  order by s.seat_no for no key update of s
),
ended as (
  update event_block_seat b set ended_at = :now from locked l where b.block_id = l.block_id and b.seat_no = l.seat_no
),
freed as (
  update event_seat s set state = 'free', block_reason = null from locked l where s.event_id = :event and s.seat_no = l.seat_no
)
select seat_no, block_id from locked order by seat_no
"""
RELEASE_BLOCK = RELEASE.format(which="b.block_id = :block")
RELEASE_SEATS = RELEASE.format(which="s.seat_no = any(:seats)")

RECOUNT = """
update ticket_type set position = position
where id in (select ticket_type_id from event_seat where event_id = :event and seat_no = any(:seats))
"""
"""Killed seats are no capacity; analytics reads capacity with the ticket types, and their stamp tells it to look."""

LIST = """
select b.id, b.event_id, b.reason, b.note, b.created_at, array_agg(s.seat_no order by s.seat_no) as seats
from event_block b join event_block_seat s on s.block_id = b.id and s.ended_at is null
where b.event_id = :event
group by b.id
order by b.created_at, b.id
"""

GIVEN_AWAY = "update event_block_seat set ended_at = app_now() where event_id = %s and seat_no = any(%s) and ended_at is null"


ADRIFT = """
select s.seat_no from event_seat s
where s.event_id = :event and s.state = 'blocked' and s.block_reason = 'house'
  and not exists (select from event_block_seat b where b.event_id = s.event_id and b.seat_no = s.seat_no and b.ended_at is null)
order by s.seat_no
"""


def gather_blocked(session: Session, *, vendor_id: UUID, event_id: UUID, note: str, now: datetime) -> None:
    """One block of the house for the seats that a new layout has brought blocked, so that they can be seen and released."""
    seats = list(session.execute(text(ADRIFT), {"event": event_id}).scalars())
    if seats:
        block = EventBlock(id=new_id(), vendor_id=vendor_id, event_id=event_id, reason=BlockReason.HOUSE, note=note, created_at=now)
        session.add(block)
        session.flush()
        session.execute(text(IN_BLOCK), {"event": event_id, "seats": seats, "block": block.id})


def block_seats(
    session: Session,
    *,
    vendor_ids: Sequence[UUID],
    event_id: UUID,
    block_id: UUID,
    seats: Sequence[int],
    section_id: UUID | None,
    reason: BlockReason,
    note: str,
    now: datetime,
    actor_id: UUID,
) -> BlockView:
    """Take these seats, or all of a section, out of sale: all of them or none. Also of a draft.

    Raises `EventUnknown`, `EventFixed`, `EventIncomplete`, `SectionNotFound`, `SeatNotFound`, `SeatsTaken`.
    """
    vendor_id = _lock(session, vendor_ids=vendor_ids, event_id=event_id, now=now)
    wanted = sorted(seats)
    if section_id is not None:
        wanted = list(session.execute(text(SECTION_SEATS), {"event": event_id, "section": section_id}).scalars())
        if not wanted:
            raise SectionNotFound("The event has no such section with seats.", event_id=event_id, section_id=section_id)
    subject: dict[str, Any] = {"event": event_id, "seats": wanted}
    blocked = set(session.execute(text(BLOCK), subject | {"reason": reason.value}).scalars())
    if len(blocked) < len(wanted):
        known = set(session.execute(text(KNOWN), subject).scalars())
        if missing := [seat for seat in wanted if seat not in known]:
            raise SeatNotFound("The event has no such seat.", seats=missing)
        raise SeatsTaken("Some of these seats are not free.", seats=[seat for seat in wanted if seat not in blocked])
    session.add(EventBlock(id=block_id, vendor_id=vendor_id, event_id=event_id, reason=reason, note=note, created_at=now))
    session.flush()
    session.execute(text(IN_BLOCK), subject | {"block": block_id})
    session.execute(text(RECOUNT), subject)
    record(session, actor_id=actor_id, action="event.seats_blocked", subject_id=block_id)
    return BlockView(block_id, event_id, reason, note, now, wanted)


def list_blocks(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID) -> Blocks:
    """Blocks with seats that are blocked still, in the order in which they were made. Raises `EventUnknown`."""
    read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)
    rows = session.execute(text(LIST), {"event": event_id})
    return Blocks([BlockView(row.id, row.event_id, BlockReason(row.reason), row.note, row.created_at, row.seats) for row in rows])


def read_block(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, block_id: UUID) -> BlockView:
    """Raises `EventUnknown`, `BlockNotFound`."""
    for block in list_blocks(session, vendor_ids=vendor_ids, event_id=event_id).blocks:
        if block.id == block_id:
            return block
    raise _no_block(block_id)


def release_block(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, block_id: UUID, now: datetime, actor_id: UUID) -> None:
    """Its seats are free again. Raises `EventUnknown`, `EventFixed`, `BlockNotFound`."""
    _lock(session, vendor_ids=vendor_ids, event_id=event_id, now=now)
    subject = {"event": event_id, "block": block_id, "now": now}
    seats = [row.seat_no for row in session.execute(text(RELEASE_BLOCK), subject)]
    if not seats:
        raise _no_block(block_id)
    session.execute(text(RECOUNT), {"event": event_id, "seats": seats})
    record(session, actor_id=actor_id, action="event.seats_released", subject_id=block_id)


def release_seats(
    session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, seats: Sequence[int], now: datetime, actor_id: UUID
) -> None:
    """These seats, of whatever blocks, are free again: all of them or none.

    Raises `EventUnknown`, `EventFixed`, `SeatsNotBlocked`, `Invalid` when it names none.
    """
    _lock(session, vendor_ids=vendor_ids, event_id=event_id, now=now)
    if not seats:
        raise Invalid("Say which seats.", fields={"seats": "is needed"})
    wanted = sorted(set(seats))
    released = session.execute(text(RELEASE_SEATS), {"event": event_id, "seats": wanted, "now": now}).all()
    if len(released) < len(wanted):
        still = {row.seat_no for row in released}
        raise SeatsNotBlocked("Some of these seats are in no block.", seats=[seat for seat in wanted if seat not in still])
    session.execute(text(RECOUNT), {"event": event_id, "seats": wanted})
    for block_id in sorted({row.block_id for row in released}):
        record(session, actor_id=actor_id, action="event.seats_released", subject_id=block_id)


def note_given_away(connection: Connection, *, event_id: UUID, seats: Sequence[int]) -> None:
    """Seats that were given away out of a block are in it no more; the caller has claimed them."""
    connection.execute(GIVEN_AWAY, [event_id, sorted(seats)])


def _lock(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, now: datetime) -> UUID:
    """Whose event it is."""
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=None)
    if event.status not in CHANGEABLE:
        raise EventFixed(f"The event is {event.status.value}: its seats stay as they are.", event_id=event_id)
    if event.status is EventStatus.DRAFT:
        lay_out(session, event_id=event_id, now=now)
    return event.vendor_id


def _no_block(block_id: UUID) -> BlockNotFound:
    return BlockNotFound("The event has no such block.", block_id=block_id)
