"""Holds after they were claimed: read, extend once, release, expire.

Ending a hold gives back its seats (those still its own), pool places and allowance in one statement.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict, Expired, NotFound
from ticketing.inventory.rules import HoldState


class HoldNotFound(NotFound):
    """No such hold of this buyer."""


class HoldEnded(Expired):
    """The hold has expired, or was released."""


class AlreadyExtended(Conflict):
    """A hold can be extended once."""


@dataclass(frozen=True, slots=True)
class HoldLineView:
    """A seat (quantity 1) or places of a pool. Amounts are each, as in `ticket_type`."""

    line_no: int
    ticket_type_id: UUID
    ticket_type_name: str
    seat_no: int | None
    pool_id: UUID | None
    quantity: int
    price_minor: int
    fee_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class HoldView:
    id: UUID
    event_id: UUID
    vendor_id: UUID
    buyer_id: UUID
    state: HoldState
    created_at: datetime
    expires_at: datetime
    extended_at: datetime | None
    order_id: UUID | None
    currency: str
    total_minor: int
    """All-in: prices and fees of all places."""
    lines: tuple[HoldLineView, ...]
    replayed: bool = False

    def as_replayed(self) -> HoldView:
        """The same, marked as the answer to a repeated request."""
        return replace(self, replayed=True)


READ = """
select h.id, h.event_id, h.vendor_id, h.buyer_id, h.state, h.created_at, h.expires_at, h.extended_at, h.order_id, e.currency,
  l.line_no, l.ticket_type_id, t.name, l.seat_no, l.pool_id, l.quantity, l.price_minor, l.fee_minor, l.tax_minor
from unnest(%s::uuid[]) as wanted(id)
join hold h on h.id = wanted.id
join event e on e.id = h.event_id
join hold_line l on l.hold_id = h.id
join ticket_type t on t.id = l.ticket_type_id
order by h.id, l.line_no
"""


def read_holds(connection: Connection, hold_ids: Sequence[UUID]) -> list[HoldView]:
    """The holds of these ids that exist, sorted by id."""
    if not hold_ids:
        return []
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(READ, [list(hold_ids)]).fetchall()
    holds: list[HoldView] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end][0] == rows[start][0]:
            continue
        head = rows[start]
        lines = tuple(HoldLineView(*row[10:]) for row in rows[start:end])
        total = sum(line.quantity * (line.price_minor + line.fee_minor) for line in lines)
        values: tuple[Any, ...] = (*head[:4], HoldState(head[4]), *head[5:10], total, lines)
        holds.append(HoldView(*values))
        start = end
    return holds


END = """
with ending as materialized (
  select id, event_id, buyer_id, quantity from hold
  where {which}
  order by id
  limit %(limit)s
  for update skip locked
),
seat as materialized (
  select es.event_id, es.seat_no
  from ending e
  join hold_line l on l.hold_id = e.id and l.seat_no is not null
  join event_seat es on es.event_id = l.event_id and es.seat_no = l.seat_no
  where es.hold_id = e.id and es.state = 'held'
  order by es.event_id, es.seat_no
  for no key update of es
),
seat_freed as (
  update event_seat es set state = 'free', hold_id = null, held_until = null
  from seat s where es.event_id = s.event_id and es.seat_no = s.seat_no
),
allowance as materialized (
  select a.event_id, a.buyer_id, g.quantity
  from (select event_id, buyer_id, sum(quantity)::int as quantity from ending group by event_id, buyer_id) g
  join buyer_allowance a on a.event_id = g.event_id and a.buyer_id = g.buyer_id
  order by a.event_id, a.buyer_id
  for no key update of a
),
allowance_given as (
  update buyer_allowance a set taken = a.taken - g.quantity
  from allowance g where a.event_id = g.event_id and a.buyer_id = g.buyer_id
),
pool_places as materialized (
  select p.id, g.quantity
  from (
    select l.pool_id, sum(l.quantity)::int as quantity
    from ending e join hold_line l on l.hold_id = e.id and l.pool_id is not null
    group by l.pool_id
  ) g
  join pool p on p.id = g.pool_id
  order by p.id
  for no key update of p
),
pool_given as (
  update pool p set held = p.held - g.quantity from pool_places g where p.id = g.id
),
ended as (
  update hold h set state = %(state)s, ended_at = app_now() from ending e where h.id = e.id
  returning h.id, h.buyer_id, h.expires_at
),
audited as (
  insert into audit_entry (actor_id, action, subject_id)
  select case when %(state)s = 'released' then buyer_id end, 'hold.' || %(state)s, id from ended
)
select id, extract(epoch from app_now() - expires_at)::float8 as late_seconds from ended
"""

END_EXPIRED = END.format(which="state = 'active' and expires_at <= app_now()")
END_EXPIRED_OF = END.format(
    which="""state = 'active' and expires_at <= app_now() and event_id = %(event)s and (
      buyer_id = %(buyer)s
      or exists (select from hold_line l where l.hold_id = hold.id and l.pool_id = any(%(pools)s::uuid[])))"""
)
END_THESE = END.format(which="id = any(%(holds)s::uuid[]) and state || '' = 'active'")


def expire_holds(connection: Connection, *, limit: int) -> list[float]:
    """Expire up to `limit` holds that are due; returns how many seconds late each was."""
    rows = connection.execute(END_EXPIRED, {"state": HoldState.EXPIRED.value, "limit": limit}).fetchall()
    return [row[1] for row in rows]


def release_expired(connection: Connection, *, event_id: UUID, buyer_id: UUID | None, pool_ids: Sequence[UUID]) -> int:
    """Expire the due holds that stand in a claim's way: on these pools, or of this buyer; returns how many."""
    parameters = {"state": HoldState.EXPIRED.value, "limit": 1000, "event": event_id, "buyer": buyer_id, "pools": list(pool_ids)}
    return connection.execute(END_EXPIRED_OF, parameters).rowcount


