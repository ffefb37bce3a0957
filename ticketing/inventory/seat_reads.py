"""What the seat feed reads: a whole event, what changed since it was last read, and seats it was told of.

`event_seat` has no column that says when a row changed, and may have none: a stamp, a trigger or an index would end its HOT
updates. But every row version carries the transaction that wrote it (`xmin`). A row that changed since a snapshot was written by
a transaction which that snapshot did not see, hence by one that is no older than the oldest that was running then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketing.catalog.browse import FOUND_BY_ADDRESS
from ticketing.foundation.db import Connection
from ticketing.inventory.seat_copy import ReadAt, SeatCopy, SectionFacts
from ticketing.inventory.seatmap import POOL_FREE

UNTIL = """
case es.state when 'free' then 0 when 'held' then extract(epoch from es.held_until) else 'infinity'::float8 end::float8
"""

STATE = """
select pg_current_snapshot()::text, extract(epoch from app_now())::float8, (select coalesce(sum(version), 0) from catalogue_version)::bigint
"""

EVENT = f"select {FOUND_BY_ADDRESS.replace(':now', 'app_now()')} from event e where e.id = %s"

SECTIONS = f"""
with seat as (
  select ls.section_id, min(t.price_minor + t.fee_minor) as price,
    array_agg(es.seat_no) as numbers, array_agg({UNTIL}) as untils
  from event e
  join event_seat es on es.event_id = e.id
  join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = es.seat_no
  join ticket_type t on t.id = es.ticket_type_id
  where e.id = %(event)s
  group by ls.section_id
)
select pg_current_snapshot()::text, s.id, s.name, s.kind, s.capacity, coalesce(seat.price, t.price_minor + t.fee_minor), p.id,
  coalesce(seat.numbers, array[]::int[]), coalesce(seat.untils, array[]::float8[])
from event e
join section s on s.layout_id = e.layout_id
left join seat on seat.section_id = s.id
left join pool p on p.event_id = e.id and p.section_id = s.id
left join ticket_type t on t.id = p.ticket_type_id
where e.id = %(event)s
order by s.position
"""

PLACES = f"select p.id, greatest(0, {POOL_FREE.replace(':now', 'app_now()')})::int from pool p where p.event_id = %s"

CHANGED = f"""
select pg_current_snapshot()::text, array_agg(es.seat_no), array_agg({UNTIL})
from event_seat es where es.event_id = %s and age(es.xmin) <= age(%s::xid)
"""

THESE = f"""
select pg_current_snapshot()::text, array_agg(es.seat_no), array_agg({UNTIL})
from event_seat es where es.event_id = %s and es.seat_no = any(%s::int[])
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a statement could see of the database."""

    oldest: int
    """Of the transactions that were running, or the next one: what is older had ended."""
    read_at: ReadAt

    @classmethod
    def of(cls, text: str) -> Snapshot:
        """From PostgreSQL's `xmin:xmax:xip,…`."""
        oldest, newest, running = text.split(":")
        return cls(int(oldest), ReadAt(int(newest), -(running.count(",") + 1 if running else 0)))


@dataclass(frozen=True, slots=True)
class DatabaseState:
    snapshot: str
    """As long as it is the same, nobody has changed anything."""
    now: float
    """Seconds since 1970 by its clock."""
    catalogue: int
    """Another number after every change of an event, a ticket type or a venue."""


Seats = Sequence[tuple[int, float]]
"""Number and until."""


def read_state(connection: Connection) -> DatabaseState:
    """Where the database stands; cheap."""
    return DatabaseState(*_one(connection, STATE, []))


def load_copy(connection: Connection, event_id: UUID) -> tuple[SeatCopy, Snapshot] | None:
    """The whole event; None: there is none. Some 20 ms for 20,000 seats."""
    found = connection.execute(EVENT, [event_id]).fetchone()
    if found is None:
        return None
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(SECTIONS, {"event": event_id}).fetchall()
    places = read_places(connection, event_id)
    sections, seats = [], []
    for index, (_, section_id, name, kind, capacity, price, pool_id, numbers, untils) in enumerate(rows):
        left = None if numbers else places.get(pool_id, 0)
        sections.append(SectionFacts(section_id, name, kind, capacity, price, pool_id, left))
        seats += [(number, until, index) for number, until in zip(numbers, untils, strict=True)]
    snapshot = Snapshot.of(rows[0][0]) if rows else Snapshot.of(read_state(connection).snapshot)
    return SeatCopy(event_id, public=found[0], sections=sections, seats=seats, read_at=snapshot.read_at), snapshot


def read_changes(connection: Connection, event_id: UUID, since: Snapshot) -> tuple[Snapshot, Seats]:
    """All seats of the event that changed since `since`, and maybe some that did not. Some 2 ms for 20,000 seats."""
    return _seats(_one(connection, CHANGED, [event_id, str(since.oldest % 2**32)]))


def read_seats(connection: Connection, event_id: UUID, numbers: Iterable[int]) -> tuple[Snapshot, Seats]:
    """These seats."""
    return _seats(_one(connection, THESE, [event_id, sorted(numbers)]))


def read_public(connection: Connection, event_id: UUID) -> bool:
    """Whether anybody who has its address may see the event."""
    return bool(_one(connection, EVENT, [event_id])[0])


def read_places(connection: Connection, event_id: UUID) -> Mapping[UUID, int]:
    """What is left of the event's pools."""
    return dict(connection.execute(PLACES, [event_id]).fetchall())


def _one(connection: Connection, query: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
    with connection.cursor(binary=True) as cursor:
        row: tuple[Any, ...] | None = cursor.execute(query.encode(), parameters).fetchone()
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return row


def _seats(row: tuple[Any, ...]) -> tuple[Snapshot, Seats]:
    text, numbers, untils = row
    return Snapshot.of(text), list(zip(numbers or (), untils or (), strict=True))
