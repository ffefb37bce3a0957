"""The same show on another night: a draft like an event, with nothing sold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import draft_of, lock_own_event
from ticketing.catalog.rules import EventStatus, check_start
from ticketing.catalog.service import create_event, create_series
from ticketing.foundation.clock import to_utc
from ticketing.inventory.tables import EventBlock


@dataclass(frozen=True, slots=True)
class OtherNight:
    local_start: datetime
    """Wall time at the venue, without offset."""
    title: str | None = None
    sales_open_at: datetime | None = None
    """Default: when the original's sales open."""


@dataclass(frozen=True, slots=True)
class Cloned:
    event_id: UUID
    vendor_id: UUID
    original_id: UUID
    sales_open_at: datetime
    original_sales_open_at: datetime


ARTISTS = """
insert into event_artist (event_id, artist_id, role, position)
select :clone, artist_id, role, position from event_artist where event_id = :original
"""

TYPES = """
insert into ticket_type (id, vendor_id, event_id, name, position, price_minor, fee_minor, tax_rate_bps, tax_minor)
select uuidv7(), vendor_id, :clone, name, position, price_minor, fee_minor, tax_rate_bps, tax_minor
from ticket_type where event_id = :original order by position
"""
"""Without windows of their own: these are of the other night."""

TWINS = """
with twin as (
  select o.id as original_id, c.id as clone_id
  from ticket_type o join ticket_type c on c.event_id = :clone and c.name = o.name
  where o.event_id = :original
)
"""

SECTIONS = (
    TWINS
    + """
insert into ticket_type_section (event_id, section_id, category, ticket_type_id)
select :clone, s.section_id, s.category, t.clone_id
from ticket_type_section s join twin t on t.original_id = s.ticket_type_id where s.event_id = :original
"""
)

METHODS = """
insert into event_payment_method (event_id, payment_account_id, vendor_id)
select :clone, m.payment_account_id, m.vendor_id
from event_payment_method m join payment_account a on a.id = m.payment_account_id
where m.event_id = :original and a.removed_at is null
"""

POOLS = (
    TWINS
    + """
insert into pool (id, vendor_id, event_id, ticket_type_id, section_id, name, capacity)
select uuidv7(), p.vendor_id, :clone, t.clone_id, p.section_id, p.name, p.capacity
from pool p join twin t on t.original_id = p.ticket_type_id where p.event_id = :original order by p.id
"""
)

SEATS = (
    TWINS
    + """
insert into event_seat (event_id, seat_no, ticket_type_id)
select :clone, s.seat_no, t.clone_id
from event_seat s join twin t on t.original_id = s.ticket_type_id where s.event_id = :original order by s.seat_no
"""
)

OPEN_BLOCKS = """
select b.id, b.reason, b.note from event_block b
where b.event_id = :original and exists (select from event_block_seat s where s.block_id = b.id and s.ended_at is null)
order by b.id
"""

BLOCK_SEATS = """
insert into event_block_seat (block_id, seat_no, event_id)
select :clone_block, seat_no, :clone from event_block_seat where block_id = :block and ended_at is null
"""

BLOCKED = """
update event_seat c set state = 'blocked', block_reason = b.reason
from event_block_seat s join event_block b on b.id = s.block_id
where s.event_id = :clone and c.event_id = s.event_id and c.seat_no = s.seat_no
"""

CLOSED = (
    TWINS
    + """
update event c set access_types = array(
  select t.clone_id from event o cross join unnest(o.access_types) as closed(id) join twin t on t.original_id = closed.id
  where o.id = :original order by 1)
where c.id = :clone
"""
)
"""What only a code opens stays closed: codes are not copied, and nothing may be open by oversight."""


def clone_event(
    session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, night: OtherNight, now: datetime, actor_id: UUID
) -> Cloned:
    """A draft of the same series, layout, prices, capacities, blocks and payment methods, in the caller's transaction.

    An event without a series begins one. Doors and the end of sales keep their distance from the start. Raises `EventUnknown`,
    `Invalid` naming the fields.
    """
    original = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=None)
    check_start(night.local_start, original.zone)
    shift = to_utc(night.local_start, original.zone) - original.starts_at
    draft = draft_of(original)
    draft = replace(
        draft,
        title=night.title or draft.title,
        local_start=night.local_start,
        doors_at=draft.doors_at and draft.doors_at + shift,
        sales_open_at=night.sales_open_at or draft.sales_open_at,
        sales_close_at=draft.sales_close_at and draft.sales_close_at + shift,
        source_key=None,
    )
    if original.series_id is None:
        original.series_id = create_series(session, vendor_id=original.vendor_id, title=original.title, source_key=f"event:{event_id}")
        session.flush()
    clone = create_event(
        session,
        vendor_id=original.vendor_id,
        venue_id=original.venue_id,
        layout_id=original.layout_id,
        draft=draft,
        series_id=original.series_id,
        actor_id=actor_id,
    )
    ids = {"original": event_id, "clone": clone}
    for statement in (ARTISTS, TYPES, SECTIONS, METHODS, CLOSED):
        session.execute(text(statement), ids)
    if original.status is not EventStatus.WITHDRAWN:  # its places were closed for good
        for statement in (POOLS, SEATS):
            session.execute(text(statement), ids)
        _clone_blocks(session, original_id=event_id, clone_id=clone, vendor_id=original.vendor_id, now=now)
    record(session, actor_id=actor_id, action="event.cloned", subject_id=event_id)
    return Cloned(clone, original.vendor_id, event_id, draft.sales_open_at, original.sales_open_at)


def _clone_blocks(session: Session, *, original_id: UUID, clone_id: UUID, vendor_id: UUID, now: datetime) -> None:
    """Seats that stand blocked now; those that were given away are free on the other night."""
    ids = {"original": original_id, "clone": clone_id}
    for block in session.execute(text(OPEN_BLOCKS), ids).all():
        twin = EventBlock(vendor_id=vendor_id, event_id=clone_id, reason=block.reason, note=block.note, created_at=now)
        session.add(twin)
        session.flush()
        session.execute(text(BLOCK_SEATS), ids | {"block": block.id, "clone_block": twin.id})
    session.execute(text(BLOCKED), ids)
