"""Holding, extending, releasing, expiring, ordering, paying, cancelling, blocking, resizing, selling by staff: in any order, at any time.

A model that knows nothing but who was promised what until when predicts each answer: never over, and never under. All
invariants are checked after each step. More examples: `make any-order EXAMPLES=200 STEPS=60`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from tests import factories
from tests.buying import captured, start_payment
from tests.orders.counter import Counter
from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.errors import Conflict, Expired, TicketingError
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import run_all
from ticketing.inventory.blocks import release_seats
from ticketing.inventory.capacity import change_ticket_type
from ticketing.inventory.holds import HoldView
from ticketing.inventory.rules import HoldState
from ticketing.orders import service
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.orders.pay import PaymentView
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel, OrderState
from ticketing.orders.staff_sale import TakenWith

EXAMPLES = int(os.environ.get("EXAMPLES", "12"))
STEPS = int(os.environ.get("STEPS", "25"))
SEATS, PLACES, MOST, BUYERS = 12, 6, 6, 4


@dataclass
class Promise:
    """Seats and places that a buyer has: held until then, or bought (no end)."""

    buyer: UUID
    seats: frozenset[int]
    places: int
    until: datetime | None
    order: UUID | None = None

    @property
    def quantity(self) -> int:
        return len(self.seats) + self.places


@dataclass
class Model:
    promises: dict[UUID, Promise] = field(default_factory=dict)
    """By hold; what staff sold or gave away, by order."""
    capacity: int = PLACES
    blocked: set[int] = field(default_factory=set)
    """House seats."""

    def live(self, now: datetime) -> list[Promise]:
        return [promise for promise in self.promises.values() if promise.until is None or promise.until > now]

    def fits(self, now: datetime, buyer: UUID, seats: frozenset[int], places: int) -> bool:
        """Whether this can be promised, too."""
        live = self.live(now)
        mine = sum(promise.quantity for promise in live if promise.buyer == buyer)
        return self.free(now, seats, places) and seats.isdisjoint(self.blocked) and mine + len(seats) + places <= MOST

    def free(self, now: datetime, seats: frozenset[int], places: int) -> bool:
        """Whether nobody has these seats, and so many places are left."""
        live = self.live(now)
        return all(seats.isdisjoint(promise.seats) for promise in live) and self.promised(now) + places <= self.capacity

    def promised(self, now: datetime) -> int:
        """Places without a number."""
        return sum(promise.places for promise in self.live(now))


def empty(database: Database) -> None:
    """Each example starts from nothing: what one has broken must not be found in the next."""
    with database.transaction(Role.OWNER) as session:
        tables = session.execute(text("select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"))
        session.execute(text(f"truncate {', '.join(tables.scalars())}"))


class AnyOrder(RuleBasedStateMachine):
    database: Database
    booking: Booking
    cipher: ContactCipher

    holds = Bundle("holds")
    orders = Bundle("orders")
    payments = Bundle("payments")

    @initialize()
    def begin(self) -> None:
        self.database.clock = None
        empty(self.database)
        with self.database.transaction() as session:
            self.now = database_now(session)
            self.sale = factories.make_event_on_sale(session, seats=SEATS, places=PLACES, max_per_buyer=MOST)
            self.people = factories.buyer_ids(session, BUYERS)
        self.counter = Counter.open(self.database, self.booking, self.sale, cipher=self.cipher)
        self.database.clock = self.now
        self.model = Model()

    def remember(self, hold: HoldView, order: UUID | None = None) -> HoldView:
        seats = frozenset(line.seat_no for line in hold.lines if line.seat_no is not None)
        places = sum(line.quantity for line in hold.lines if line.pool_id is not None)
        self.model.promises[hold.id] = Promise(hold.buyer_id, seats, places, hold.expires_at, order)
        return hold

    def forget_order(self, order: UUID) -> None:
        self.model.promises = {key: promise for key, promise in self.model.promises.items() if promise.order != order}

    @rule(
        target=holds, who=st.integers(0, BUYERS - 1), seats=st.frozensets(st.integers(0, SEATS - 1), max_size=4), places=st.integers(0, 3)
    )
    def hold(self, who: int, seats: frozenset[int], places: int) -> object:
        if not seats and not places:
            return multiple()
        buyer = self.people[who]
        pools = [(self.sale.pool.id, places)] if places else []
        work = self.booking.hold(
            event_id=self.sale.event.id, buyer_id=buyer, key=uuid4().hex, digest=b"", seats=sorted(seats), places=pools
        )
        expected = self.model.fits(self.now, buyer, seats, places)
        try:
            hold = self.booking.wait(work)
        except (Conflict, Expired):
            assert not expected
            return multiple()
        assert expected
        return self.remember(hold)

    @rule(target=holds, who=st.integers(0, BUYERS - 1), quantity=st.integers(1, 4))
    def hold_best(self, who: int, quantity: int) -> object:
        buyer = self.people[who]
        work = self.booking.hold_best(event_id=self.sale.event.id, buyer_id=buyer, key=uuid4().hex, digest=b"", quantity=quantity)
        rows = [range(start, min(start + 10, SEATS)) for start in range(0, SEATS, 10)]
        windows = [frozenset(range(n, n + quantity)) for row in rows for n in row if n + quantity <= row.stop]
        expected = any(self.model.fits(self.now, buyer, window, 0) for window in windows)
        try:
            hold = self.booking.wait(work)
        except (Conflict, Expired):
            assert not expected
            return multiple()
        assert expected
        return self.remember(hold)

    @rule(hold=holds)
    def extend(self, hold: HoldView) -> None:
        promise = self.model.promises.get(hold.id)
        try:
            extended = self.booking.wait(self.booking.extend_hold(hold_id=hold.id, buyer_id=hold.buyer_id))
        except TicketingError:
            return
        assert promise is not None
        assert promise.until is not None
        assert promise.until > self.now
        promise.until = extended.expires_at

    @rule(hold=holds)
    def release(self, hold: HoldView) -> None:
        promise = self.model.promises.get(hold.id)
        try:
            released = self.booking.wait(self.booking.release_hold(hold_id=hold.id, buyer_id=hold.buyer_id))
        except TicketingError:
            return
        if promise is None or promise.order is None:
            self.model.promises.pop(hold.id, None)
        else:
            assert released.state in (HoldState.CONVERTED, HoldState.EXPIRED)  # it had ended: its order stands, or may be paid late

    @rule(target=orders, hold=holds)
    def place(self, hold: HoldView) -> object:
        work = self.booking.place_order(hold_ids=[hold.id], buyer_id=hold.buyer_id, key=uuid4().hex, digest=b"", channel=Channel.WEB)
        promise = self.model.promises.get(hold.id)
        expected = promise is not None and promise.until is not None and promise.until > self.now and promise.order is None
        try:
            order = self.booking.wait(work)
        except TicketingError:
            assert not expected
            return multiple()
        assert promise is not None
        assert expected
        promise.order = order.id
        return order

    @rule(target=payments, order=orders)
    def start_paying(self, order: OrderView) -> object:
        try:
            payment = start_payment(self.booking, order)
        except TicketingError:
            return multiple()
        for hold_id, promise in self.model.promises.items():
            if promise.order == order.id and promise.until is not None:
                with self.database.transaction() as session:
                    promise.until = service.get_hold(session, hold_id=hold_id).expires_at
        return payment

    @rule(payment=payments)
    def capture(self, payment: PaymentView) -> None:
        """The money arrives: in time, late, or twice."""
        self.booking.wait(self.booking.settle(captured(payment)))
        with self.database.transaction() as session:
            order = service.get_order(session, order_id=payment.order_id)
        if order.state is OrderState.CONFIRMED:
            for promise in self.model.promises.values():
                if promise.order == order.id:
                    promise.until = None

    @rule(order=orders)
    def cancel(self, order: OrderView) -> None:
        try:
            self.booking.wait(self.booking.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key=uuid4().hex, digest=b""))
        except TicketingError:
            return
        self.forget_order(order.id)

    @rule(seats=st.frozensets(st.integers(0, SEATS - 1), max_size=3), places=st.integers(0, 2), gift=st.booleans())
    def sell_by_staff(self, seats: frozenset[int], places: int, gift: bool) -> None:
        """At the door, or as a present, for which house seats will do."""
        if not seats and not places:
            return
        expected = self.model.free(self.now, seats, places) and (gift or seats.isdisjoint(self.model.blocked))
        try:
            order = self.counter.sell(seats=sorted(seats), places=places, taken_with=None if gift else TakenWith.CASH)
        except (Conflict, Expired):
            assert not expected
            return
        assert expected
        self.model.blocked -= seats
        self.model.promises[order.id] = Promise(order.buyer_id, seats, places, None, order.id)

    @rule(seats=st.frozensets(st.integers(0, SEATS - 1), min_size=1, max_size=3))
    def block(self, seats: frozenset[int]) -> None:
        expected = self.model.free(self.now, seats, 0) and seats.isdisjoint(self.model.blocked)
        try:
            self.counter.block(sorted(seats))
        except Conflict:
            assert not expected
            return
        assert expected
        self.model.blocked |= seats

    @precondition(lambda self: bool(self.model.blocked))
    @rule()
    def release_blocked(self) -> None:
        seats, own = sorted(self.model.blocked), [self.sale.vendor.id]
        with self.database.transaction() as session:
            release_seats(session, vendor_ids=own, event_id=self.sale.event.id, seats=seats, now=self.now, actor_id=self.counter.member)
        self.model.blocked.clear()

    @rule(capacity=st.integers(0, PLACES + 3))
    def resize(self, capacity: int) -> None:
        """Refused below what is held and sold: holds that have run out and were not swept count, so a refusal may be for these."""
        with self.database.transaction() as session:
            sold = text("select held + sold from pool where id = :pool")
            counted = session.execute(sold, {"pool": self.sale.pool.id}).scalar_one()
        assert counted >= self.model.promised(self.now)
        try:
            with self.database.transaction() as session:
                change_ticket_type(
                    session,
                    vendor_ids=[self.sale.vendor.id],
                    event_id=self.sale.event.id,
                    ticket_type_id=self.sale.standing_type.id,
                    version=None,
                    changes={"capacity": capacity},
                    now=self.now,
                    actor_id=self.counter.member,
                )
        except Conflict:
            assert capacity < counted
            return
        assert capacity >= counted
        self.model.capacity = capacity

    @rule(minutes=st.integers(1, 20))
    def let_time_pass(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.database.clock = self.now

    @precondition(lambda self: bool(self.model.promises))
    @rule()
    def sweep(self) -> None:
        with self.database.connect() as connection, connection.transaction():
            self.database.set_clock(connection)
            sweep(connection)

    @invariant()
    def all_invariants_hold(self) -> None:
        broken = {result.code: result.violations for result in run_all(self.database) if result.severity == "safety" and result.violations}
        assert broken == {}

    @invariant()
    def sold_is_what_was_promised_for_good(self) -> None:
        if not hasattr(self, "sale"):
            return
        with self.database.transaction() as session:
            sold = text("select seat_no from event_seat where event_id = :event and state = 'sold'")
            seats = set(session.execute(sold, {"event": self.sale.event.id}).scalars())
            places = session.execute(text("select sold from pool where id = :pool"), {"pool": self.sale.pool.id}).scalar_one()
        bought = [promise for promise in self.model.promises.values() if promise.until is None]
        assert seats == {seat for promise in bought for seat in promise.seats}
        assert places == sum(promise.places for promise in bought)


@pytest.fixture(autouse=True)
def ground(database: Database, booking: Booking, settings: Settings) -> None:
    """What the machines run on."""
    AnyOrder.database, AnyOrder.booking, AnyOrder.cipher = database, booking, ContactCipher.from_settings(settings)


def test_any_order_of_steps_keeps_every_promise(database: Database) -> None:
    quick = hypothesis_settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a database takes minutes, and the steps tell enough
    )
    try:
        run_state_machine_as_test(AnyOrder, settings=quick)
    finally:
        database.clock = None


def test_late_money_finds_its_places_after_the_hold_was_given_up(database: Database) -> None:
    """A path that chance rarely takes: ordered, payment begun, expired, swept, released once more, and then paid."""
    machine = AnyOrder()
    try:
        machine.begin()
        hold = machine.hold(0, frozenset({3}), 1)
        payment = machine.start_paying(machine.place(hold))
        for _ in range(5):
            machine.let_time_pass(20)
        machine.sweep()
        machine.release(hold)
        machine.capture(payment)
        machine.all_invariants_hold()
        machine.sold_is_what_was_promised_for_good()
        assert [promise.until for promise in machine.model.promises.values()] == [None]
    finally:
        database.clock = None


def test_the_model_notices_when_a_promise_is_broken(database: Database) -> None:
    """The negative control: a seat that is freed behind its holder's back is sold again, and that is found."""
    machine = AnyOrder()
    try:
        machine.begin()
        machine.hold(0, frozenset({3}), 0)
        with database.transaction() as session:
            session.execute(text("update event_seat set state = 'free', held_until = null where state = 'held'"))
        with pytest.raises(AssertionError):
            machine.hold(1, frozenset({3}), 0)
        with pytest.raises(AssertionError):
            machine.all_invariants_hold()
    finally:
        database.clock = None
