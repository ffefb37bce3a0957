"""Best available: neighbours, never over and never under, the same answer to the same key; with races and a negative control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.factories import OnSale
from ticketing.foundation.db import Database
from ticketing.foundation.errors import TicketingError
from ticketing.foundation.idempotency import IdempotencyKeyReused
from ticketing.invariants.runner import run_all
from ticketing.inventory import claim
from ticketing.inventory.best import NoAdjacentSeats
from ticketing.inventory.claim import AllowanceExceeded, EventNotFound, NotOnSale
from ticketing.inventory.holds import HoldView
from ticketing.orders.booking import Booking


def best(booking: Booking, sale: OnSale, buyer: UUID, quantity: int, *, key: str | None = None, section: UUID | None = None) -> HoldView:
    work = booking.hold_best(
        event_id=sale.event.id,
        buyer_id=buyer,
        key=key or uuid4().hex,
        digest=bytes([quantity]),
        quantity=quantity,
        section_id=section,
    )
    return booking.wait(work)


def seats_of(hold: HoldView) -> list[int]:
    return sorted(line.seat_no for line in hold.lines if line.seat_no is not None)


def test_neighbours_in_the_front_row_are_held_when_all_is_free(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    assert seats_of(best(booking, on_sale, buyers[0], 4)) == [3, 4, 5, 6]
    assert seats_of(best(booking, on_sale, buyers[1], 3)) == [0, 1, 2]
    assert seats_of(best(booking, on_sale, buyers[2], 2)) in ([7, 8], [8, 9], [14, 15])


def test_same_seats_when_a_key_is_repeated(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    first = best(booking, on_sale, buyers[0], 2, key="k")
    again = best(booking, on_sale, buyers[0], 2, key="k")
    assert (again.id, again.replayed, seats_of(again)) == (first.id, True, seats_of(first))
    with pytest.raises(IdempotencyKeyReused):
        best(booking, on_sale, buyers[0], 3, key="k")


def test_refusals_name_the_reason(booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    with pytest.raises(NoAdjacentSeats):
        best(booking, on_sale, buyers[0], 11)  # rows have ten
    with pytest.raises(NoAdjacentSeats):
        best(booking, on_sale, buyers[0], 2, section=uuid4())
    best(booking, on_sale, buyers[0], 10)
    with pytest.raises(AllowanceExceeded):
        best(booking, on_sale, buyers[0], 1)
    nowhere = booking.hold_best(event_id=uuid4(), buyer_id=buyers[0], key="n", digest=b"", quantity=1)
    with pytest.raises(EventNotFound):
        booking.wait(nowhere)
    with database.transaction() as session:
        session.execute(text("update event set sales_paused_at = now()"))
    with pytest.raises(NotOnSale):
        best(booking, on_sale, buyers[1], 1)


def rush(engines: list[Booking], sale: OnSale, buyers: list[UUID]) -> list[HoldView]:
    """Parties of odd sizes through all engines at once, then single buyers until nothing is left."""

    def one(number: int) -> HoldView | None:
        try:
            return best(engines[number % len(engines)], sale, buyers[number % len(buyers)], (1, 3, 5, 2)[number % 4])
        except NoAdjacentSeats:
            return None

    with ThreadPoolExecutor(16) as pool:
        holds = [hold for hold in pool.map(one, range(len(buyers))) if hold is not None]
    for number in range(60):
        try:
            holds.append(best(engines[0], sale, buyers[number % len(buyers)], 1))
        except NoAdjacentSeats:
            return holds
        except AllowanceExceeded:
            continue
    raise AssertionError("there was no end of seats")


def held_twice(holds: list[HoldView]) -> list[int]:
    return [seat for seat, times in Counter(seat for hold in holds for seat in seats_of(hold)).items() if times > 1]


@pytest.fixture
def engines(database: Database) -> list[Booking]:
    """Two, as in two processes."""
    return [Booking(database, providers={}) for _ in range(2)]


def test_every_seat_is_held_once_when_parties_race(engines: list[Booking], on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    for engine in engines:
        engine.start()
    holds = rush(engines, on_sale, buyers)
    for engine in engines:
        engine.stop()
    assert held_twice(holds) == []
    assert sum(len(hold.lines) for hold in holds) == 50
    for hold in holds:
        assert all(b == a + 1 for a, b in pairwise(seats_of(hold)))
    assert [result.code for result in run_all(database) if result.severity == "safety" and result.violations] == []


def test_the_race_is_lost_when_the_guard_is_off(
    engines: list[Booking], on_sale: OnSale, buyers: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without the condition on the seat's state the same rush sells seats twice."""
    guard: Callable[[str], str] = lambda sql: sql.replace(  # noqa: E731
        "where (es.state = 'free' or", "where (true or"
    )
    assert guard(claim.CLAIM_SKIPPING) != claim.CLAIM_SKIPPING
    monkeypatch.setattr(claim, "CLAIM_SKIPPING", guard(claim.CLAIM_SKIPPING))
    monkeypatch.setattr(claim, "CLAIM_WAITING", guard(claim.CLAIM_WAITING))
    for engine in engines:
        engine.start()

    def take(number: int) -> HoldView | None:
        engine = engines[number % 2]
        work = engine.hold(event_id=on_sale.event.id, buyer_id=buyers[number], key=uuid4().hex, digest=b"", seats=(7, 8))
        try:
            return engine.wait(work)
        except TicketingError:
            return None

    with ThreadPoolExecutor(8) as pool:
        holds = [hold for hold in pool.map(take, range(8)) if hold is not None]
    for engine in engines:
        engine.stop()
    assert held_twice(holds) != []
