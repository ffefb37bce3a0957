"""Cancelling one ticket: its place is free, its line is refunded once, and the rest of the order stands, whoever asks at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.buying import buy, place_order
from tests.factories import OnSale
from ticketing.foundation.db import Database
from ticketing.foundation.idempotency import IdempotencyKeyReused
from ticketing.invariants.runner import Severity, run_all
from ticketing.orders.booking import Booking
from ticketing.orders.cancel import OrderNotCancellable
from ticketing.orders.cancel_ticket import CancelledTicket, TicketNotCancellable
from ticketing.orders.read import OrderView
from ticketing.orders.rules import OrderState
from ticketing.orders.service import get_order
from ticketing.tickets.rules import TicketState
from ticketing.tickets.service import TicketNotFound


@pytest.fixture
def one(database: Database) -> Callable[[str], Any]:
    def query(sql: str) -> Any:
        with database.transaction() as session:
            return session.execute(text(sql)).scalar_one()

    return query


@pytest.fixture
def other(database: Database) -> Iterator[Booking]:
    """A second process's engine, in effect: a writer of its own on the same database."""
    booking = Booking(database, providers={})
    booking.start()
    yield booking
    booking.stop()


@pytest.fixture(autouse=True)
def whole(database: Database) -> Iterator[None]:
    """After every test, the invariants hold."""
    yield
    broken = [result for result in run_all(database) if result.severity is Severity.SAFETY and not result.holds]
    assert broken == []


async def cancel(
    booking: Booking, order: OrderView, line: int = 0, *, key: str | None = None, buyer: UUID | None = None
) -> CancelledTicket:
    ticket_id = order.lines[line].ticket_id
    assert ticket_id is not None
    return await booking.cancel_ticket(
        ticket_id=ticket_id, order_id=order.id, buyer_id=buyer or order.buyer_id, key=key or uuid4().hex, digest=b""
    )


def bought(database: Database, booking: Booking, sale: OnSale, buyer: UUID, **places: Any) -> OrderView:
    """A confirmed order with its tickets."""
    order = buy(booking, sale, buyer, **places)
    with database.transaction() as session:
        return get_order(session, order_id=order.id)


def test_one_ticket_goes_and_the_rest_of_the_order_stands(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1, 2), places=1)
    cancelled = booking.wait(cancel(booking, order, 0))
    assert (cancelled.state, cancelled.refund_minor, cancelled.currency) == (TicketState.CANCELLED, 4_500, "EUR")
    assert (cancelled.order_state, cancelled.replayed) == (OrderState.CONFIRMED, False)
    with database.transaction() as session:
        after = get_order(session, order_id=order.id)
    assert [line.state for line in after.lines] == ["cancelled", "confirmed", "confirmed"]
    assert one("select string_agg(state, ',' order by code) from ticket") == "cancelled,valid,valid"
    assert one("select taken from buyer_allowance") == 2
    assert one("select sold from pool") == 1
    assert one("select sum(amount_minor)::bigint from refund_line") == 4_500
    assert place_order(booking, on_sale, buyers[1], seats=(1,)).state is OrderState.PENDING  # the place is free again
    place = booking.wait(cancel(booking, order, 2))
    assert (place.refund_minor, one("select sold from pool")) == (2_250, 0)
    assert one("select string_agg(topic, ',' order by id) from outbox") == "order.confirmed,ticket.cancelled,ticket.cancelled"


def test_the_order_ends_with_its_last_ticket(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1, 2))
    booking.wait(cancel(booking, order, 0))
    assert booking.wait(cancel(booking, order, 1)).order_state is OrderState.CANCELLED
    assert one("select state from ticket_order") == "cancelled"
    assert one("select string_agg(topic, ',' order by id) from outbox") == "order.confirmed,ticket.cancelled,order.cancelled"


def test_cancelling_the_rest_refunds_only_the_rest(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1, 2))
    booking.wait(cancel(booking, order, 0))
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key="rest", digest=b""))
    assert one("select string_agg(amount_minor::text, ',') from refund") == "4500,4500"


def test_nothing_is_refunded_when_the_policy_gives_nothing_and_the_place_is_free(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1,))
    database.clock = on_sale.event.starts_at - timedelta(days=1)
    assert booking.wait(cancel(booking, order)).refund_minor == 0
    assert one("select count(*) from refund") == 0
    assert one("select state from event_seat where seat_no = 1") == "free"


def test_the_same_key_gives_the_same_answer_and_no_second_refund(
    booking: Booking, other: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1, 2))

    async def storm() -> list[CancelledTicket]:
        return await asyncio.gather(*(cancel((booking, other)[n % 2], order, key="k") for n in range(10)))

    answers = booking.wait(storm())
    assert sorted(answer.replayed for answer in answers) == [False, *[True] * 9]
    assert {answer.refund_minor for answer in answers} == {4_500}
    assert one("select count(*) from refund") == 1
    with pytest.raises(IdempotencyKeyReused):
        booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key="k", digest=b""))


def test_one_cancellation_wins_when_two_processes_cancel_one_ticket(
    booking: Booking, other: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1, 2))

    async def race() -> list[CancelledTicket | BaseException]:
        return await asyncio.gather(*(cancel((booking, other)[n % 2], order) for n in range(10)), return_exceptions=True)

    outcomes = booking.wait(race())
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CancelledTicket", *["TicketNotCancellable"] * 9]
    assert one("select sum(amount_minor)::bigint from refund") == 4_500
    assert one("select taken from buyer_allowance") == 1


def test_every_line_is_refunded_once_when_order_and_tickets_are_cancelled_at_once(
    booking: Booking, other: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    orders = [bought(database, booking, on_sale, buyer, seats=(n * 2, n * 2 + 1), places=1) for n, buyer in enumerate(buyers[:5])]

    async def race() -> list[Any]:
        calls: list[Any] = []
        for order in orders:
            calls += [cancel((booking, other)[line % 2], order, line) for line in range(3)]
            calls.append(other.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key=uuid4().hex, digest=b""))
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = booking.wait(race())
    faults = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(fault, TicketNotCancellable | OrderNotCancellable) for fault in faults), faults
    assert one("select count(*) from ticket_order where state = 'cancelled'") == 5
    assert one("select sum(amount_minor)::bigint from refund") == 5 * (2 * 4_500 + 2_250)
    assert one("select count(*) from event_seat where state <> 'free'") == 0


def test_a_ticket_stays_when_it_was_used_or_its_event_has_begun_or_it_is_another_persons(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = bought(database, booking, on_sale, buyers[0], seats=(1, 2))
    for stranger in (buyers[1], uuid4()):
        with pytest.raises(TicketNotFound):
            booking.wait(cancel(booking, order, buyer=stranger))
    with pytest.raises(TicketNotFound):
        booking.wait(booking.cancel_ticket(ticket_id=uuid4(), order_id=order.id, buyer_id=buyers[0], key="x", digest=b""))
    with database.connect() as connection:
        connection.execute("update ticket set state = 'used', ended_at = app_now() where id = %s", [order.lines[0].ticket_id])
    with pytest.raises(TicketNotCancellable):
        booking.wait(cancel(booking, order, 0))
    database.clock = datetime.now(UTC) + timedelta(days=31)
    with pytest.raises(TicketNotCancellable):
        booking.wait(cancel(booking, order, 1))
    assert one("select count(*) from refund") == 0
