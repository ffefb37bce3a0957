"""Cancelling an order on request: a pending one gives its places back, a confirmed one its tickets, for a refund by policy."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict
from ticketing.foundation.idempotency import reused
from ticketing.foundation.money import Money, allocate
from ticketing.inventory.holds import end_holds
from ticketing.inventory.rules import HoldState
from ticketing.orders.codes import give_back_uses
from ticketing.orders.pay import OrderNotFound
from ticketing.orders.read import read_orders
from ticketing.orders.rules import RefundPolicy
from ticketing.payments.ledger import post
from ticketing.payments.refunds import plan_refund
from ticketing.payments.rules import JournalKind, RefundReason, refund_entries


class OrderNotCancellable(Conflict):
    """The order has ended, or one of its events has begun."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    order_id: UUID
    buyer_id: UUID
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class LineRefund:
    """What one line gives back: `amount_minor` in all, of which fee and tax."""

    line_id: UUID
    event_id: UUID
    amount_minor: int
    fee_minor: int
    tax_minor: int


LINES = """
select l.id, l.event_id, l.seat_no, l.pool_id, l.price_minor, l.fee_minor, l.tax_minor, l.discount_minor, l.hold_id,
  e.starts_at, e.refund_policy
from order_line l join event e on e.id = l.event_id
where l.order_id = %s and l.state <> 'cancelled'
order by l.line_no
"""


def quote(connection: Connection, *, order_id: UUID, now: datetime) -> list[LineRefund]:
    """What cancelling the order at `now` would give back, line by line."""
    with named_cursor(connection) as cursor:
        lines = cursor.execute(LINES, [order_id]).fetchall()
    return [line_refund(line, now) for line in lines]


def line_refund(line: Any, now: datetime) -> LineRefund:
    """What one row of `LINES` gives back at `now`."""
    policy = RefundPolicy.from_json(line.refund_policy)
    paid = line.price_minor - line.discount_minor
    amount = policy.refundable_minor(
        price_minor=line.price_minor, discount_minor=line.discount_minor, fee_minor=line.fee_minor, starts_at=line.starts_at, now=now
    )
    fee = line.fee_minor if policy.fee_refunded and policy.percent(starts_at=line.starts_at, now=now) else 0
    tax = allocate(amount - fee, [line.tax_minor, paid - line.tax_minor])[0] if paid else 0
    return LineRefund(line_id=line.id, event_id=line.event_id, amount_minor=amount, fee_minor=fee, tax_minor=tax)


def total_of(refunds: Sequence[LineRefund], currency: str) -> Money:
    return Money(sum(refund.amount_minor for refund in refunds), currency)


LOCK_ORDER = """
select *, app_now() as now from ticket_order
where id = %(order)s and buyer_id in (select id from user_account where id = %(buyer)s or claimed_by_id = %(buyer)s)
for no key update
"""
"""Also an order of a guest that the buyer has claimed."""


class CancelHandler:
    """The writer's handler for `CancelRequest`; outcomes are `OrderView` or an error."""

    def conflict_keys(self, request: CancelRequest) -> Iterable[Hashable]:
        yield (request.buyer_id, request.key)
        yield request.order_id

    def run(self, connection: Connection, requests: Sequence[CancelRequest], *, alone: bool) -> list[Any]:
        return [self._one(connection, request) for request in requests]

    def _one(self, connection: Connection, request: CancelRequest) -> Any:
        with named_cursor(connection) as cursor:
            order = cursor.execute(LOCK_ORDER, {"order": request.order_id, "buyer": request.buyer_id}).fetchone()
        known = connection.execute(
            "select kind, request_digest from idempotency_key where actor_id = %s and key = %s", [request.buyer_id, request.key]
        ).fetchone()  # behind the lock: the same request in another process is over by then
        if known is not None:
            if known[0] != "cancel" or known[1] != request.digest:
                return reused(key=request.key)
            return read_orders(connection, [request.order_id])[0].as_replayed()
        if order is None:
            return OrderNotFound("There is no such order.", order_id=request.order_id)
        if order.state == "pending":
            _cancel_pending(connection, order)
        elif order.state == "confirmed":
            if refused := _cancel_confirmed(connection, order):
                return refused
        else:
            return OrderNotCancellable(f"This order is {order.state}.", order_id=order.id)
        give_back_uses(connection, [order.id])
        connection.execute(
            "insert into idempotency_key (actor_id, key, request_digest, kind, resource_id) values (%s, %s, %s, 'cancel', %s)",
            [request.buyer_id, request.key, request.digest, order.id],
        )
        connection.execute(
            "insert into audit_entry (actor_id, action, subject_id, digest) values (%s, 'order.cancelled', %s, %s)",
            [request.buyer_id, order.id, request.digest],
        )
        return read_orders(connection, [order.id])[0]


