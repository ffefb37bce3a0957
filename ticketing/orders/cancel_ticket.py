"""Cancelling one ticket of a paid order on request: its place is free again, and its line is refunded by policy.

With its last ticket the order is cancelled as a whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ticketing.accounts.claims import PERSONS
from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict
from ticketing.foundation.idempotency import reused
from ticketing.orders.cancel import LINES, LOCK_ORDER, give_back, line_refund
from ticketing.orders.codes import give_back_uses
from ticketing.orders.rules import OrderState
from ticketing.tickets.rules import TICKET_TRANSITIONS, TicketState
from ticketing.tickets.service import TicketNotFound


class TicketNotCancellable(Conflict):
    """The ticket was used or cancelled, or its event has begun."""


@dataclass(frozen=True, slots=True)
class CancelTicketRequest:
    ticket_id: UUID
    order_id: UUID
    """The order that the ticket is of: orders are cancelled one after the other."""
    buyer_id: UUID
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class CancelledTicket:
    """What cancelling a ticket led to; `refund_minor` is in minor units of `currency`."""

    ticket_id: UUID
    code: str
    state: TicketState
    refund_minor: int
    currency: str
    order_id: UUID
    order_state: OrderState
    """`cancelled` when this was the order's last ticket."""
    replayed: bool = False


READ = """
select t.id, t.code, t.state, coalesce(sum(r.amount_minor), 0)::bigint, o.currency, o.id, o.state
from ticket t
join ticket_order o on o.id = t.order_id
left join refund_line r on r.order_line_id = t.order_line_id
where t.id = %s
group by t.id, o.id
"""

TICKET = f"""
select id, order_line_id, state from ticket
where id = %(ticket)s and order_id = %(order)s and holder_id in {PERSONS.replace(":person", "%(person)s")}
for no key update
"""


class CancelTicketHandler:
    """The writer's handler for `CancelTicketRequest`; outcomes are `CancelledTicket` or an error."""

    def conflict_keys(self, request: CancelTicketRequest) -> Iterable[Hashable]:
        yield (request.buyer_id, request.key)
        yield request.order_id

    def run(self, connection: Connection, requests: Sequence[CancelTicketRequest], *, alone: bool) -> list[Any]:
        return [self._one(connection, request) for request in requests]

    def _one(self, connection: Connection, request: CancelTicketRequest) -> Any:
        with named_cursor(connection) as cursor:
            order = cursor.execute(LOCK_ORDER, {"order": request.order_id, "buyer": request.buyer_id}).fetchone()
        known = connection.execute(
            "select kind, request_digest from idempotency_key where actor_id = %s and key = %s", [request.buyer_id, request.key]
        ).fetchone()
        if known is not None:
            if known[0] != "cancel_ticket" or known[1] != request.digest:
                return reused(key=request.key)
            return replace(_read(connection, request.ticket_id), replayed=True)
        if order is None:
            return TicketNotFound("There is no such ticket.", ticket_id=request.ticket_id)
        return _cancel(connection, order, request)


def _cancel(connection: Connection, order: Any, request: CancelTicketRequest) -> CancelledTicket | TicketNotFound | TicketNotCancellable:
    with named_cursor(connection) as cursor:
        ticket = cursor.execute(TICKET, {"ticket": request.ticket_id, "order": order.id, "person": request.buyer_id}).fetchone()
        lines = cursor.execute(LINES, [order.id]).fetchall()
    if ticket is None:
        return TicketNotFound("There is no such ticket.", ticket_id=request.ticket_id)
    if TicketState.CANCELLED not in TICKET_TRANSITIONS[TicketState(ticket.state)]:
        return TicketNotCancellable(f"This ticket is {ticket.state}.", ticket_id=ticket.id)
    line = next(line for line in lines if line.id == ticket.order_line_id)
    if line.starts_at <= order.now:
        return TicketNotCancellable("The event of this ticket has begun.", ticket_id=ticket.id)
    amount = give_back(connection, order, [line_refund(line, order.now)])
    if len(lines) == 1:
        connection.execute("update ticket_order set state = 'cancelled', ended_at = app_now() where id = %s", [order.id])
        give_back_uses(connection, [order.id])
    _record(connection, order, request, amount=amount, last=len(lines) == 1)
    return _read(connection, ticket.id)


def _record(connection: Connection, order: Any, request: CancelTicketRequest, *, amount: int, last: bool) -> None:
    """The key, the order's history, the audit entry, and what others are told."""
    kind = "cancelled" if last else "ticket_cancelled"
    detail = Jsonb({"refund_minor": amount, "ticket_id": str(request.ticket_id)})
    connection.execute("insert into order_event (order_id, kind, detail) values (%s, %s, %s)", [order.id, kind, detail])
    connection.execute(
        "insert into idempotency_key (actor_id, key, request_digest, kind, resource_id) values (%s, %s, %s, 'cancel_ticket', %s)",
        [request.buyer_id, request.key, request.digest, request.ticket_id],
    )
    actions = [("ticket.cancelled", request.ticket_id), *([("order.cancelled", order.id)] if last else [])]
    for action, subject_id in actions:
        connection.execute(
            "insert into audit_entry (actor_id, action, subject_id, digest) values (%s, %s, %s, %s)",
            [request.buyer_id, action, subject_id, request.digest],
        )
    topic, subject = ("order.cancelled", order.id) if last else ("ticket.cancelled", request.ticket_id)
    payload = Jsonb({"refund_minor": amount, "user_id": str(order.buyer_id)})
    connection.execute("insert into outbox (topic, subject_id, payload) values (%s, %s, %s)", [topic, subject, payload])


def _read(connection: Connection, ticket_id: UUID) -> CancelledTicket:
    row = connection.execute(READ, [ticket_id]).fetchone()
    assert row is not None
    id_, code, state, refund_minor, currency, order_id, order_state = row
    return CancelledTicket(id_, code, TicketState(state), refund_minor, currency, order_id, OrderState(order_state))
