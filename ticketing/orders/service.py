"""Reading orders and holds for pages and routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.claims import PERSONS, persons_of
from ticketing.foundation.db import bare
from ticketing.foundation.money import Money
from ticketing.inventory.holds import HoldNotFound, HoldView, read_holds
from ticketing.orders.cancel import quote, total_of
from ticketing.orders.pay import OrderNotFound, PaymentView, read_payments
from ticketing.orders.read import OrderView, read_orders
from ticketing.promotions.uses import Code, CodeUnknown, find_code, find_link, reduce_prices


def get_order(session: Session, *, order_id: UUID, buyer_id: UUID | None = None) -> OrderView:
    """One order (of this buyer, or of a guest that they have claimed); raises `OrderNotFound`."""
    orders = read_orders(bare(session), [order_id])
    if not orders or (buyer_id is not None and not _is(session, buyer_id, orders[0].buyer_id)):
        raise OrderNotFound("There is no such order.", order_id=order_id)
    return orders[0]


def _is(session: Session, user_id: UUID, buyer_id: UUID) -> bool:
    return user_id == buyer_id or buyer_id in persons_of(session, user_id=user_id)


def newest_payment(session: Session, *, order_id: UUID) -> PaymentView | None:
    """The payment that was started last for an order."""
    found = session.execute(text("select id from payment where order_id = :order order by id desc limit 1"), {"order": order_id}).scalar()
    return read_payments(bare(session), [found])[0] if found else None


def list_orders(session: Session, *, buyer_id: UUID, limit: int = 50, before: UUID | None = None) -> list[OrderView]:
    """A buyer's orders, newest first, those of claimed guests included; `before`: those that are older than this one."""
    statement = f"select id from ticket_order where buyer_id in {PERSONS} and (cast(:before as uuid) is null or id < :before)"
    ids = session.execute(text(f"{statement} order by id desc limit :limit"), {"person": buyer_id, "before": before, "limit": limit})
    return read_orders(bare(session), list(ids.scalars()))[::-1]


@dataclass(frozen=True, slots=True)
class CodeQuote:
    """What a hold would cost as an order with a code."""

    code: str
    discount_minor: int
    total_minor: int


def quote_code(session: Session, *, hold: HoldView, code: str) -> CodeQuote:
    """Nothing is counted yet: whether a use is left is seen when the order is placed.

    Raises `CodeUnknown`, `CodeNotInForce`, `CodeNotForThis`.
    """
    found = find_code(bare(session), vendor_id=hold.vendor_id, code=code)
    if found is None:
        raise CodeUnknown("There is no such code.", fields={"code": "is not known"})
    found.check_in_force()
    places = [
        _HeldPlace(hold.event_id, line.ticket_type_id, line.price_minor, line.fee_minor, line.tax_minor)
        for line in hold.lines
        for _ in range(line.quantity)
    ]
    reduced = reduce_prices(found, places, currency=hold.currency)
    off = sum(place.discount_minor for place in reduced)
    total = sum(place.price_minor for place in places) - off + sum(place.fee_minor for place in reduced)
    return CodeQuote(found.code, off, total)


@dataclass(frozen=True, slots=True)
class _HeldPlace:
    event_id: UUID
    ticket_type_id: UUID
    price_minor: int
    fee_minor: int
    tax_minor: int


def find_tracking_link(session: Session, *, link_code: str) -> Code | None:
    """The promotion of a tracking link, in force or not."""
    return find_link(bare(session), link_code=link_code)


def needs_access_code(session: Session, *, event_id: UUID) -> bool:
    """Whether some ticket types of an event are open only to who has an access code."""
    closed = session.execute(text("select access_types <> '{}' from event where id = :event"), {"event": event_id}).scalar()
    return bool(closed)


def get_hold(session: Session, *, hold_id: UUID, buyer_id: UUID | None = None) -> HoldView:
    """One hold (of this buyer); raises `HoldNotFound`."""
    holds = read_holds(bare(session), [hold_id])
    if not holds or (buyer_id is not None and holds[0].buyer_id != buyer_id):
        raise HoldNotFound("There is no such hold.", hold_id=hold_id)
    return holds[0]


def ticket_refund_quotes(session: Session, *, order_id: UUID, now: datetime) -> dict[UUID, Money]:
    """What cancelling each valid ticket of an order by itself would give back, by ticket."""
    currency = session.execute(text("select currency from ticket_order where id = :order"), {"order": order_id}).scalar_one()
    amounts = {line.line_id: Money(line.amount_minor, currency) for line in quote(bare(session), order_id=order_id, now=now)}
    valid = session.execute(text("select id, order_line_id from ticket where order_id = :order and state = 'valid'"), {"order": order_id})
    return {row.id: amounts[row.order_line_id] for row in valid}


def refund_quote(session: Session, *, order_id: UUID, now: datetime) -> Money:
    """What cancelling the order at `now` would give back."""
    order = get_order(session, order_id=order_id)
    return total_of(quote(bare(session), order_id=order_id, now=now), order.currency)


def seat_labels(session: Session, *, hold_id: UUID) -> dict[int, str]:
    """Seat number → "Stalls, row C, seat 3", for the seats of a hold."""
    rows = session.execute(
        text(
            "select l.seat_no, s.name, ls.row_label, ls.seat_label from hold_line l join event e on e.id = l.event_id"
            " join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = l.seat_no join section s on s.id = ls.section_id"
            " where l.hold_id = :hold"
        ),
        {"hold": hold_id},
    )
    return {seat_no: f"{section}, row {row}, seat {seat}" for seat_no, section, row, seat in rows}
