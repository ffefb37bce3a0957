"""Confirming one order whose places are sold: its state, its lines, its tickets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection

ORDER = """
update ticket_order set state = 'confirmed', confirmed_at = app_now(), paid_by_payment = %s, late_reclaim = %s, ended_at = null
where id = %s and paid_by_payment is null
"""

TICKETS = """
insert into ticket (id, code, vendor_id, order_id, order_line_id, event_id, ticket_type_id, seat_no, holder_id, state, nonce, issued_at)
select n.ticket_id, o.code || '-' || l.line_no, l.vendor_id, l.order_id, l.id, l.event_id, l.ticket_type_id, l.seat_no, o.buyer_id, 'valid',
  substr(uuid_send(gen_random_uuid()), 1, 8), app_now()
from unnest(%s::uuid[], %s::uuid[]) as n(line_id, ticket_id) join order_line l on l.id = n.line_id
join ticket_order o on o.id = l.order_id
"""


def confirm_order(connection: Connection, *, order_id: UUID, payment_id: UUID | None, lines: Sequence[Any], late: bool) -> None:
    """`lines` are all of the order's, each with id and ticket_id; no payment: it was given away. The caller posts and tells."""
    connection.execute(ORDER, [payment_id, late, order_id])
    connection.execute("update order_line set state = 'confirmed' where order_id = %s", [order_id])
    connection.execute(TICKETS, [[line.id for line in lines], [line.ticket_id for line in lines]])
