"""Claiming seats and places: one statement for a whole batch of requests.

Named seats are all or nothing. The statement locks what is free (skipping what others have locked), raises each buyer's
allowance where the cap allows, takes pool places where they fit, and writes hold, lines, idempotency key and audit entry
for those that won all of it. Winners are counted from what was really written, never from what was read before.

Lock order everywhere: holds, seats, allowances, pools; each kind sorted by its key.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict, Expired, Invalid, NotFound
from ticketing.foundation.idempotency import find_keys, reused
from ticketing.inventory.holds import read_holds, release_expired
from ticketing.inventory.rules import Terms
from ticketing.inventory.writer import RunAlone

MOST_PLACES_PER_HOLD = 100
MOST_HOLDS_A_DAY = 30
"""Of one buyer at one event. The cap bounds what a buyer holds at once; this bounds holding the same places for ever."""
SAME_DAY = "(a.holds_since > app_now() - interval '1 day')"
HELD_TOO_OFTEN = f"select 1 from buyer_allowance a where event_id = %s and buyer_id = %s and a.holds >= {MOST_HOLDS_A_DAY} and {SAME_DAY}"
MOST_PER_BUYER = 1000
"""The highest cap an event may have; the one for what its staff sell or give away."""


class EventNotFound(NotFound):
    """No such event on sale."""


class NotOnSale(Conflict):
    """The event's sales are not open now."""


class SeatNotFound(NotFound):
    """The event has no such seat or pool."""


class SeatsTaken(Conflict):
    """Some of the seats are not free; `details["seats"]` lists them. Nothing was held."""


class SoldOut(Expired):
    """Fewer places are left than were asked for."""


class TicketTypeNotOnSale(Conflict):
    """Some of the places are sold at another time than the rest of the event; nothing was held."""


class AccessCodeNeeded(Conflict):
    """Some of the places are open only to who has an access code; nothing was held."""


class TooManyHolds(Conflict):
    """The buyer has held places of this event again and again: as often as one may within a day."""


class AllowanceExceeded(Conflict):
    """The buyer would have more places of this event than one buyer may."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Seats by number and places by pool, of one event, for one buyer."""

    hold_id: UUID
    event_id: UUID
    buyer_id: UUID
    key: str
    digest: bytes
    seats: tuple[int, ...] = ()
    places: tuple[tuple[UUID, int], ...] = ()
    code: str | None = None
    opened: tuple[UUID, ...] = ()
    """Ticket types that the code opens."""
    terms: Terms = Terms.PUBLIC
    actor_id: UUID | None = None
    """Who claims for the buyer; None: the buyer."""

    @property
    def quantity(self) -> int:
        return len(self.seats) + sum(count for _, count in self.places)

    def check(self) -> None:
        """Raises `Invalid` for what no state of the event could make right."""
        if not 0 < self.quantity <= MOST_PLACES_PER_HOLD:
            raise Invalid(f"A hold takes 1 to {MOST_PLACES_PER_HOLD} places.", fields={"quantity": self.quantity})
        if len(set(self.seats)) != len(self.seats) or len({pool for pool, _ in self.places}) != len(self.places):
            raise Invalid("A seat or pool is named twice.", fields={"seats": list(self.seats)})
        if any(count <= 0 for _, count in self.places) or any(not 0 <= seat < 2**31 for seat in self.seats):
            raise Invalid("Counts and seat numbers must be positive.", fields={"places": [count for _, count in self.places]})


