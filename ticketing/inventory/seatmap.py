"""What is free: per ticket type, per section, seat by seat. A seat whose hold has run out counts as free."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.errors import NotFound


class SectionNotFound(NotFound):
    """The event has no such section."""


FREE = "(es.state = 'free' or (es.state = 'held' and es.held_until <= :now))"
POOL_FREE = """
p.capacity - p.sold - (
  select coalesce(sum(l.quantity), 0) from hold h join hold_line l on l.hold_id = h.id
  where h.event_id = p.event_id and h.state = 'active' and h.expires_at > :now and l.pool_id = p.id
)"""

SECTION_EXISTS = """
select exists (select from event e join section s on s.layout_id = e.layout_id where e.id = :event and s.id = :section)
"""


@dataclass(frozen=True, slots=True)
class TypeAvailability:
    ticket_type_id: UUID
    name: str
    price_minor: int
    fee_minor: int
    total_minor: int
    """All-in: what a buyer pays for one."""
    capacity: int
    available: int
    sales_open_at: datetime | None
    sales_close_at: datetime | None
    """When it is sold, within the event's sales; null: as long as these."""


@dataclass(frozen=True, slots=True)
class SectionView:
    section_id: UUID
    name: str
    kind: str
    capacity: int
    available: int
    price_from_minor: int | None
    """All-in price of the cheapest place (free or not)."""
    pool_id: UUID | None


@dataclass(frozen=True, slots=True)
class SeatView:
    seat_no: int
    row_label: str
    row_position: int
    seat_label: str
    seat_position: int
    x: float
    y: float
    category: str
    accessible: bool
    state: str
    """free, held, sold or blocked, as of now"""
    total_minor: int
    """All-in price."""


@dataclass(frozen=True, slots=True)
class Availability:
    ticket_types: list[TypeAvailability]


def availability(session: Session, *, event_id: UUID, now: datetime) -> list[TypeAvailability]:
    """Every ticket type of the event, in the vendor's order."""
    rows = session.execute(
        text(f"""
with seats as (
  select ticket_type_id, count(*) filter (where state <> 'blocked') as capacity, count(*) filter (where {FREE}) as available
  from event_seat es where event_id = :event group by ticket_type_id
),
pools as (
  select ticket_type_id, sum(capacity) as capacity, sum(greatest(0, {POOL_FREE})) as available
  from pool p where event_id = :event group by ticket_type_id
)
select t.id, t.name, t.price_minor, t.fee_minor, t.price_minor + t.fee_minor,
  (coalesce(s.capacity, 0) + coalesce(p.capacity, 0))::int, (coalesce(s.available, 0) + coalesce(p.available, 0))::int,
  t.sales_open_at, t.sales_close_at
from ticket_type t
left join seats s on s.ticket_type_id = t.id
left join pools p on p.ticket_type_id = t.id
where t.event_id = :event
order by t.position
"""),
        {"event": event_id, "now": now},
    )
    return [TypeAvailability(*row) for row in rows]


def events_with_places(session: Session, *, event_ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Those of the events that have a free seat or place."""
    rows = session.execute(
        text(f"""
select e.id from unnest(cast(:events as uuid[])) as e(id)
where exists (select from event_seat es where es.event_id = e.id and {FREE})
  or exists (select from pool p where p.event_id = e.id and {POOL_FREE} > 0)
"""),
        {"events": list(event_ids), "now": now},
    )
    return set(rows.scalars())


def section_overview(session: Session, *, event_id: UUID, now: datetime) -> list[SectionView]:
    """Every section of the event's layout, in plan order."""
    rows = session.execute(
        text(f"""
with seats as (
  select ls.section_id, count(*) filter (where {FREE})::int as available, min(t.price_minor + t.fee_minor) as price
  from event_seat es
  join event e on e.id = es.event_id
  join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = es.seat_no
  join ticket_type t on t.id = es.ticket_type_id
  where es.event_id = :event
  group by ls.section_id
)
select s.id, s.name, s.kind, s.capacity,
  coalesce(seats.available, greatest(0, {POOL_FREE})::int, 0), coalesce(seats.price, t.price_minor + t.fee_minor), p.id
from event e
join section s on s.layout_id = e.layout_id
left join seats on seats.section_id = s.id
left join pool p on p.event_id = e.id and p.section_id = s.id
left join ticket_type t on t.id = p.ticket_type_id
where e.id = :event
order by s.position
"""),
        {"event": event_id, "now": now},
    )
    return [SectionView(*row) for row in rows]


def section_seats(session: Session, *, event_id: UUID, section_id: UUID, now: datetime) -> list[SeatView]:
    """The seats of one section, row by row; none for a standing section. Raises `SectionNotFound`."""
    rows = session.execute(
        text(f"""
select ls.seat_no, ls.row_label, ls.row_position, ls.seat_label, ls.seat_position, ls.x, ls.y, ls.category, ls.accessible,
  case when {FREE} then 'free' else es.state end, t.price_minor + t.fee_minor
from event e
join layout_seat ls on ls.layout_id = e.layout_id and ls.section_id = :section
join event_seat es on es.event_id = e.id and es.seat_no = ls.seat_no
join ticket_type t on t.id = es.ticket_type_id
where e.id = :event
order by ls.row_position, ls.seat_position, ls.seat_no
"""),
        {"event": event_id, "section": section_id, "now": now},
    )
    seats = [SeatView(*row) for row in rows]
    if not seats and not session.execute(text(SECTION_EXISTS), {"event": event_id, "section": section_id}).scalar_one():
        raise SectionNotFound("The event has no such section.", event_id=event_id, section_id=section_id)
    return seats
