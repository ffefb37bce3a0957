"""The buyer's path in a few lines, for tests that need what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from tests.factories import OnSale
from ticketing.orders.booking import Booking
from ticketing.orders.pay import IntentRequest, PaymentView
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel
from ticketing.payments.providers import ProviderNotice


def place_order(booking: Booking, sale: OnSale, buyer: UUID, *, seats: Sequence[int] = (), places: int = 0) -> OrderView:
    """Hold and order."""

    async def path() -> OrderView:
        pools = [(sale.pool.id, places)] if places else []
        key = uuid4().hex
        hold = await booking.hold(event_id=sale.event.id, buyer_id=buyer, key=key, digest=b"", seats=seats, places=pools)
        return await booking.place_order(hold_ids=[hold.id], buyer_id=buyer, key="o" + key, digest=b"", channel=Channel.WEB)

    return booking.wait(path())


def start_payment(booking: Booking, order: OrderView) -> PaymentView:
    """The intent alone, as it stands before the provider was asked."""

    async def intent() -> PaymentView:
        request = IntentRequest(uuid4(), order.id, order.buyer_id, "fake", uuid4().hex, b"")
        payment: PaymentView = await booking._writer.call("intent", request)
        return payment

    return booking.wait(intent())


def captured(
    payment: PaymentView, *, event: str | None = None, amount_minor: int | None = None, currency: str | None = None
) -> ProviderNotice:
    """What a verified webhook says of a payment."""
    return ProviderNotice(
        provider="fake",
        event_key=event or uuid4().hex,
        kind="payment.captured",
        payment_ref=f"ses_{payment.id}",
        reference=payment.id,
        amount_minor=payment.amount_minor if amount_minor is None else amount_minor,
        currency=currency or payment.currency,
        body=b"{}",
    )


def buy(booking: Booking, sale: OnSale, buyer: UUID, *, seats: Sequence[int] = (), places: int = 0) -> OrderView:
    """A confirmed order."""
    order = place_order(booking, sale, buyer, seats=seats, places=places)
    booking.wait(booking.settle(captured(start_payment(booking, order))))
    return order