CLAIM = """
with req as materialized (
  select r.*, e.vendor_id, e.max_per_buyer, e.hold_seconds,
    coalesce(e.status not in ('draft', 'withdrawn'), false) as found,
    coalesce(e.status = 'published' and (r.terms <> 'public'
      or (e.sales_open_at <= app_now() and e.sales_close_at > app_now() and e.sales_paused_at is null)), false) as on_sale,
    case when e.access_types = '{{}}' or r.terms <> 'public' then '{{}}' else array(
      select t from unnest(e.access_types) as t
      where (r.ord, t) not in (select o.ord, o.type_id from unnest(%(opened_ord)s::int[], %(opened)s::uuid[]) as o(ord, type_id))
    ) end || case when e.windowed_types = '{{}}' or r.terms <> 'public' then '{{}}' else array(
      select t.id from ticket_type t
      where t.id = any(e.windowed_types) and (t.sales_open_at > app_now() or t.sales_close_at <= app_now())
    ) end as closed,
    k.resource_id as replay_id, k.request_digest as replay_digest, k.kind as replay_kind
  from unnest(%(ord)s::int[], %(hold)s::uuid[], %(event)s::uuid[], %(buyer)s::uuid[], %(key)s::text[], %(digest)s::bytea[],
    %(quantity)s::int[], %(seat_count)s::int[], %(pool_count)s::int[], %(terms)s::text[], %(actor)s::uuid[])
    as r(ord, hold_id, event_id, buyer_id, key, digest, quantity, seat_count, pool_count, terms, actor_id)
  left join event e on e.id = r.event_id
  left join idempotency_key k on k.actor_id = r.buyer_id and k.key = r.key
),
seat_req as materialized (
  select s.ord, r.event_id, s.seat_no, r.closed, r.terms
  from unnest(%(seat_ord)s::int[], %(seat_no)s::int[]) as s(ord, seat_no)
  join req r on r.ord = s.ord and r.on_sale and r.replay_id is null
  order by r.event_id, s.seat_no
),
pool_req as materialized (
  select p.ord, p.pool_id, p.quantity, r.event_id
  from unnest(%(pool_ord)s::int[], %(pool)s::uuid[], %(pool_quantity)s::int[]) as p(ord, pool_id, quantity)
  join req r on r.ord = p.ord and r.on_sale and r.replay_id is null
  where r.closed = '{{}}' or exists (select from pool o where o.id = p.pool_id and o.ticket_type_id <> all(r.closed))
),
locked as materialized (
  select s.ord, es.event_id, es.seat_no, es.ticket_type_id
  from seat_req s
  join event_seat es on es.event_id = s.event_id and es.seat_no = s.seat_no
  where (es.state = 'free' or (es.state = 'held' and es.held_until <= app_now())
      or (s.terms = 'complimentary' and es.state = 'blocked' and es.block_reason = 'house'))
    and es.ticket_type_id <> all(s.closed)
  for no key update of es {skip_locked}
),
seated as (
  select r.*
  from req r
  left join (select ord, count(*) as seats from locked group by ord) l on l.ord = r.ord
  where r.on_sale and r.replay_id is null and coalesce(l.seats, 0) = r.seat_count
),
allowance as (
  insert into buyer_allowance as a (event_id, buyer_id, taken, allowed, holds)
  select event_id, buyer_id, quantity, cap, 1
  from (select *, case when terms = 'public' then max_per_buyer else {most_per_buyer} end as cap from seated) s
  where quantity <= cap order by event_id, buyer_id
  on conflict (event_id, buyer_id) do update set taken = a.taken + excluded.taken, allowed = excluded.allowed,
      holds = case when {same_day} then a.holds + 1 else 1 end, holds_since = case when {same_day} then a.holds_since else app_now() end
    where a.taken + excluded.taken <= excluded.allowed and (a.holds < {most_holds} or not {same_day})
  returning event_id, buyer_id
),
allowed as (
  select s.* from seated s join allowance a on a.event_id = s.event_id and a.buyer_id = s.buyer_id
),
pool_want as (
  select p.pool_id, p.event_id, sum(p.quantity)::int as quantity
  from pool_req p join allowed a on a.ord = p.ord
  group by p.pool_id, p.event_id
),
pool_locked as materialized (
  select p.id, w.quantity from pool p join pool_want w on w.pool_id = p.id and w.event_id = p.event_id
  order by p.id for no key update of p
),
pool_claim as (
  update pool p set held = p.held + l.quantity
  from pool_locked l
  where p.id = l.id and p.sold + p.held + l.quantity <= p.capacity
  returning p.id, p.ticket_type_id
),
won as (
  select a.*, case when a.terms = 'complimentary' then 0 else 1 end as paid
  from allowed a
  left join (select q.ord, count(*) as pools from pool_req q join pool_claim c on c.id = q.pool_id group by q.ord) p on p.ord = a.ord
  where coalesce(p.pools, 0) = a.pool_count
),
seat_taken as (
  update event_seat es
  set state = 'held', block_reason = null, hold_id = w.hold_id, held_until = app_now() + make_interval(secs => w.hold_seconds)
  from locked l join won w on w.ord = l.ord
  where es.event_id = l.event_id and es.seat_no = l.seat_no
  returning l.ord, es.seat_no, es.ticket_type_id
),
new_hold as (
  insert into hold (id, vendor_id, event_id, buyer_id, state, quantity, created_at, expires_at)
  select hold_id, vendor_id, event_id, buyer_id, 'active', quantity, app_now(), app_now() + make_interval(secs => hold_seconds)
  from won
  returning id
),
place as (
  select t.ord, t.ticket_type_id, t.seat_no, null::uuid as pool_id, 1 as quantity from seat_taken t
  union all
  select q.ord, c.ticket_type_id, null, q.pool_id, q.quantity
  from pool_req q join pool_claim c on c.id = q.pool_id join won w on w.ord = q.ord
),
new_line as (
  insert into hold_line (hold_id, line_no, event_id, ticket_type_id, seat_no, pool_id, quantity, price_minor, fee_minor, tax_minor)
  select w.hold_id, row_number() over (partition by p.ord order by p.seat_no, p.pool_id), w.event_id, p.ticket_type_id,
    p.seat_no, p.pool_id, p.quantity, t.price_minor * w.paid, t.fee_minor * w.paid, t.tax_minor * w.paid
  from place p join won w on w.ord = p.ord join ticket_type t on t.id = p.ticket_type_id
  returning hold_id
),
new_key as (
  insert into idempotency_key (actor_id, key, request_digest, kind, resource_id)
  select buyer_id, key, digest, 'hold', hold_id from won
),
new_audit as (
  insert into audit_entry (actor_id, action, subject_id, digest)
  select actor_id, 'hold.created', hold_id, digest from won
)
select r.ord, r.found, r.on_sale, r.closed, r.replay_id, r.replay_digest, r.replay_kind,
  s.ord is not null as has_seats, a.ord is not null as has_allowance, w.ord is not null as has_won,
  (select count(*) from seat_taken t where t.ord = r.ord) = r.seat_count as seats_written,
  case when a.ord is not null and w.ord is null
    then array(select c.id from pool_req q join pool_claim c on c.id = q.pool_id where q.ord = r.ord) end as pools_to_return
from req r
left join seated s on s.ord = r.ord
left join allowed a on a.ord = r.ord
left join won w on w.ord = r.ord
"""

