"""A small market that writes orders as the services do, at any instant and faster: for tests of what comes after a sale."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from tests.factories import OnSale, make_buyer, make_event_on_sale, make_vendor
from ticketing.foundation.db import Connection, Database
from ticketing.foundation.ids import new_id
from ticketing.foundation.money import allocate
from ticketing.payments.ledger import post
from ticketing.payments.refunds import plan_refund
from ticketing.payments.rules import JournalKind, LedgerAccount, RefundReason, refund_entries, sale_entries

OPENING = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Market:
    """Writes through `connection`; the caller commits, or leaves it open to be late."""

    database: Database
    events: list[OnSale] = field(default_factory=list)
    pending: list[UUID] = field(default_factory=list)
    confirmed: list[UUID] = field(default_factory=list)
    planned: list[UUID] = field(default_factory=list)
    succeeded: list[UUID] = field(default_factory=list)
    buyers: list[UUID] = field(default_factory=list)

    def open_event(self, *, zone: str = "Europe/Berlin", currency: str = "EUR", vendor: Any = None, **overrides: Any) -> OnSale:
        """A published event of a vendor (a new one, unless given) whose days are counted in `zone`."""
        with self.database.transaction() as session:
            vendor = vendor or make_vendor(session, zone=zone)
            event = make_event_on_sale(session, vendor=vendor, currency=currency, **overrides)
            self.buyers.append(make_buyer(session).id)
        self.events.append(event)
        return event

    def place(
        self,
        connection: Connection,
        on: OnSale,
        *,
        quantity: int = 1,
        at: datetime = OPENING,
        channel: str = "web",
        discount_minor: int = 0,
    ) -> UUID:
        """A pending order for places of the event's standing type, `discount_minor` off in all."""
        _set_clock(connection, at)
        order, hold, kind = uuid4(), uuid4(), on.standing_type
        buyer = self.buyers[0]
        connection.execute(
            "insert into hold (id, vendor_id, event_id, buyer_id, quantity, created_at, expires_at, order_id)"
            " values (%s, %s, %s, %s, %s, app_now(), app_now() + interval '10 minutes', %s)",
            [hold, on.vendor.id, on.event.id, buyer, quantity, order],
        )
        price, fee, tax = (quantity * amount for amount in (kind.price_minor, kind.fee_minor, kind.tax_minor))
        connection.execute(
            "insert into ticket_order (id, code, vendor_id, buyer_id, currency, subtotal_minor, discount_minor, fee_minor, tax_minor,"
            " total_minor, placed_at, expires_at, channel)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, app_now(), app_now() + interval '10 minutes', %s)",
            [
                order,
                order.hex,
                on.vendor.id,
                buyer,
                on.event.currency,
                price,
                discount_minor,
                fee,
                tax,
                price - discount_minor + fee,
                channel,
            ],
        )
        for line_no, discount in enumerate(allocate(discount_minor, [1] * quantity), start=1):
            connection.execute(
                "insert into order_line (id, vendor_id, order_id, line_no, hold_id, event_id, ticket_type_id, pool_id, price_minor,"
                " fee_minor, tax_minor, discount_minor) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    *(uuid4(), on.vendor.id, order, line_no, hold, on.event.id, kind.id, on.pool.id),
                    *(kind.price_minor, kind.fee_minor, kind.tax_minor, discount),
                ],
            )
        connection.execute("insert into order_event (order_id, kind) values (%s, 'placed')", [order])
        return order

    def confirm(self, connection: Connection, order_id: UUID, *, at: datetime = OPENING) -> None:
        """The money has arrived: payment, tickets, journals."""
        _set_clock(connection, at)
        order = _row(connection, "select * from ticket_order where id = %s", order_id)
        lines = _rows(connection, "select * from order_line where order_id = %s", order_id)
        account = _row(connection, "select * from payment_account where vendor_id = %s", order.vendor_id)
        payment = new_id()
        connection.execute(
            "insert into payment (id, vendor_id, order_id, provider, payment_account_id, provider_ref, state, currency, amount_minor,"
            " captured_minor, session_expires_at, created_at, captured_at)"
            " values (%s, %s, %s, 'fake', %s, %s, 'captured', %s, %s, %s, app_now(), app_now(), app_now())",
            [payment, order.vendor_id, order_id, account.id, payment.hex, order.currency, order.total_minor, order.total_minor],
        )
        connection.execute(
            "update ticket_order set state = 'confirmed', confirmed_at = app_now(), paid_by_payment = %s where id = %s", [payment, order_id]
        )
        connection.execute("update order_line set state = 'confirmed' where order_id = %s", [order_id])
        connection.execute("update hold set state = 'converted', ended_at = app_now() where order_id = %s", [order_id])
        connection.execute(
            "insert into ticket (id, code, vendor_id, order_id, order_line_id, event_id, ticket_type_id, holder_id, nonce, issued_at)"
            " select gen_random_uuid(), %s || '-' || line_no, vendor_id, order_id, id, event_id, ticket_type_id, %s, '\\x00', app_now()"
            " from order_line where order_id = %s",
            [order.code, order.buyer_id, order_id],
        )
        ids = {"vendor_id": order.vendor_id, "order_id": order_id, "payment_id": payment}
        fee, tax = sum(line.fee_minor for line in lines), sum(line.tax_minor for line in lines)
        paid = sum(line.price_minor - line.discount_minor for line in lines)
        entries = sale_entries(paid_minor=paid, fee_minor=fee, tax_minor=tax)
        post(connection, kind=JournalKind.SALE, entries=entries, currency=order.currency, event_id=lines[0].event_id, **ids)
        total = order.total_minor
        capture = [(LedgerAccount.PROVIDER_CLEARING, total), (LedgerAccount.BUYER_RECEIVABLE, -total)]
        post(connection, kind=JournalKind.CAPTURE, entries=capture, currency=order.currency, **ids)
        connection.execute("insert into order_event (order_id, kind) values (%s, 'confirmed')", [order_id])

    def sell(self, connection: Connection, on: OnSale, **order: Any) -> UUID:
        """A confirmed order."""
        order_id = self.place(connection, on, **order)
        self.confirm(connection, order_id, at=order.get("at", OPENING))
        return order_id

    def expire(self, connection: Connection, order_id: UUID, *, at: datetime = OPENING) -> None:
        _set_clock(connection, at)
        connection.execute("update ticket_order set state = 'expired', ended_at = app_now() where id = %s", [order_id])
        connection.execute("update order_line set state = 'lapsed' where order_id = %s", [order_id])
        connection.execute("update hold set state = 'expired', ended_at = app_now() where order_id = %s", [order_id])

    def cancel(self, connection: Connection, order_id: UUID, *, at: datetime = OPENING) -> UUID:
        """Cancel a confirmed order; all but the fee is to be refunded: returns that refund."""
        _set_clock(connection, at)
        order = _row(connection, "select * from ticket_order where id = %s", order_id)
        lines = _rows(connection, "select * from order_line where order_id = %s", order_id)
        connection.execute("update ticket_order set state = 'cancelled', ended_at = app_now() where id = %s", [order_id])
        connection.execute("update order_line set state = 'cancelled' where order_id = %s", [order_id])
        connection.execute("update ticket set state = 'cancelled', ended_at = app_now() where order_id = %s", [order_id])
        parts = [(line.id, line.price_minor - line.discount_minor) for line in lines]
        amount, tax = sum(part for _, part in parts), sum(line.tax_minor for line in lines)
        refund = plan_refund(connection, payment_id=order.paid_by_payment, amount_minor=amount, reason=RefundReason.REQUESTED, lines=parts)
        post(
            connection,
            kind=JournalKind.REFUND_PLANNED,
            entries=refund_entries(amount_minor=amount, fee_minor=0, tax_minor=tax),
            vendor_id=order.vendor_id,
            currency=order.currency,
            order_id=order_id,
            event_id=lines[0].event_id,
            payment_id=order.paid_by_payment,
        )
        return refund

    def pay_back(self, connection: Connection, refund_id: UUID, *, at: datetime = OPENING) -> None:
        """The provider has paid the refund."""
        _set_clock(connection, at)
        refund = _row(connection, "update refund set state = 'succeeded', done_at = app_now() where id = %s returning *", refund_id)
        connection.execute(
            "update payment set refunded_minor = refunded_minor + %s, state = 'partly_refunded' where id = %s",
            [refund.amount_minor, refund.payment_id],
        )

    def bounce(self, connection: Connection, refund_id: UUID, *, at: datetime = OPENING) -> None:
        """The bank has sent the refund back."""
        _set_clock(connection, at)
        refund = _row(connection, "update refund set state = 'failed', done_at = null where id = %s returning *", refund_id)
        connection.execute(
            "update payment set refunded_minor = refunded_minor - %s where id = %s", [refund.amount_minor, refund.payment_id]
        )

    def step(self, chance: random.Random, connection: Connection) -> None:
        """Something at random, at a random instant of a year."""
        at = OPENING + timedelta(minutes=chance.randrange(365 * 24 * 60))
        choice = chance.choices(
            ["place", "confirm", "expire", "cancel", "pay back", "bounce", "venue", "zone"], [30, 30, 6, 12, 12, 4, 3, 1]
        )[0]
        if choice == "place":
            on = chance.choice(self.events)
            channel = chance.choice(["web", "api", "box_office"])
            discount = chance.choice([0, 0, 0, 333])
            quantity = chance.randint(1, 4)
            self.pending.append(self.place(connection, on, quantity=quantity, at=at, channel=channel, discount_minor=discount))
        elif choice == "confirm" and self.pending:
            order = self.pending.pop(chance.randrange(len(self.pending)))
            self.confirm(connection, order, at=at)
            self.confirmed.append(order)
        elif choice == "expire" and self.pending:
            self.expire(connection, self.pending.pop(chance.randrange(len(self.pending))), at=at)
        elif choice == "cancel" and self.confirmed:
            self.planned.append(self.cancel(connection, self.confirmed.pop(chance.randrange(len(self.confirmed))), at=at))
        elif choice == "pay back" and self.planned:
            refund = self.planned.pop(chance.randrange(len(self.planned)))
            self.pay_back(connection, refund, at=at)
            self.succeeded.append(refund)
        elif choice == "bounce" and self.succeeded:
            self.bounce(connection, self.succeeded.pop(chance.randrange(len(self.succeeded))), at=at)
        elif choice == "venue":
            connection.execute("update venue set name = name || '!' where id = %s", [chance.choice(self.events).event.venue_id])
        elif choice == "zone":
            zone = chance.choice(["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
            connection.execute("update vendor set zone = %s where id = %s", [zone, chance.choice(self.events).vendor.id])


def _set_clock(connection: Connection, at: datetime) -> None:
    connection.execute("select set_config('ticketing.now', %s, true)", [at.isoformat()])


def _rows(connection: Connection, statement: str, *values: Any) -> list[Any]:
    with connection.cursor(row_factory=psycopg.rows.namedtuple_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def _row(connection: Connection, statement: str, *values: Any) -> Any:
    return _rows(connection, statement, *values)[0]
