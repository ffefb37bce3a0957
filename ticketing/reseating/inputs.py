"""What a plan is made of: an event's tickets on seats that are gone, the seats that are free, and what they cost.

A seat stays when the newer layout has one of its number and its `seat_guid`; else it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.reseating.planner import Group, Member, Place


@dataclass(frozen=True, slots=True)
class StandingShort:
    """A standing area that has fewer places than are taken."""

    pool_id: UUID
    name: str
    taken: int
    """Sold and held."""
    capacity: int
    """In the newer version; 0: it is gone."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What an event loses with the newer layout."""

    gone: int
    held: int
    """Gone seats in live holds."""
    sold: int
    priced: int
    """Gone seats and standing places with a price, those held and sold included."""
    standing: list[StandingShort]
    """Pools that don't fit any more."""

    @property
    def any(self) -> bool:
        return bool(self.gone or self.priced or self.standing)


GONE = """
with gone as materialized (
  select o.seat_no, o.section_id, o.category from layout_seat o
  where o.layout_id = :from and not exists (
    select from layout_seat n where n.layout_id = :to and n.seat_no = o.seat_no and n.guid = o.guid)
)
"""

SEATS_LOST = (
    GONE
    + """
select count(*)::int as gone,
  count(*) filter (where es.state = 'held' and es.held_until > :now)::int as held,
  count(*) filter (where es.state = 'sold')::int as sold,
  count(*) filter (where es.seat_no is not null or exists (
    select from ticket_type_section t
    where t.event_id = :event and t.section_id = g.section_id and t.category in ('', g.category)))::int as priced
from gone g
left join event_seat es on es.event_id = :event and es.seat_no = g.seat_no
"""
)

POOLS = """
select p.id, p.name, p.sold + p.held as taken, p.capacity, s.capacity as was, coalesce(n.capacity, 0) as becomes
from pool p
join section s on s.id = p.section_id
left join section n on n.layout_id = :to and n.kind = 'standing' and n.name = s.name
where p.event_id = :event
order by p.id
"""
"""Standing areas are found again by name."""


def find_conflict(session: Session, *, event_id: UUID, from_layout_id: UUID, to_layout_id: UUID, now: datetime) -> Conflict:
    """What the event would lose."""
    ids = {"event": event_id, "from": from_layout_id, "to": to_layout_id}
    seats = session.execute(text(SEATS_LOST), ids | {"now": now}).one()
    pools = session.execute(text(POOLS), ids).all()
    short = [StandingShort(p.id, p.name, p.taken, p.becomes) for p in pools if p.taken > p.becomes]
    lost = sum(max(0, p.capacity - pool_capacity(p.capacity, p.was, p.becomes)) for p in pools)
    return Conflict(seats.gone, seats.held, seats.sold, seats.priced + lost, short)


def pool_capacity(capacity: int, was: int, becomes: int) -> int:
    """A pool that had its whole area has the whole new one; one that was made smaller never grows by itself."""
    return becomes if capacity == was else min(capacity, becomes)


OLD_PRICES = """
select s.name as section, coalesce(ls.category, '') as category, t.ticket_type_id, y.price_minor
from ticket_type_section t
join ticket_type y on y.id = t.ticket_type_id
join section s on s.id = t.section_id
left join (select distinct section_id, category from layout_seat where layout_id = :from) ls
  on ls.section_id = s.id and t.category in ('', ls.category)
where t.event_id = :event
order by y.position, s.position, t.category desc, category
"""
"""A seated section by its categories, a standing one under ''."""
TYPE_NAMES = "select name, id, price_minor from ticket_type where event_id = :event order by position"
NEW_PARTS = """
select s.id, s.name, s.kind, s.capacity, c.category
from section s
left join (select distinct section_id, category from layout_seat where layout_id = :to) c on c.section_id = s.id
where s.layout_id = :to
order by s.position, c.category
"""


@dataclass(frozen=True, slots=True)
class PricedPart:
    """A category of a seated section of the newer layout, or a standing section (category '')."""

    section_id: UUID
    section: str
    standing: bool
    capacity: int
    category: str
    ticket_type_id: UUID | None
    """None: the event has no price for it."""
    price_minor: int