_LIMITS = {"most_per_buyer": MOST_PER_BUYER, "most_holds": MOST_HOLDS_A_DAY, "same_day": SAME_DAY}
CLAIM_SKIPPING = CLAIM.format(skip_locked="skip locked", **_LIMITS)
CLAIM_WAITING = CLAIM.format(skip_locked="", **_LIMITS)

GIVE_BACK_ALLOWANCE = """
update buyer_allowance set taken = taken - %(quantity)s, holds = holds - 1 where event_id = %(event)s and buyer_id = %(buyer)s
"""

GIVE_BACK_POOLS = """
update pool p set held = p.held - g.quantity
from unnest(%(pool)s::uuid[], %(quantity)s::int[]) as g(pool_id, quantity)
where p.id = g.pool_id
"""

ASKED_FOR = """
select ticket_type_id from event_seat where event_id = %(event)s and seat_no = any(%(seats)s) and ticket_type_id = any(%(closed)s)
union
select ticket_type_id from pool where id = any(%(pools)s) and event_id = %(event)s and ticket_type_id = any(%(closed)s)
"""

OUT_OF_WINDOW = """
select exists (select from ticket_type where id = any(%(types)s) and (sales_open_at > app_now() or sales_close_at <= app_now()))
"""

WHY_SEATS = """
select s.seat_no, es.state is not null as exists,
  coalesce(es.state = 'free' or (es.state = 'held' and es.held_until <= app_now()), false) as claimable
from unnest(%(seats)s::int[]) as s(seat_no)
left join event_seat es on es.event_id = %(event)s and es.seat_no = s.seat_no
"""


