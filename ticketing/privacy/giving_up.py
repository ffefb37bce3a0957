"""Giving up what stands in the way of an erasure: tickets and unpaid orders are cancelled, as their buyer could cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.errors import Conflict
from ticketing.foundation.person import Person
from ticketing.inventory.holds import HoldEnded
from ticketing.orders.booking import Booking
from ticketing.orders.cancel import OrderNotCancellable
from ticketing.orders.cancel_ticket import TicketNotCancellable
from ticketing.orders.personal import pending_orders
from ticketing.tickets.personal import UpcomingTicket, upcoming_tickets
from ticketing.tickets.service import TicketNotFound

OPEN_HOLDS = "select id, buyer_id from hold where buyer_id = any(:ids) and state = 'active' and order_id is null order by id"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What is cancelled before somebody is erased."""

    user_id: UUID
    tickets: Sequence[UpcomingTicket]
    order_ids: Sequence[UUID]
    holds: Sequence[tuple[UUID, UUID]]
    """(hold, buyer)."""


def find_what_to_give_up(session: Session, person: Person) -> GivenUp:
    """Everything of a person that can be cancelled."""
    holds = [(row.id, row.buyer_id) for row in session.execute(text(OPEN_HOLDS), {"ids": list(person.ids)})]
    return GivenUp(person.user_id, upcoming_tickets(session, person), pending_orders(session, person), holds)


async def give_up(booking: Booking, given_up: GivenUp) -> None:
    """Cancel all of it: places are free again, and what the events' policies give back is refunded to where the money came from.

    Done again, it does what is left. What can't be cancelled any more stays, and is found when the erasure begins.
    """
    for hold_id, buyer_id in given_up.holds:
        try:
            await booking.release_hold(hold_id=hold_id, buyer_id=buyer_id)
        except (HoldEnded, Conflict):  # its time is over, or it has just become an order
            continue
    for order_id in given_up.order_ids:
        try:
            await booking.cancel_order(order_id=order_id, buyer_id=given_up.user_id, key=f"erasure:{order_id}", digest=b"")
        except OrderNotCancellable:
            continue
    for ticket in given_up.tickets:
        try:
            await booking.cancel_ticket(
                ticket_id=ticket.id, order_id=ticket.order_id, buyer_id=given_up.user_id, key=f"erasure:{ticket.id}", digest=b""
            )
        except (TicketNotCancellable, TicketNotFound):
            continue
