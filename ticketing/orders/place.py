"""Placing an order from one or more holds of one vendor: one statement for a batch of requests.

A hold feeds one order. Prices are those promised when the places were held. An order with a code, or from a hold that a code
opened, is placed alone: the same statement, then its codes (`orders.codes`), in one transaction.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict, Invalid
from ticketing.foundation.idempotency import find_keys, reused
from ticketing.inventory.holds import HoldEnded, HoldNotFound, read_holds
from ticketing.inventory.writer import RunAlone
from ticketing.orders.codes import apply_codes, opened_by
from ticketing.orders.read import OrderView, read_orders
from ticketing.orders.rules import Channel

MOST_HOLDS_PER_ORDER = 50


class HoldsDiffer(Conflict):
    """The holds of an order must be of one vendor and one currency."""


class HoldOrdered(Conflict):
    """The hold belongs to another order already."""


@dataclass(frozen=True, slots=True)
class PlaceRequest:
    order_id: UUID
    code: str
    buyer_id: UUID
    hold_ids: tuple[UUID, ...]
    key: str
    digest: bytes
    channel: Channel
    referrer: str | None = None
    promotion_code: str | None = None
    link_code: str | None = None
    """Of the tracking link that the buyer followed."""
    actor_id: UUID | None = None
    """Who places it for the buyer; None: the buyer."""

    @property
    def has_codes(self) -> bool:
        return self.promotion_code is not None or self.link_code is not None

    def check(self) -> None:
        """Raises `Invalid` for what no state of the holds could make right."""
        if not 0 < len(set(self.hold_ids)) == len(self.hold_ids) <= MOST_HOLDS_PER_ORDER:
            raise Invalid(f"An order takes 1 to {MOST_HOLDS_PER_ORDER} different holds.", fields={"hold_ids": len(self.hold_ids)})


PLACE = """
with req as materialized (
  select r.*, k.resource_id as replay_id, k.request_digest as replay_digest, k.kind as replay_kind
  from unnest(%(ord)s::int[], %(order)s::uuid[], %(code)s::text[], %(buyer)s::uuid[], %(key)s::text[], %(digest)s::bytea[],
    %(channel)s::text[], %(referrer)s::text[], %(hold_count)s::int[], %(actor)s::uuid[])
    as r(ord, order_id, code, buyer_id, key, digest, channel, referrer, hold_count, actor_id)
  left join idempotency_key k on k.actor_id = r.buyer_id and k.key = r.key
),
held as materialized (
  select r.ord, h.id as hold_id, h.vendor_id, h.event_id, h.expires_at, h.promotion_id, e.currency
  from unnest(%(hold_ord)s::int[], %(hold)s::uuid[]) as q(ord, hold_id)
  join req r on r.ord = q.ord and r.replay_id is null
  join hold h on h.id = q.hold_id
  join event e on e.id = h.event_id
  where h.buyer_id = r.buyer_id and h.state || '' = 'active' and h.order_id is null and h.expires_at > app_now()
  order by h.id
  for no key update of h
),
won as materialized (
  select r.*, g.vendor_id, g.currency, g.expires_at
  from req r
  join (
    select ord, count(*) as holds, count(distinct (vendor_id, currency)) as sellers, (array_agg(vendor_id))[1] as vendor_id,
      min(currency) as currency, min(expires_at) as expires_at, count(promotion_id) as opened
    from held group by ord
  ) g on g.ord = r.ord
  where g.holds = r.hold_count and g.sellers = 1 and (g.opened = 0 or %(with_codes)s)
),
line as materialized (
  select w.ord, w.order_id, w.vendor_id, l.hold_id, l.event_id, l.ticket_type_id, l.seat_no, l.pool_id,
    l.price_minor, l.fee_minor, l.tax_minor, row_number() over (partition by w.ord order by l.hold_id, l.line_no, copy) as line_no
  from won w
  join held h on h.ord = w.ord
  join hold_line l on l.hold_id = h.hold_id
  cross join lateral generate_series(1, l.quantity) as copy
),
new_order as (
  insert into ticket_order (id, code, vendor_id, buyer_id, state, currency, subtotal_minor, fee_minor, tax_minor, total_minor,
    placed_at, expires_at, channel, referrer)
  select w.order_id, w.code, w.vendor_id, w.buyer_id, 'pending', w.currency, s.price, s.fee, s.tax, s.price + s.fee,
    app_now(), w.expires_at, w.channel, w.referrer
  from won w
  join (
    select ord, sum(price_minor)::bigint as price, sum(fee_minor)::bigint as fee, sum(tax_minor)::bigint as tax from line group by ord
  ) s on s.ord = w.ord
),
new_line as (
  insert into order_line (id, vendor_id, order_id, line_no, hold_id, event_id, ticket_type_id, seat_no, pool_id,
    price_minor, fee_minor, tax_minor, state)
  select uuidv7(), vendor_id, order_id, line_no, hold_id, event_id, ticket_type_id, seat_no, pool_id,
    price_minor, fee_minor, tax_minor, 'pending'
  from line
),
hold_ordered as (
  update hold h set order_id = w.order_id from held d join won w on w.ord = d.ord where h.id = d.hold_id
),
new_history as (
  insert into order_event (order_id, kind) select order_id, 'placed' from won
),
new_key as (
  insert into idempotency_key (actor_id, key, request_digest, kind, resource_id)
  select buyer_id, key, digest, 'order', order_id from won
),
new_audit as (
  insert into audit_entry (actor_id, action, subject_id, digest) select actor_id, 'order.placed', order_id, digest from won
)
select r.ord, r.replay_id, r.replay_digest, r.replay_kind, w.ord is not null as has_won
from req r left join won w on w.ord = r.ord
"""


class PlaceHandler:
    """The writer's handler for `PlaceRequest`; outcomes are `OrderView` or an error."""

    def conflict_keys(self, request: PlaceRequest) -> Iterable[Hashable]:
        yield (request.buyer_id, request.key)
        yield from request.hold_ids

    def run(self, connection: Connection, requests: Sequence[PlaceRequest], *, alone: bool) -> list[Any]:
        if alone:
            (request,) = requests
            return [self._alone(connection, request)]
        together = iter(self._place([r for r in requests if not r.has_codes], connection, with_codes=False))
        return [RunAlone() if request.has_codes else next(together) for request in requests]

    def _alone(self, connection: Connection, request: PlaceRequest) -> Any:
        opening = opened_by(connection, request.hold_ids)
        (outcome,) = self._place([request], connection, with_codes=True)
        if not isinstance(outcome, OrderView) or outcome.replayed or not (opening or request.has_codes):
            return outcome
        apply_codes(
            connection, order_id=outcome.id, code=request.promotion_code, link_code=request.link_code, opening=opening
        )  # refused: it raises, and the order was never placed
        return read_orders(connection, [outcome.id])[0]

    def _place(self, requests: Sequence[PlaceRequest], connection: Connection, *, with_codes: bool) -> list[Any]:
        if not requests:
            return []
        parameters = {
            "with_codes": with_codes,
            "ord": list(range(len(requests))),
            "order": [r.order_id for r in requests],
            "code": [r.code for r in requests],
            "buyer": [r.buyer_id for r in requests],
            "key": [r.key for r in requests],
            "digest": [r.digest for r in requests],
            "channel": [r.channel.value for r in requests],
            "referrer": [r.referrer for r in requests],
            "hold_count": [len(r.hold_ids) for r in requests],
            "actor": [r.actor_id or r.buyer_id for r in requests],
            "hold_ord": [i for i, r in enumerate(requests) for _ in r.hold_ids],
            "hold": [hold for r in requests for hold in r.hold_ids],
        }
        with named_cursor(connection, binary=True) as cursor:
            rows = cursor.execute(PLACE, parameters).fetchall()
        outcomes: list[Any] = [None] * len(requests)
        wanted: dict[UUID, tuple[int, bool]] = {}
        for row in rows:
            request = requests[row.ord]
            if row.has_won:
                wanted[request.order_id] = (row.ord, False)
            elif row.replay_id is None and not with_codes and opened_by(connection, request.hold_ids):
                outcomes[row.ord] = RunAlone()
            elif row.replay_id is None:
                outcomes[row.ord] = _why_not(connection, request)
            elif row.replay_kind != "order" or row.replay_digest != request.digest:
                outcomes[row.ord] = reused(key=request.key)
            else:
                wanted[row.replay_id] = (row.ord, True)
        lost = {ord_: requests[ord_] for ord_, outcome in enumerate(outcomes) if isinstance(outcome, HoldOrdered)}
        for ord_, known in find_keys(connection, lost).items():  # perhaps by the same request, in another process
            if known.kind == "order" and known.digest == requests[ord_].digest:
                wanted[known.resource_id] = (ord_, True)
            else:
                outcomes[ord_] = reused(key=requests[ord_].key)
        for order in read_orders(connection, list(wanted)):
            ord_, replayed = wanted[order.id]
            outcomes[ord_] = order.as_replayed() if replayed else order
        return outcomes


def _why_not(connection: Connection, request: PlaceRequest) -> Exception:
    holds = [hold for hold in read_holds(connection, request.hold_ids) if hold.buyer_id == request.buyer_id]
    if len(holds) < len(request.hold_ids):
        return HoldNotFound("There is no such hold.", hold_ids=list(request.hold_ids))
    if taken := [hold for hold in holds if hold.order_id is not None]:
        return HoldOrdered("This hold belongs to an order already.", hold_id=taken[0].id, order_id=taken[0].order_id)
    if len({hold.vendor_id for hold in holds}) > 1 or len({hold.currency for hold in holds}) > 1:
        return HoldsDiffer("The holds of an order must be of one vendor and one currency.", hold_ids=list(request.hold_ids))
    return HoldEnded("Your hold has ended: choose again.", hold_ids=list(request.hold_ids))
