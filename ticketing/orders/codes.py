"""Codes and tracking links of an order: applied when it is placed, given back when it lapses or is cancelled.

Only orders that have any come here: the others are placed by one statement for a batch of them (`orders.place`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.promotions.rules import DISCOUNTS, PromotionKind
from ticketing.promotions.uses import (
    Code,
    CodeNotForThis,
    CodeUnknown,
    CodeUsedUp,
    Reduced,
    find_code,
    find_link,
    find_promotions,
    reduce_prices,
    take_use,
)

OPENED_BY = "select distinct promotion_id from hold where id = any(%s) and promotion_id is not null"

LINES = """
select id, event_id, ticket_type_id, price_minor, fee_minor, tax_minor from order_line where order_id = %s order by line_no
"""

REDUCE_LINES = """
update order_line l set discount_minor = r.discount, fee_minor = r.fee, tax_minor = r.tax
from unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[]) as r(id, discount, fee, tax)
where l.id = r.id
"""

REDUCE_ORDER = """
update ticket_order o
set discount_minor = s.discount, fee_minor = s.fee, tax_minor = s.tax, total_minor = o.subtotal_minor - s.discount + s.fee
from (
  select sum(discount_minor)::bigint as discount, sum(fee_minor)::bigint as fee, sum(tax_minor)::bigint as tax
  from order_line where order_id = %(order)s
) s
where o.id = %(order)s
"""

NOTE = """
insert into order_promotion (order_id, promotion_id, vendor_id, discount_minor)
select %s, p.id, %s, p.discount from unnest(%s::uuid[], %s::bigint[]) as p(id, discount)
"""


def opened_by(connection: Connection, hold_ids: Sequence[UUID]) -> list[UUID]:
    """The access codes that opened these holds."""
    return [row[0] for row in connection.execute(OPENED_BY, [list(hold_ids)])]


def apply_codes(connection: Connection, *, order_id: UUID, code: str | None, link_code: str | None, opening: Sequence[UUID]) -> None:
    """Count what an order that was just placed uses, and take discounts off its lines.

    `opening`: the access codes of its holds. Raises `CodeUnknown`, `CodeNotInForce`, `CodeUsedUp`, `CodeNotForThis`; a tracking
    link that does not fit is left aside.
    """
    with named_cursor(connection) as cursor:
        order = cursor.execute("select vendor_id, buyer_id, currency from ticket_order where id = %s", [order_id]).fetchone()
        if order is None:
            raise RuntimeError("an order that was just placed is not there")
    lines = read_lines(connection, order_id)
    promised = {opener.id: opener for opener in find_promotions(connection, opening)}
    used = dict(promised)
    reduced: list[Reduced] = []
    discount = None
    if code is not None:
        typed = _typed(connection, order.vendor_id, code, promised)
        used[typed.id] = typed
        if typed.kind in DISCOUNTS:
            discount = typed
        reduced = reduce_prices(typed, lines, currency=order.currency)
    if (affiliate := _affiliate(connection, link_code, order.vendor_id, lines)) is not None:
        used.setdefault(affiliate.id, affiliate)
    for promotion in sorted(used.values(), key=lambda p: p.id):
        take_use(connection, promotion, buyer_id=order.buyer_id, promised=promotion.id in promised)
    if discount is not None:
        take_off(connection, order_id=order_id, line_ids=[line.id for line in lines], reduced=reduced)
    off = {discount.id: sum(r.discount_minor for r in reduced)} if discount is not None else {}
    connection.execute(NOTE, [order_id, order.vendor_id, list(used), [off.get(promotion_id, 0) for promotion_id in used]])
    _refer(connection, order_id, used.values())


def read_lines(connection: Connection, order_id: UUID) -> list[Any]:
    """The lines of an order with their prices, in their order."""
    with named_cursor(connection) as cursor:
        return cursor.execute(LINES, [order_id]).fetchall()


def take_off(connection: Connection, *, order_id: UUID, line_ids: Sequence[UUID], reduced: Sequence[Reduced]) -> None:
    """Write what the lines of an order cost now, and its sums."""
    columns = [[r.discount_minor for r in reduced], [r.fee_minor for r in reduced], [r.tax_minor for r in reduced]]
    connection.execute(REDUCE_LINES, [list(line_ids), *columns])
    connection.execute(REDUCE_ORDER, {"order": order_id})


def _typed(connection: Connection, vendor_id: UUID, code: str, promised: dict[UUID, Code]) -> Code:
    found = find_code(connection, vendor_id=vendor_id, code=code)
    if found is None:
        raise CodeUnknown("There is no such code.", fields={"code": "is not known"})
    if found.kind is PromotionKind.ACCESS and found.id not in promised:
        raise CodeNotForThis(f"The code {found.code} opens places: send it when you hold them.", code=found.code)
    return found


def _affiliate(connection: Connection, link_code: str | None, vendor_id: UUID, lines: Sequence[Any]) -> Code | None:
    found = find_link(connection, link_code=link_code) if link_code else None
    if found is None or found.vendor_id != vendor_id or found.kind is not PromotionKind.AFFILIATE or not found.in_force:
        return None
    fits = any(found.covers(event_id=line.event_id, ticket_type_id=line.ticket_type_id) for line in lines)
    return found if fits else None


def _refer(connection: Connection, order_id: UUID, used: Any) -> None:
    """An affiliate's code is the order's referrer, for analytics."""
    if code := next((p.code for p in used if p.kind is PromotionKind.AFFILIATE), None):
        connection.execute("update ticket_order set referrer = coalesce(referrer, %s) where id = %s", [f"affiliate:{code}", order_id])


GIVE_BACK = """
with due as materialized (
  select op.order_id, op.promotion_id, o.buyer_id
  from order_promotion op join ticket_order o on o.id = op.order_id
  where op.order_id = any(%(orders)s) and op.state = 'counted'
  order by op.promotion_id, op.order_id
  for no key update of op
),
returned as (
  update order_promotion op set state = 'returned' from due d where op.order_id = d.order_id and op.promotion_id = d.promotion_id
),
counter as materialized (
  select p.id, g.uses
  from (select promotion_id, count(*)::int as uses from due group by promotion_id) g
  join promotion p on p.id = g.promotion_id
  order by p.id
  for no key update of p
),
given as (
  update promotion p set uses = p.uses - c.uses from counter c where p.id = c.id
),
of_buyer as materialized (
  select b.promotion_id, b.buyer_id, g.uses
  from (select promotion_id, buyer_id, count(*)::int as uses from due group by promotion_id, buyer_id) g
  join promotion_buyer b on b.promotion_id = g.promotion_id and b.buyer_id = g.buyer_id
  order by b.promotion_id, b.buyer_id
  for no key update of b
)
update promotion_buyer b set uses = b.uses - g.uses from of_buyer g where b.promotion_id = g.promotion_id and b.buyer_id = g.buyer_id
"""

TAKEN_AGAIN = """
update order_promotion set state = 'counted' where order_id = %s and state = 'returned' returning promotion_id
"""


def give_back_uses(connection: Connection, order_ids: Sequence[UUID]) -> None:
    """The uses of orders that have lapsed or were cancelled; safe to repeat."""
    if order_ids:
        connection.execute(GIVE_BACK, {"orders": list(order_ids)})


def take_uses_again(connection: Connection, *, order_id: UUID, buyer_id: UUID) -> bool:
    """Count the uses of a lapsed order once more, when its money came late; False: some code is used up, nothing was changed."""
    try:
        with connection.transaction():
            again = [row[0] for row in connection.execute(TAKEN_AGAIN, [order_id])]
            for promotion in find_promotions(connection, again) if again else ():
                take_use(connection, promotion, buyer_id=buyer_id, promised=True)
    except CodeUsedUp:
        return False
    return True