def _cancel_pending(connection: Connection, order: Any) -> None:
    """Money that still arrives finds the order cancelled, and goes back."""
    holds = [row[0] for row in connection.execute("select distinct hold_id from order_line where order_id = %s", [order.id])]
    end_holds(connection, hold_ids=holds, state=HoldState.RELEASED)
    connection.execute("update order_line set state = 'lapsed' where order_id = %s", [order.id])
    connection.execute("update ticket_order set state = 'cancelled', ended_at = app_now() where id = %s", [order.id])
    connection.execute("insert into order_event (order_id, kind) values (%s, 'cancelled')", [order.id])


FREE_PLACES = """
with cancelled as materialized (
  select id, event_id, seat_no, pool_id from order_line
  where order_id = %(order)s and state = 'confirmed' and id = any(%(lines)s)
),
seat as materialized (
  select es.event_id, es.seat_no from cancelled l
  join event_seat es on es.event_id = l.event_id and es.seat_no = l.seat_no
  order by es.event_id, es.seat_no for no key update of es
),
seat_freed as (
  update event_seat es set state = 'free', hold_id = null, ticket_id = null
  from seat s where es.event_id = s.event_id and es.seat_no = s.seat_no
),
allowance as materialized (
  select a.event_id, a.buyer_id, g.quantity
  from (select event_id, count(*)::int as quantity from cancelled group by event_id) g
  join buyer_allowance a on a.event_id = g.event_id and a.buyer_id = %(buyer)s
  order by a.event_id for no key update of a
),
allowance_given as (
  update buyer_allowance a set taken = a.taken - g.quantity from allowance g
  where a.event_id = g.event_id and a.buyer_id = g.buyer_id
),
places as materialized (
  select p.id, g.quantity
  from (select pool_id, count(*)::int as quantity from cancelled where pool_id is not null group by pool_id) g
  join pool p on p.id = g.pool_id order by p.id for no key update of p
),
pool_freed as (
  update pool p set sold = p.sold - g.quantity from places g where p.id = g.id
),
ticket_cancelled as (
  update ticket t set state = 'cancelled', ended_at = app_now() from cancelled l where t.order_line_id = l.id
)
update order_line l set state = 'cancelled' from cancelled c where l.id = c.id
"""


def _cancel_confirmed(connection: Connection, order: Any) -> OrderNotCancellable | None:
    with named_cursor(connection) as cursor:
        lines = cursor.execute(LINES, [order.id]).fetchall()
    if any(line.starts_at <= order.now for line in lines):
        return OrderNotCancellable("An event of this order has begun.", order_id=order.id)
    used = connection.execute("select 1 from ticket where order_id = %s and state = 'used'", [order.id]).fetchone()
    if used is not None:
        return OrderNotCancellable("A ticket of this order has been used.", order_id=order.id)
    amount = give_back(connection, order, [line_refund(line, order.now) for line in lines])
    connection.execute("update ticket_order set state = 'cancelled', ended_at = app_now() where id = %s", [order.id])
    detail = {"refund_minor": amount}
    connection.execute("insert into order_event (order_id, kind, detail) values (%s, 'cancelled', %s)", [order.id, Jsonb(detail)])
    connection.execute("insert into outbox (topic, subject_id, payload) values ('order.cancelled', %s, %s)", [order.id, Jsonb(detail)])
    return None


def give_back(connection: Connection, order: Any, refunds: Sequence[LineRefund]) -> int:
    """Free the places of these lines, end their tickets, and plan the refund; returns its amount in minor units.

    `order` is the locked row of a confirmed order, `refunds` one entry for each line that is cancelled.
    """
    connection.execute(FREE_PLACES, {"order": order.id, "buyer": order.buyer_id, "lines": [refund.line_id for refund in refunds]})
    amount = sum(refund.amount_minor for refund in refunds)
    if amount:
        plan_refund(
            connection,
            payment_id=order.paid_by_payment,
            amount_minor=amount,
            reason=RefundReason.REQUESTED,
            lines=[(refund.line_id, refund.amount_minor) for refund in refunds],
        )
        for event_id in sorted({refund.event_id for refund in refunds}):
            _post_refund(connection, order, [refund for refund in refunds if refund.event_id == event_id], event_id)
    return amount


def _post_refund(connection: Connection, order: Any, refunds: Sequence[LineRefund], event_id: UUID) -> None:
    post(
        connection,
        kind=JournalKind.REFUND_PLANNED,
        entries=refund_entries(
            amount_minor=sum(r.amount_minor for r in refunds),
            fee_minor=sum(r.fee_minor for r in refunds),
            tax_minor=sum(r.tax_minor for r in refunds),
        ),
        vendor_id=order.vendor_id,
        currency=order.currency,
        order_id=order.id,
        event_id=event_id,
        payment_id=order.paid_by_payment,
    )