class ClaimHandler:
    """The writer's handler for `ClaimRequest`; outcomes are `HoldView` or one of this module's errors."""

    def conflict_keys(self, request: ClaimRequest) -> Iterable[Hashable]:
        yield (request.event_id, request.buyer_id)
        yield (request.buyer_id, request.key)
        for seat in request.seats:
            yield (request.event_id, seat)

    def run(self, connection: Connection, requests: Sequence[ClaimRequest], *, alone: bool) -> list[Any]:
        outcomes: list[Any] = [None] * len(requests)
        rows = _claim(connection, requests, waiting=alone)
        for row in rows:
            if row.pools_to_return is not None:
                _give_back(connection, requests[row.ord], row.pools_to_return)
        wanted: dict[UUID, tuple[int, bool]] = {}
        for row in rows:
            request = requests[row.ord]
            if row.has_won:
                if not row.seats_written:
                    raise RuntimeError("seats that were locked could not be taken")
                wanted[request.hold_id] = (row.ord, False)
            elif row.replay_id is not None:
                if _is_repeat(request, row.replay_kind, row.replay_digest):
                    wanted[row.replay_id] = (row.ord, True)
                else:
                    outcomes[row.ord] = reused(key=request.key)
            else:
                outcomes[row.ord] = self._lost(connection, request, row, alone=alone)
        lost = {ord_: requests[ord_] for ord_, outcome in enumerate(outcomes) if isinstance(outcome, RACES)}
        for ord_, known in find_keys(connection, lost).items():
            if _is_repeat(requests[ord_], known.kind, known.digest):
                wanted[known.resource_id] = (ord_, True)
            else:
                outcomes[ord_] = reused(key=requests[ord_].key)
        for hold in read_holds(connection, list(wanted)):
            ord_, replayed = wanted[hold.id]
            outcomes[ord_] = hold.as_replayed() if replayed else hold
        return outcomes

    def _lost(self, connection: Connection, request: ClaimRequest, row: Any, *, alone: bool) -> Any:
        """Why a request did not win, after what has expired was freed and it was tried once more."""
        if not row.found:
            return EventNotFound("There is no such event.", event_id=request.event_id)
        if not row.on_sale:
            return NotOnSale("This event is not on sale now.", event_id=request.event_id)
        if row.closed and (types := _asked_for(connection, request, row.closed)):
            return why_closed(connection, request.event_id, types)
        if not row.has_seats:
            return self._lost_seats(connection, request, alone=alone)
        if not alone:
            return RunAlone()  # a pool or cap was short for the batch: alone, expired holds are freed first
        pools = [pool for pool, _ in request.places]
        if release_expired(connection, event_id=request.event_id, buyer_id=None if row.has_allowance else request.buyer_id, pool_ids=pools):
            (again,) = _claim(connection, [request], waiting=True)
            if again.has_won:
                return read_holds(connection, [request.hold_id])[0]
            if again.pools_to_return is not None:
                _give_back(connection, request, again.pools_to_return)
            row = again
        if not row.has_allowance:
            if connection.execute(HELD_TOO_OFTEN, [request.event_id, request.buyer_id]).fetchone():
                return TooManyHolds(f"You have held places of this event {MOST_HOLDS_A_DAY} times today.", event_id=request.event_id)
            return AllowanceExceeded("This is more than one buyer may have of this event.", event_id=request.event_id)
        found = connection.execute("select count(*) from pool where event_id = %s and id = any(%s)", [request.event_id, pools]).fetchone()
        if found is None or found[0] != len(pools):
            return SeatNotFound("The event has no such pool.", pools=pools)
        return SoldOut("Fewer places are left than you asked for.", pools=pools)

    @staticmethod
    def _lost_seats(connection: Connection, request: ClaimRequest, *, alone: bool) -> Any:
        rows = connection.execute(WHY_SEATS, {"event": request.event_id, "seats": list(request.seats)}).fetchall()
        if missing := [seat for seat, exists, _ in rows if not exists]:
            return SeatNotFound("The event has no such seat.", seats=missing)
        taken = [seat for seat, _, claimable in rows if not claimable]
        if not taken and not alone:
            return RunAlone()  # they were only locked: ask again, waiting
        return SeatsTaken("Some of these seats have just been taken.", seats=taken or list(request.seats))


