"""Orders as they are shown: one query for many, on a bare connection or in a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.orders.rules import Channel, LineState, OrderState


@dataclass(frozen=True, slots=True)
class OrderLineView:
    id: UUID
    line_no: int
    event_id: UUID
    event_title: str
    ticket_type_name: str
    section_name: str | None
    row_label: str | None
    seat_label: str | None
    price_minor: int
    """Tax included, fee not."""
    fee_minor: int
    tax_minor: int
    discount_minor: int
    state: LineState
    ticket_id: UUID | None
    ticket_code: str | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """Amounts in minor units of `currency`; `total = subtotal - discount + fee`; the tax is contained in the subtotal."""

    id: UUID
    code: str
    vendor_id: UUID
    buyer_id: UUID
    state: OrderState
    currency: str
    subtotal_minor: int
    discount_minor: int
    fee_minor: int
    tax_minor: int
    total_minor: int
    placed_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    channel: Channel
    payment_state: str | None
    """Of the payment that paid it, else of the newest one."""
    refunded_minor: int
    lines: tuple[OrderLineView, ...]
    replayed: bool = False

    def as_replayed(self) -> OrderView:
        """The same, marked as the answer to a repeated request."""
        return replace(self, replayed=True)


READ = """
select o.id, o.code, o.vendor_id, o.buyer_id, o.state, o.currency, o.subtotal_minor, o.discount_minor, o.fee_minor, o.tax_minor,
  o.total_minor, o.placed_at, o.expires_at, o.confirmed_at, o.channel,
  p.state as payment_state, coalesce(p.refunded_minor, 0) as refunded_minor,
  l.id as line_id, l.line_no, l.event_id, e.title, t.name, coalesce(s.name, ps.name) as section_name, ls.row_label, ls.seat_label,
  l.price_minor, l.fee_minor, l.tax_minor, l.discount_minor, l.state, k.id as ticket_id, k.code as ticket_code
from unnest(%s::uuid[]) as wanted(id)
join ticket_order o on o.id = wanted.id
join order_line l on l.order_id = o.id
join event e on e.id = l.event_id
join ticket_type t on t.id = l.ticket_type_id
left join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = l.seat_no
left join section s on s.id = ls.section_id
left join pool on pool.id = l.pool_id
left join section ps on ps.id = pool.section_id
left join ticket k on k.order_line_id = l.id
left join lateral (
  select state, refunded_minor from payment where payment.order_id = o.id
  order by (payment.id = o.paid_by_payment) desc nulls last, payment.id desc limit 1
) p on true
order by o.id, l.line_no
"""
HEAD_COLUMNS = 17


def read_orders(connection: Connection, order_ids: Sequence[UUID]) -> list[OrderView]:
    """The orders of these ids that exist, sorted by id."""
    if not order_ids:
        return []
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(READ, [list(order_ids)]).fetchall()
    orders: list[OrderView] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end][0] == rows[start][0]:
            continue
        head = rows[start]
        lines = tuple(_line(row[HEAD_COLUMNS:]) for row in rows[start:end])
        values: tuple[Any, ...] = (*head[:4], OrderState(head[4]), *head[5:14], Channel(head[14]), *head[15:HEAD_COLUMNS], lines)
        orders.append(OrderView(*values))
        start = end
    return orders


def _line(row: tuple[Any, ...]) -> OrderLineView:
    values: tuple[Any, ...] = (*row[:12], LineState(row[12]), *row[13:])
    return OrderLineView(*values)