def price_parts(session: Session, *, event_id: UUID, from_layout_id: UUID, to_layout_id: UUID) -> list[PricedPart]:
    """What sells the parts of the newer layout: what sold the same category of the same section; else the category elsewhere; else
    the ticket type that is called so."""
    ids = {"event": event_id, "from": from_layout_id, "to": to_layout_id}
    by_place: dict[tuple[str, str], tuple[UUID, int]] = {}
    by_category: dict[str, tuple[UUID, int]] = {}
    for row in session.execute(text(OLD_PRICES), ids):
        by_place.setdefault((row.section, row.category), (row.ticket_type_id, row.price_minor))
        if row.category:
            by_category.setdefault(row.category, (row.ticket_type_id, row.price_minor))
    by_name = {row.name: (row.id, row.price_minor) for row in session.execute(text(TYPE_NAMES), ids)}
    parts = []
    for row in session.execute(text(NEW_PARTS), ids):
        category = row.category or ""
        name = category or row.name
        ticket_type_id, price = by_place.get((row.name, category)) or by_category.get(name) or by_name.get(name) or (None, 0)
        parts.append(PricedPart(row.id, row.name, row.kind == "standing", row.capacity, category, ticket_type_id, price))
    return parts


TICKETS = (
    GONE
    + """
select t.id, t.order_id, t.seat_no, t.ticket_type_id, y.price_minor, s.position as section_position, o.row_position, o.seat_position,
  o.x, o.y, o.accessible, o.accessible or o.companion_of is not null as reserved, g.seat_no is not null as gone
from ticket t
join layout_seat o on o.layout_id = :from and o.seat_no = t.seat_no
join section s on s.id = o.section_id
join ticket_type y on y.id = t.ticket_type_id
left join gone g on g.seat_no = t.seat_no
where t.event_id = :event and t.state in ('valid', 'used', 'listed')
  and t.order_id in (select k.order_id from ticket k join gone h on h.seat_no = k.seat_no
    where k.event_id = :event and k.state in ('valid', 'used', 'listed'))
order by t.order_id, s.position, o.row_position, o.seat_position
"""
)

PLACES = """
select n.seat_no, n.section_id, n.category, s.position as section_position, n.row_position, n.seat_position, n.x, n.y, n.accessible,
  n.accessible or n.companion_of is not null as reserved,
  o.seat_no is null or coalesce(es.state = 'free' or (es.state = 'held' and es.held_until <= :now), false) as free
from layout_seat n
join section s on s.id = n.section_id
left join layout_seat o on o.layout_id = :from and o.seat_no = n.seat_no and o.guid = n.guid
left join event_seat es on es.event_id = :event and es.seat_no = n.seat_no
where n.layout_id = :to
order by n.seat_no
"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """For the planner, and whose tickets its groups are."""

    tickets: list[list[Any]]
    """A group's tickets, from left to right."""
    groups: list[Group]
    places: list[Place]


def read_inputs(
    session: Session,
    *,
    event_id: UUID,
    from_layout_id: UUID,
    to_layout_id: UUID,
    parts: Sequence[PricedPart],
    closed_types: Sequence[UUID],
    now: datetime,
) -> Inputs:
    """Groups with a seat that is gone, and every place that is free, or becomes free because its group moves.

    Places of a category without a price are kept for the house. Those that only an access code opens are given to nobody who had
    no such ticket.
    """
    ids = {"event": event_id, "from": from_layout_id, "to": to_layout_id}
    tickets = [group for group in _side_by_side(session.execute(text(TICKETS), ids)) if any(t.gone for t in group)]
    own = {ticket.seat_no for group in tickets for ticket in group if not ticket.gone}
    closed = set(closed_types) - {ticket.ticket_type_id for group in tickets for ticket in group}
    sold_as = {(part.section_id, part.category): part for part in parts if part.ticket_type_id is not None}
    places = []
    for row in session.execute(text(PLACES), ids | {"now": now}):
        part = sold_as.get((row.section_id, row.category))
        if (row.free or row.seat_no in own) and part is not None and part.ticket_type_id not in closed:
            where = (row.section_position, row.row_position)
            places.append(Place(row.seat_no, where, row.seat_position, part.price_minor, row.x, row.y, row.accessible, row.reserved))
    return Inputs(tickets, [_group(group) for group in tickets], places)


def _side_by_side(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Tickets of one order whose seats are neighbours."""
    for _, row_of_order in groupby(rows, key=lambda t: (t.order_id, t.section_position, t.row_position)):
        run: list[Any] = []
        for ticket in row_of_order:
            if run and run[-1].seat_position + 1 != ticket.seat_position:
                yield run
                run = []
            run.append(ticket)
        yield run


def _group(tickets: Sequence[Any]) -> Group:
    members = tuple(Member(t.price_minor, t.accessible, t.reserved) for t in tickets)
    return Group(members, sum(t.x for t in tickets) / len(tickets), sum(t.y for t in tickets) / len(tickets))


def moves_of(inputs: Inputs, seats: Mapping[int, tuple[int, ...]]) -> Iterator[tuple[int, Any, int | None]]:
    """(group from 0, ticket, its new seat or None) for each ticket of the groups."""
    for number, group in enumerate(inputs.tickets):
        for place, ticket in enumerate(group):
            yield number, ticket, seats[number][place] if number in seats else None
