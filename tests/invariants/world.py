"""A small world in which everything has happened once: sold, held, released, expired, cancelled, refunded, paid late and twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from tests import factories
from ticketing.catalog.rules import PaymentKind
from ticketing.catalog.tables import PaymentAccount
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.ids import new_id
from ticketing.inventory.blocks import block_seats
from ticketing.inventory.rules import BlockReason
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.orders.pay import PaymentView
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel
from ticketing.orders.settle import Settlement
from ticketing.orders.staff_sale import TakenWith
from ticketing.packages.service import NewPackage, create_package
from ticketing.payments.providers import ProviderNotice, ProviderPayment, ProviderRefund, ProviderSession
from ticketing.payments.refunds import send_due_refunds
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.service import NewPromotion, create_promotion, end_promotion
from ticketing.waitingroom.admit import advance_queue
from ticketing.waitingroom.service import QueueSettings, set_queue


class MemoryProvider:
    """A provider at the network edge that keeps its ledger in memory."""

    name = "fake"

    def __init__(self) -> None:
        self.payments: dict[str, ProviderPayment] = {}
        self.refunds: dict[str, ProviderRefund] = {}

    async def open_session(
        self,
        *,
        key: str,
        reference: UUID,
        amount_minor: int,
        currency: str,
        account_ref: str,
        order_code: str,
        return_url: str,
        expires_at: datetime,
    ) -> ProviderSession:
        ref = f"fp_{key}"
        self.payments[ref] = ProviderPayment(ref, str(reference), "open", amount_minor, currency, 0, 0)
        return ProviderSession(ref, f"http://pay.test/{ref}")

    async def expire_session(self, provider_ref: str) -> ProviderPayment:
        return self.payments[provider_ref]

    async def get_payment(self, provider_ref: str) -> ProviderPayment:
        return self.payments[provider_ref]

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        paid = self.payments[payment_ref]
        if key not in self.refunds:
            self.refunds[key] = ProviderRefund(f"fr_{key}", key, "succeeded", payment_ref, amount_minor, currency)
            self.payments[payment_ref] = ProviderPayment(
                payment_ref,
                paid.reference,
                paid.state,
                paid.amount_minor,
                currency,
                paid.captured_minor,
                paid.refunded_minor + amount_minor,
            )
        return self.refunds[key]

    async def find_refund(self, key: str) -> ProviderRefund | None:
        return self.refunds.get(key)

    async def list_payments(self) -> list[ProviderPayment]:
        return list(self.payments.values())

    async def list_refunds(self) -> list[ProviderRefund]:
        return list(self.refunds.values())

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderNotice:
        raise NotImplementedError("notices are handed over directly")

    async def close(self) -> None: ...

    def capture(self, ref: str) -> ProviderNotice:
        """The buyer pays."""
        paid = self.payments[ref]
        self.payments[ref] = ProviderPayment(
            ref, paid.reference, "captured", paid.amount_minor, paid.currency, paid.amount_minor, paid.refunded_minor
        )
        return ProviderNotice(
            self.name, f"evt_{new_id()}", "payment.captured", ref, UUID(paid.reference), paid.amount_minor, paid.currency, b"{}"
        )


@dataclass
class World:
    database: Database
    provider: MemoryProvider = field(default_factory=MemoryProvider)
    start: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        self.booking = Booking(self.database, {"fake": self.provider})
        self.booking.start()
        with self.database.transaction() as session:
            self.sale = factories.make_event_on_sale(session, now=self.start)
            self.second = factories.make_event_on_sale(session, vendor=self.sale.vendor, now=self.start)
            self.queued = factories.make_event_on_sale(session, now=self.start)
            self.buyers = factories.buyer_ids(session, 18)
        self._used = 0

    def at(self, minutes: float) -> None:
        """Move simulated time to so many minutes after the start."""
        self.database.clock = self.start + timedelta(minutes=minutes)

    def buyer(self) -> UUID:
        self._used += 1
        return self.buyers[self._used - 1]

    def _once(self, what: str) -> tuple[str, bytes]:
        key = f"{what}-{new_id()}"
        return key, hashlib.sha256(key.encode()).digest()[:16]

    def hold(self, buyer: UUID, *, seats: tuple[int, ...] = (), places: int = 0, code: str | None = None) -> UUID:
        key, digest = self._once("hold")
        pools = [(self.sale.pool.id, places)] if places else []
        event = self.sale.event.id
        hold = self.booking.hold(event_id=event, buyer_id=buyer, key=key, digest=digest, seats=seats, places=pools, code=code)
        return self.booking.wait(hold).id

    def order(self, buyer: UUID, hold: UUID, *, code: str | None = None) -> OrderView:
        key, digest = self._once("order")
        order = self.booking.place_order(hold_ids=[hold], buyer_id=buyer, key=key, digest=digest, channel=Channel.WEB, code=code)
        return self.booking.wait(order)

    def start_payment(self, order: OrderView) -> PaymentView:
        key, digest = self._once("pay")
        work = self.booking.start_payment(
            order_id=order.id, buyer_id=order.buyer_id, provider="fake", key=key, digest=digest, return_url="http://shop.test/return"
        )
        return self.booking.wait(work)

    def settle(self, payment: PaymentView) -> Settlement:
        assert payment.provider_ref is not None
        return self.booking.wait(self.booking.settle(self.provider.capture(payment.provider_ref)))

    def cancel(self, order: OrderView) -> OrderView:
        key, digest = self._once("cancel")
        return self.booking.wait(self.booking.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key=key, digest=digest))

    def buy(self, *, seats: tuple[int, ...] = (), places: int = 0) -> OrderView:
        buyer = self.buyer()
        order = self.order(buyer, self.hold(buyer, seats=seats, places=places))
        assert self.settle(self.start_payment(order)) is Settlement.CONFIRMED
        return order

    def sweep(self) -> None:
        with self.database.connect() as connection, connection.transaction():
            self.database.set_clock(connection)
            sweep(connection)

    def live(self) -> None:
        """Let everything happen once; ends with the clock unset, two hours after it began."""
        self.at(0)
        self.buy(seats=(0, 1), places=1)
        self.buy(places=2)
        self.cancel(self.buy(seats=(2, 3)))
        self._paid_twice()
        self._released_and_cancelled()
        self._paid_late()
        self._queued()
        self._with_codes()
        self._packages()
        self._by_staff()
        self.at(118)
        self.hold(self.buyer(), seats=(20,), places=2)
        send_due_refunds(self.database, {"fake": self.provider})
        with self.database.transaction() as session:
            session.execute(text("update outbox set consumed_at = app_now()"))
            session.execute(
                text(
                    "insert into message (id, kind, recipient_id, subject_id, due_at, channel, state, next_try_at, accepted_at)"
                    " select gen_random_uuid(), 'order_confirmed', buyer_id, id, confirmed_at, 'email', 'accepted', confirmed_at,"
                    " confirmed_at from ticket_order where confirmed_at is not null"
                )
            )
        self.cancel(self.buy(places=1))  # its refund stays planned, its outbox rows unread

    def _paid_twice(self) -> None:
        buyer = self.buyer()
        order = self.order(buyer, self.hold(buyer, seats=(4,)))
        first, second = self.start_payment(order), self.start_payment(order)
        assert [self.settle(first), self.settle(second)] == [Settlement.CONFIRMED, Settlement.REFUND_PLANNED]

    def _released_and_cancelled(self) -> None:
        buyer = self.buyer()
        self.booking.wait(self.booking.release_hold(hold_id=self.hold(buyer, seats=(5,)), buyer_id=buyer))
        self.cancel(self.order(buyer, self.hold(buyer, places=3)))

    def _paid_late(self) -> None:
        """One order gets its seat after all; the other's has gone to somebody else, and its money goes back."""
        lucky, unlucky = self.buyer(), self.buyer()
        payments = [self.start_payment(self.order(buyer, self.hold(buyer, seats=(seat,)))) for buyer, seat in ((lucky, 6), (unlucky, 7))]
        self.at(60)
        self.sweep()
        self.buy(seats=(7,))
        assert [self.settle(payment) for payment in payments] == [Settlement.RECLAIMED, Settlement.REFUND_PLANNED]

    def _queued(self) -> None:
        """Three come to a waiting room that lets two in."""
        event, vendor = self.queued.event, self.queued.vendor
        settings = QueueSettings(self.start, most_shoppers=2, grace_seconds=3600, shopping_seconds=3600, per_minute=None)
        with self.database.transaction() as session:
            set_queue(session, vendor_ids=[vendor.id], event_id=event.id, settings=settings, actor_id=vendor.id)
        for buyer in (self.buyer(), self.buyer(), self.buyer()):
            self.booking.wait(self.booking.enter_queue(event_id=event.id, buyer_id=buyer, tell=False))
        with self.database.connect() as connection, connection.transaction():
            self.database.set_clock(connection)
            advance_queue(connection, event_id=event.id)

    def _with_codes(self) -> None:
        """Two orders under a code, one of which is cancelled; a place that an access code opens."""
        now = self.database.clock or self.start
        new = {
            "SPRING": NewPromotion(code="SPRING", kind=PromotionKind.PERCENT, percent=10, max_uses=5, max_uses_per_buyer=1),
            "FRIENDS": NewPromotion(
                code="FRIENDS", kind=PromotionKind.ACCESS, event_id=self.sale.event.id, ticket_type_ids=[self.sale.standing_type.id]
            ),
        }
        with self.database.transaction() as session:
            made = {
                code: create_promotion(session, vendor_id=self.sale.vendor.id, new=wanted, actor_id=self.buyers[0], now=now, public_url="")
                for code, wanted in new.items()
            }
        for buyer, seats, places in ((self.buyers[-1], (10,), 0), (self.buyers[-2], (), 1)):
            hold = self.hold(buyer, seats=seats, places=places, code="FRIENDS")
            order = self.order(buyer, hold, code="SPRING")
            assert self.settle(self.start_payment(order)) is Settlement.CONFIRMED
        self.cancel(order)
        with self.database.transaction() as session:
            end_promotion(
                session,
                vendor_ids=[self.sale.vendor.id],
                promotion_id=made["FRIENDS"].id,
                actor_id=self.buyers[0],
                now=now,
                public_url="",
            )

    def _packages(self) -> None:
        """Two people have a package of two nights."""
        nights = [(night.event.id, night.standing_type.id) for night in (self.sale, self.second)]
        new = NewPackage(name="Both nights", price_minor=3_333, percent=None, currency="EUR", events=nights, max_per_buyer=2)
        vendor_id = self.sale.vendor.id
        with self.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
            now = database_now(session)
            package = create_package(session, vendor_id=vendor_id, new=new, actor_id=self.buyers[0], now=now)
        key, digest = self._once("package")
        work = self.booking.order_package(package_id=package.id, buyer_id=self.buyer(), quantity=2, key=key, digest=digest)
        assert self.settle(self.start_payment(self.booking.wait(work))) is Settlement.CONFIRMED

    def _by_staff(self) -> None:
        """Two house seats and a free one are given away, one of which is given back; somebody buys at the door; a seat is killed."""
        with self.database.transaction() as session:
            account = PaymentAccount(vendor_id=self.sale.vendor.id, provider="cash", kind=PaymentKind.CASH, account_ref="", label="Cash")
            session.add(account)
            for seats, reason in (([40, 41, 42], BlockReason.HOUSE), ([43], BlockReason.KILLED)):
                block_seats(
                    session,
                    vendor_ids=[self.sale.vendor.id],
                    event_id=self.sale.event.id,
                    block_id=new_id(),
                    seats=seats,
                    section_id=None,
                    reason=reason,
                    note="",
                    now=self.start,
                    actor_id=self.buyers[0],
                )
        self.sell_by_staff(None, seats=(40, 41), places=1)
        self.cancel(self.sell_by_staff(None, seats=(44,)))
        self.sell_by_staff(TakenWith.CASH, seats=(45,), places=2)
        self.sell_by_staff(TakenWith.CARD_TERMINAL, places=1)

    def sell_by_staff(self, taken_with: TakenWith | None, *, seats: tuple[int, ...] = (), places: int = 0) -> OrderView:
        """Sold at the door, or given away (None), to somebody without a name."""
        key, digest = self._once("staff")
        work = self.booking.sell_by_staff(
            vendor_ids=[self.sale.vendor.id],
            actor_id=self.buyers[0],
            person=None,
            event_id=self.sale.event.id,
            seats=seats,
            places=[(self.sale.pool.id, places)] if places else [],
            key=key,
            digest=digest,
            taken_with=taken_with,
        )
        return self.booking.wait(work)

    def stop(self) -> None:
        self.booking.stop()
