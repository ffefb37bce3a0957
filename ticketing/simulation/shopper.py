"""One buyer's steps, each through the services: hold, order, pay at the provider, settle, cancel."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from ticketing.foundation.errors import Conflict, Expired, Unavailable
from ticketing.foundation.ids import request_digest
from ticketing.inventory.holds import HoldView
from ticketing.orders.booking import Booking
from ticketing.orders.pay import PaymentView
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel
from ticketing.orders.settle import Settlement
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import ProviderNotice, ProviderPayment
from ticketing.simulation.places import Choice

REFUSALS = (Conflict, Expired, Unavailable)
"""What a buyer may be told on the way: gone, too many, too late, try again."""


@dataclass(slots=True)
class Tally:
    """What became of the buyers; `gross_minor` by currency is what confirmed orders cost, fees included."""

    counts: Counter[str] = field(default_factory=Counter)
    gross_minor: Counter[str] = field(default_factory=Counter)

    def confirmed(self, order: OrderView) -> None:
        self.counts["paid"] += 1
        self.counts["tickets"] += len(order.lines)
        self.gross_minor[order.currency] += order.total_minor


def notice_of(payment: ProviderPayment, *, at: datetime) -> ProviderNotice:
    """What the provider's webhook about the end of this session says: the same event, under the same key."""
    session = payment.provider_ref.removeprefix("ses_")
    return ProviderNotice(
        provider=FakeClient.name,
        event_key=f"evt_{session}_{payment.state}",
        kind=f"payment.{payment.state}",
        payment_ref=payment.provider_ref,
        reference=UUID(payment.reference),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        body=orjson.dumps({"session": payment.provider_ref, "state": payment.state, "at": at.isoformat()}),
    )


@dataclass(frozen=True, slots=True)
class Shopper:
    """Acts for one buyer. `visit` makes the keys of this visit's requests unique."""

    booking: Booking
    provider: FakeClient
    buyer_id: UUID
    visit: str

    def _key(self, step: str) -> tuple[str, bytes]:
        key = f"{self.visit}:{step}"
        return key, request_digest(b"simulation", key.encode())

    async def hold(self, event_id: UUID, choice: Choice) -> HoldView:
        key, digest = self._key("hold")
        return await self.booking.hold(
            event_id=event_id, buyer_id=self.buyer_id, key=key, digest=digest, seats=choice.seats, places=choice.places
        )

    async def order(self, hold: HoldView, *, channel: Channel, referrer: str | None) -> OrderView:
        key, digest = self._key("order")
        return await self.booking.place_order(
            hold_ids=[hold.id], buyer_id=self.buyer_id, key=key, digest=digest, channel=channel, referrer=referrer
        )

    async def start_payment(self, order: OrderView, *, attempt: int = 1) -> PaymentView:
        key, digest = self._key(f"pay-{attempt}")
        return await self.booking.start_payment(
            order_id=order.id,
            buyer_id=self.buyer_id,
            provider=FakeClient.name,
            key=key,
            digest=digest,
            return_url=f"http://localhost:8000/orders/{order.code}",
        )

    async def pay(self, payment: PaymentView, *, at: datetime) -> ProviderNotice:
        """Pay on the provider's page; what it will tell us, which may be a refusal of the card."""
        return notice_of(await self.provider.pay(payment.provider_ref or ""), at=at)

    async def give_up(self, payment: PaymentView, *, at: datetime) -> ProviderNotice:
        """Leave the provider's page; the session ends unpaid."""
        return notice_of(await self.provider.expire_session(payment.provider_ref or ""), at=at)

    async def cancel(self, order: OrderView) -> OrderView:
        key, digest = self._key("cancel")
        return await self.booking.cancel_order(order_id=order.id, buyer_id=self.buyer_id, key=key, digest=digest)


CONFIRMING = (Settlement.CONFIRMED, Settlement.RECLAIMED)