RACES = (SeatsTaken, SoldOut, AllowanceExceeded)
"""Refusals that the same request may have caused itself, in another process under the same key."""


def _is_repeat(request: ClaimRequest, kind: str, digest: bytes) -> bool:
    return kind == "hold" and digest == request.digest


def _claim(connection: Connection, requests: Sequence[ClaimRequest], *, waiting: bool) -> list[Any]:
    parameters = {
        "ord": list(range(len(requests))),
        "hold": [r.hold_id for r in requests],
        "event": [r.event_id for r in requests],
        "buyer": [r.buyer_id for r in requests],
        "key": [r.key for r in requests],
        "digest": [r.digest for r in requests],
        "quantity": [r.quantity for r in requests],
        "seat_count": [len(r.seats) for r in requests],
        "pool_count": [len(r.places) for r in requests],
        "seat_ord": [i for i, r in enumerate(requests) for _ in r.seats],
        "seat_no": [seat for r in requests for seat in r.seats],
        "pool_ord": [i for i, r in enumerate(requests) for _ in r.places],
        "pool": [pool for r in requests for pool, _ in r.places],
        "pool_quantity": [count for r in requests for _, count in r.places],
        "terms": [r.terms.value for r in requests],
        "actor": [r.actor_id or r.buyer_id for r in requests],
        "opened_ord": [i for i, r in enumerate(requests) for _ in r.opened],
        "opened": [ticket_type for r in requests for ticket_type in r.opened],
    }
    with named_cursor(connection, binary=True) as cursor:
        return cursor.execute(CLAIM_WAITING if waiting else CLAIM_SKIPPING, parameters).fetchall()


def _asked_for(connection: Connection, request: ClaimRequest, closed: Sequence[UUID]) -> list[UUID]:
    """Which of the closed ticket types the request asks for."""
    pools = [pool for pool, _ in request.places]
    parameters = {"event": request.event_id, "seats": list(request.seats), "pools": pools, "closed": list(closed)}
    return [ticket_type for (ticket_type,) in connection.execute(ASKED_FOR, parameters)]


def why_closed(connection: Connection, event_id: UUID, types: Sequence[UUID]) -> Conflict:
    """Why places of these ticket types, which are closed, can't be had."""
    row = connection.execute(OUT_OF_WINDOW, {"types": list(types)}).fetchone()
    if row is not None and row[0]:
        return TicketTypeNotOnSale("Some of these places are not on sale now.", event_id=event_id)
    return AccessCodeNeeded("Some of these places need an access code.", event_id=event_id)


def _give_back(connection: Connection, request: ClaimRequest, pools: Sequence[UUID]) -> None:
    """Undo what a request that did not win had raised: its allowance, and those of its pools that had room."""
    connection.execute(GIVE_BACK_ALLOWANCE, {"event": request.event_id, "buyer": request.buyer_id, "quantity": request.quantity})
    counts = [(pool, count) for pool, count in request.places if pool in set(pools)]
    if counts:
        connection.execute(GIVE_BACK_POOLS, {"pool": [pool for pool, _ in counts], "quantity": [count for _, count in counts]})
