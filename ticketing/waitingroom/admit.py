"""Letting people in: as many as the caps, the free places and the pace allow, always the next in line.

Any process may advance a queue at any time; the lock of the queue's row makes it one at a time, and what is let in follows
from rows alone, so a process that dies loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.waitingroom.enter import draw_places

MOST_CREDIT_SECONDS = 5
"""A pace that was not used is kept for so long: after a pause nobody floods the shop."""

LOCK = """
select *, app_now() as now, opens_at <= app_now() as is_open, coalesce(extract(epoch from app_now() - advanced_at), 0)::float8 as seconds
from queue where event_id = %s for no key update skip locked
"""

END_TURNS = """
with inside as materialized (
  select e.id, h.state = 'converted' as bought, coalesce(h.state = 'active' and h.expires_at > app_now(), false) as holds,
    e.turn_ends_at <= app_now() as over
  from queue_entry e left join hold h on h.id = e.hold_id
  where e.event_id = %s and e.state in ('admitted', 'shopping')
),
ended as (
  update queue_entry e set state = case when i.bought then 'done' else 'lapsed' end
  from inside i where e.id = i.id and (i.bought or (i.over and not i.holds))
  returning e.id
)
select (select count(*) from inside) - (select count(*) from ended)
"""

FREE_PLACES = """
select
  (select count(*) from event_seat where event_id = %(event)s and (state = 'free' or (state = 'held' and held_until <= app_now())))
  + (select coalesce(sum(capacity - sold - held), 0) from pool where event_id = %(event)s)
"""

ADMIT = """
with next as (
  select id from queue_entry
  where event_id = %(event)s and position > %(upto)s and state = 'waiting'
  order by position limit %(count)s
),
admitted as (
  update queue_entry e
  set state = 'admitted', admitted_at = app_now(), turn_ends_at = app_now() + make_interval(secs => %(grace)s)
  from next n where e.id = n.id
  returning e.id, e.buyer_id, e.position, e.tell
),
told as (
  insert into outbox (topic, subject_id, payload) select 'queue.turn', id, jsonb_build_object('user_id', buyer_id) from admitted where tell
)
select count(*), coalesce(max(position), %(upto)s) from admitted
"""


EARLY = "select count(*) from queue_entry where event_id = %s and state = 'waiting'"


@dataclass(frozen=True, slots=True)
class Counter:
    """What everybody in one queue needs to know; read once, for all of them."""

    event_id: UUID
    opens_at: datetime
    is_open: bool
    paused: bool
    drawn: bool
    last_position: int
    admitted_upto: int
    inside: int
    admitted_now: int
    """Let in by this step."""
    early: int
    """How many will be in the lot; 0 once it is drawn."""


def advance_queue(connection: Connection, *, event_id: UUID) -> Counter | None:
    """End turns that are over and let the next in, in the connection's transaction. None: another process is at it."""
    with named_cursor(connection) as cursor:
        queue = cursor.execute(LOCK, [event_id]).fetchone()
    if queue is None:
        return None
    drawn = queue.drawn_at is not None
    last_position = queue.last_position
    if queue.is_open and not drawn:
        draw_places(connection, event_id=event_id)
        drawn = True
        last_position = _one(connection, "select last_position from queue where event_id = %s", [event_id])
    inside = _one(connection, END_TURNS, [event_id])
    admitted, upto = 0, queue.admitted_upto
    credit = _credit(queue)
    if queue.is_open and queue.paused_at is None and upto < last_position:
        room = min(queue.most_shoppers - inside, int(credit)) if queue.per_minute else queue.most_shoppers - inside
        if room > 0:
            room = min(room, _one(connection, FREE_PLACES, {"event": event_id}))
        if room > 0:
            parameters = {"event": event_id, "upto": upto, "count": room, "grace": queue.grace_seconds}
            admitted, upto = connection.execute(ADMIT, parameters).fetchone() or (0, upto)
    connection.execute(
        "update queue set admitted_upto = %s, credit = %s, advanced_at = app_now() where event_id = %s",
        [upto, credit - admitted if queue.per_minute else 0, event_id],
    )
    return Counter(
        event_id=event_id,
        opens_at=queue.opens_at,
        is_open=queue.is_open,
        paused=queue.paused_at is not None,
        drawn=drawn,
        last_position=last_position,
        admitted_upto=upto,
        inside=inside + admitted,
        admitted_now=admitted,
        early=0 if drawn else _one(connection, EARLY, [event_id]),
    )


def _credit(queue: Any) -> float:
    """How many the pace allows now; grows while the queue is open."""
    if not queue.per_minute or not queue.is_open:
        return 0.0
    per_second = queue.per_minute / 60
    earned = per_second * queue.seconds if queue.advanced_at is not None else 1.0
    return float(min(queue.credit + earned, max(1.0, per_second * MOST_CREDIT_SECONDS)))


def _one(connection: Connection, statement: str, parameters: Any) -> int:
    row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    return int(row[0])
