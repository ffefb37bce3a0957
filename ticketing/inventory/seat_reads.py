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

UNTIL = """
case es.state when 'free' then 0 when 'held' then extract(epoch from es.held_until) else 'infinity'::float8 end::float8
"""

STATE = "select pg_current_snapshot()::text, extract(epoch from app_now())::float8"

FACTS = f"""
select {FOUND_BY_ADDRESS.replace(":now", "app_now()")},
  concat_ws(' ', e.layout_id, e.changed_xid, (select max(t.changed_xid) from ticket_type t where t.event_id = e.id)),
  coalesce(pools.ids, array[]::uuid[]), coalesce(pools.lefts, array[]::int[])
from event e
left join lateral (
  select array_agg(p.id) as ids, array_agg(greatest(0, p.capacity - p.sold - coalesce(held.places, 0))::int) as lefts
  from pool p
  left join (
    select l.pool_id, sum(l.quantity) as places from hold h join hold_line l on l.hold_id = h.id
    where h.event_id = e.id and h.state = 'active' and h.expires_at > app_now() and l.pool_id is not null
    group by l.pool_id
  ) held on held.pool_id = p.id
  where p.event_id = e.id
) pools on true
where e.id = %s
"""

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


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What is small enough to be read each time."""

    public: bool
    """Whether anybody who has its address may see it."""
    stamp: str
    """Another one after every change of the event or of its ticket types: prices, plan, names may be others."""
    places: Mapping[UUID, int]
    """What is left of its pools."""


Seats = Sequence[tuple[int, float]]
"""Number and until."""


def read_state(connection: Connection) -> DatabaseState:
    """Where the database stands; cheap."""
    return DatabaseState(*_one(connection, STATE, []))


def read_facts(connection: Connection, event_id: UUID) -> EventFacts | None:
    """None: there is no such event."""
    row = connection.execute(FACTS.encode(), [event_id]).fetchone()
    return None if row is None else EventFacts(row[0], row[1], dict(zip(row[2], row[3], strict=True)))


def load_copy(connection: Connection, event_id: UUID, facts: EventFacts) -> tuple[SeatCopy, Snapshot]:
    """The whole event. Some 50 ms for 20,000 seats."""
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(SECTIONS.encode(), {"event": event_id}).fetchall()
    sections, seats = [], []
    for index, (_, section_id, name, kind, capacity, price, pool_id, numbers, untils) in enumerate(rows):
        left = None if numbers else facts.places.get(pool_id, 0)
        sections.append(SectionFacts(section_id, name, kind, capacity, price, pool_id, left))
        seats += [(number, until, index) for number, until in zip(numbers, untils, strict=True)]
    snapshot = Snapshot.of(rows[0][0] if rows else read_state(connection).snapshot)
    return SeatCopy(event_id, public=facts.public, sections=sections, seats=seats, read_at=snapshot.read_at), snapshot


def read_changes(connection: Connection, event_id: UUID, since: Snapshot) -> tuple[Snapshot, Seats]:
    """All seats of the event that changed since `since`, and maybe some that did not. Some 2 ms for 20,000 seats."""
    return _seats(_one(connection, CHANGED, [event_id, str(since.oldest % 2**32)]))


def read_seats(connection: Connection, event_id: UUID, numbers: Iterable[int]) -> tuple[Snapshot, Seats]:
    """These seats."""
    array = "{" + ",".join(map(str, numbers)) + "}"  # psycopg takes a microsecond for each number of a list
    return _seats(_one(connection, THESE, [event_id, array]))


def _one(connection: Connection, query: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
    with connection.cursor(binary=True) as cursor:
        row: tuple[Any, ...] | None = cursor.execute(query.encode(), parameters).fetchone()
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return row


def _seats(row: tuple[Any, ...]) -> tuple[Snapshot, Seats]:
    text, numbers, untils = row
    return Snapshot.of(text), list(zip(numbers or (), untils or (), strict=True))
