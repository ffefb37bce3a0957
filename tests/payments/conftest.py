"""A shop whose payments go to the real fake provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from tests import factories
from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.foundation.db import Connection, Database
from ticketing.foundation.settings import Settings
from ticketing.orders.booking import Booking
from ticketing.orders.pay import PaymentView
from ticketing.orders.rules import Channel
from ticketing.orders.settle import Settlement
from ticketing.payments.fake import FakeClient
from ticketing.payments.ledger import post
from ticketing.payments.providers import polled_notice
from ticketing.payments.refunds import plan_refund
from ticketing.payments.rules import JournalKind, RefundReason, refund_entries


@pytest.fixture(scope="module")
def provider(settings: Settings) -> Iterator[FakeProviderProcess]:
    """One without faults, for the tests of a module."""
    with start_fake_provider(settings) as process:
        yield process


@dataclass
class Shop:
    """Sells standing places of 22.50 EUR and a fee of 1.62 EUR, through the real steps."""

    database: Database
    client: FakeClient
    booking: Booking
    sale: factories.OnSale

    def start_payment(self) -> PaymentView:
        """A new buyer's order of one place, on the way to the provider's page."""
        with self.database.transaction() as session:
            (buyer,) = factories.buyer_ids(session, 1)
        return self.booking.wait(self._start_payment(buyer))

    async def _start_payment(self, buyer: UUID) -> PaymentView:
        key = uuid4().hex
        places = [(self.sale.pool.id, 1)]
        hold = await self.booking.hold(event_id=self.sale.event.id, buyer_id=buyer, key=key, digest=b"", places=places)
        order = await self.booking.place_order(hold_ids=[hold.id], buyer_id=buyer, key=f"o{key}", digest=b"", channel=Channel.WEB)
        return await self.booking.start_payment(
            order_id=order.id, buyer_id=buyer, provider="fake", key=f"p{key}", digest=b"", return_url="http://shop.test/back"
        )

    def buy(self) -> PaymentView:
        """An order paid at the provider and settled here."""
        payment = self.start_payment()
        assert self.booking.wait(self._pay(payment)) is Settlement.CONFIRMED
        return payment

    async def _pay(self, payment: PaymentView) -> Settlement:
        assert payment.provider_ref is not None
        notice = polled_notice("fake", await self.client.pay(payment.provider_ref))
        assert notice is not None
        return await self.booking.settle(notice)

    def plan_refunds(self, payments: Sequence[PaymentView], *, amount_minor: int) -> list[UUID]:
        """Decide to give back a part of each, with its journal."""
        with self.database.connect() as connection, connection.transaction():
            self.database.set_clock(connection)
            return [self._plan(connection, payment, amount_minor) for payment in payments]

    def _plan(self, connection: Connection, payment: PaymentView, amount_minor: int) -> UUID:
        refund_id = plan_refund(connection, payment_id=payment.id, amount_minor=amount_minor, reason=RefundReason.REQUESTED)
        post(
            connection,
            kind=JournalKind.REFUND_PLANNED,
            entries=refund_entries(amount_minor=amount_minor, fee_minor=0, tax_minor=0),
            vendor_id=self.sale.vendor.id,
            currency=payment.currency,
            order_id=payment.order_id,
            payment_id=payment.id,
            refund_id=refund_id,
        )
        return refund_id


@pytest.fixture
def open_shop(database: Database) -> Iterator[Callable[[FakeProviderProcess], Shop]]:
    """Makes a shop on a database of the test's own that pays at a given provider."""
    with ExitStack() as stack:

        def make(process: FakeProviderProcess) -> Shop:
            client = process.client()
            booking = Booking(database, {"fake": client})
            booking.start()
            stack.callback(booking.stop)
            stack.callback(lambda: booking.wait(client.close()))
            with database.transaction() as session:
                return Shop(database, client, booking, factories.make_event_on_sale(session, seats=0))

        yield make


@pytest.fixture
def shop(open_shop: Callable[[FakeProviderProcess], Shop], provider: FakeProviderProcess) -> Shop:
    return open_shop(provider)