def end_holds(connection: Connection, *, hold_ids: Sequence[UUID], state: HoldState) -> int:
    """End these holds if they are still active, whatever their time; returns how many were."""
    return connection.execute(END_THESE, {"state": state.value, "limit": len(hold_ids), "holds": list(hold_ids)}).rowcount


KEEP_LONGER = """
with kept as (
  update hold h
  set expires_at = greatest(h.expires_at, least(app_now() + make_interval(secs => %(seconds)s), e.sales_close_at))
  from event e where h.id = %(hold)s and e.id = h.event_id and h.state = 'active' and h.expires_at > app_now()
  returning h.id, h.expires_at
)
update event_seat es set held_until = k.expires_at
from kept k join hold_line l on l.hold_id = k.id
where es.event_id = l.event_id and es.seat_no = l.seat_no and es.hold_id = k.id and es.state = 'held'
"""


def keep_longer(connection: Connection, *, hold_id: UUID, seconds: int) -> None:
    """Keep a hold at least so long from now, never past the end of sales; for holds that we make for somebody who is not there."""
    connection.execute(KEEP_LONGER, {"hold": hold_id, "seconds": seconds})


@dataclass(frozen=True, slots=True)
class HoldChange:
    """Release or extend one hold. Safe to repeat: each is a step that can be taken once."""

    hold_id: UUID
    buyer_id: UUID
    extend: bool


EXTEND = """
with extended as (
  update hold h
  set extended_at = app_now(),
    expires_at = least(h.expires_at + make_interval(secs => e.hold_seconds), h.created_at + make_interval(secs => e.checkout_seconds))
  from event e
  where h.id = %(hold)s and e.id = h.event_id and h.state = 'active' and h.extended_at is null and h.expires_at > app_now()
  returning h.id, h.buyer_id, h.expires_at
),
seat as (
  update event_seat es set held_until = x.expires_at
  from extended x join hold_line l on l.hold_id = x.id
  where es.event_id = l.event_id and es.seat_no = l.seat_no and es.hold_id = x.id and es.state = 'held'
  returning es.seat_no
),
audited as (
  insert into audit_entry (actor_id, action, subject_id) select buyer_id, 'hold.extended', id from extended
)
select (select count(*) from extended), (select count(*) from seat)
"""


class HoldChangeHandler:
    """The writer's handler for `HoldChange`; outcomes are the `HoldView` as it is now, or an error."""

    def conflict_keys(self, request: HoldChange) -> Iterable[Hashable]:
        yield request.hold_id

    def run(self, connection: Connection, requests: Sequence[HoldChange], *, alone: bool) -> list[Any]:
        return [self._one(connection, request) for request in requests]

    @staticmethod
    def _one(connection: Connection, request: HoldChange) -> Any:
        with named_cursor(connection) as cursor:
            row = cursor.execute(
                "select buyer_id, state, order_id, extended_at, expires_at <= app_now() as over from hold where id = %s for update",
                [request.hold_id],
            ).fetchone()
        if row is None or row.buyer_id != request.buyer_id:
            return HoldNotFound("There is no such hold.", hold_id=request.hold_id)
        if request.extend:
            if row.state != HoldState.ACTIVE or row.over:
                return HoldEnded("This hold has ended.", hold_id=request.hold_id)
            if row.extended_at is not None:
                return AlreadyExtended("This hold was extended already.", hold_id=request.hold_id)
            connection.execute(EXTEND, {"hold": request.hold_id})
        elif row.state == HoldState.ACTIVE:
            if row.order_id is not None:
                return Conflict("This hold belongs to an order: cancel the order.", hold_id=request.hold_id, order_id=row.order_id)
            end_holds(connection, hold_ids=[request.hold_id], state=HoldState.RELEASED)
        return read_holds(connection, [request.hold_id])[0]
