"""Coming in: a place in the queue of an event, the same one however often a buyer asks.

Before the opening a place is given by lot, drawn once; afterwards places follow arrival. All of it happens under the lock of
the queue's row, which the writer thread takes once for a batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import NotFound
from ticketing.waitingroom.rules import EntryState


class NoQueue(NotFound):
    """The event has no waiting room: hold at once."""


@dataclass(frozen=True, slots=True)
class EnterRequest:
    entry_id: UUID
    """Of the row, should one be made."""
    event_id: UUID
    buyer_id: UUID
    tell: bool
    """Whether to mail the buyer when it is their turn."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a buyer stands. `position` is None until places are drawn at the opening."""

    entry_id: UUID
    event_id: UUID
    position: int | None
    state: EntryState


LOCK = """
select event_id, opens_at <= app_now() and drawn_at is null as due
from queue where event_id = any(%s) order by event_id for no key update
"""

DRAW = """
with drawn as (
  select e.id, row_number() over (order by sha256(q.seed || uuid_send(e.id))) as position
  from queue_entry e join queue q on q.event_id = e.event_id
  where e.event_id = %(event)s and e.state = 'waiting'
),
placed as (
  update queue_entry e set position = d.position from drawn d where e.id = d.id
)
update queue set drawn_at = app_now(), last_position = (select count(*) from drawn) where event_id = %(event)s
"""

ENTER = """
with req as materialized (
  select r.*, q.drawn_at is not null as drawn, q.last_position, e.id as known_id, e.state as known_state,
    e.id is null or e.state in ('done', 'lapsed', 'left') as comes
  from unnest(%(ord)s::int[], %(entry)s::uuid[], %(event)s::uuid[], %(buyer)s::uuid[], %(tell)s::bool[])
    as r(ord, entry_id, event_id, buyer_id, tell)
  join queue q on q.event_id = r.event_id
  left join queue_entry e on e.event_id = r.event_id and e.buyer_id = r.buyer_id
),
placed as materialized (
  select *, case when drawn then last_position + row_number() over (partition by event_id, comes order by ord) end as new_position
  from req where comes
),
counted as (
  update queue q set last_position = q.last_position + p.arrivals
  from (select event_id, count(*) as arrivals from placed where drawn group by event_id) p
  where q.event_id = p.event_id
),
entered as (
  insert into queue_entry (id, event_id, buyer_id, arrived_at, position, tell)
  select entry_id, event_id, buyer_id, app_now(), new_position, tell from placed where known_id is null order by ord
  returning id, position, state
),
entered_again as (
  update queue_entry e
  set state = 'waiting', position = p.new_position, tell = p.tell, arrived_at = app_now(),
    admitted_at = null, turn_ends_at = null, hold_id = null
  from placed p where e.id = p.known_id
  returning e.id, e.position, e.state
)
select r.ord, e.id, e.position, e.state, r.event_id from req r join entered e on e.id = r.entry_id
union all
select r.ord, e.id, e.position, e.state, r.event_id from req r join entered_again e on e.id = r.known_id
union all
select r.ord, e.id, e.position, e.state, r.event_id from req r join queue_entry e on e.id = r.known_id where not r.comes
"""


class EnterHandler:
    """The writer's handler for `EnterRequest`; outcomes are `Place` or `NoQueue`."""

    def conflict_keys(self, request: EnterRequest) -> Iterable[Hashable]:
        yield (request.event_id, request.buyer_id)

    def run(self, connection: Connection, requests: Sequence[EnterRequest], *, alone: bool) -> list[Any]:
        for event_id, due in connection.execute(LOCK, [sorted({r.event_id for r in requests})]).fetchall():
            if due:
                draw_places(connection, event_id=event_id)
        parameters = {
            "ord": list(range(len(requests))),
            "entry": [r.entry_id for r in requests],
            "event": [r.event_id for r in requests],
            "buyer": [r.buyer_id for r in requests],
            "tell": [r.tell for r in requests],
        }
        outcomes: list[Any] = [NoQueue("This event has no waiting room.", event_id=r.event_id) for r in requests]
        with named_cursor(connection, binary=True) as cursor:
            for row in cursor.execute(ENTER, parameters):
                outcomes[row.ord] = Place(row.id, row.event_id, row.position, EntryState(row.state))
        return outcomes


def draw_places(connection: Connection, *, event_id: UUID) -> None:
    """Give everybody who came before the opening a place by lot. The caller holds the queue's lock."""
    connection.execute(DRAW, {"event": event_id})
