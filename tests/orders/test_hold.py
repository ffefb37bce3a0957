"""Holding: all or nothing, never over, never under, once per key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.factories import OnSale
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Invalid
from ticketing.foundation.idempotency import IdempotencyKeyReused
from ticketing.inventory.claim import (
    MOST_HOLDS_A_DAY,
    AllowanceExceeded,
    EventNotFound,
    NotOnSale,
    SeatNotFound,
    SeatsTaken,
    SoldOut,
    TooManyHolds,
)
from ticketing.inventory.holds import AlreadyExtended, HoldEnded, HoldNotFound, HoldView
from ticketing.inventory.rules import HoldState
from ticketing.orders.booking import Booking


def hold(booking: Booking, sale: OnSale, buyer: UUID, key: str, *, seats: tuple[int, ...] = (), places: int = 0) -> HoldView:
    pools = [(sale.pool.id, places)] if places else []
    work = booking.hold(event_id=sale.event.id, buyer_id=buyer, key=key, digest=repr((seats, places)).encode(), seats=seats, places=pools)
    return booking.wait(work)


def seat_states(database: Database, sale: OnSale) -> dict[int, str]:
    with database.transaction() as session:
        rows = session.execute(text("select seat_no, state from event_seat where event_id = :e"), {"e": sale.event.id})
        return {row.seat_no: row.state for row in rows}


def test_hold_promises_the_price_when_seats_are_free(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    view = hold(booking, on_sale, buyers[0], "k", seats=(3, 4), places=2)
    assert view.state is HoldState.ACTIVE
    assert [(line.seat_no, line.quantity) for line in view.lines] == [(3, 1), (4, 1), (None, 2)]
    assert view.total_minor == 2 * (4_500 + 275) + 2 * (2_250 + 162)
    assert (view.expires_at - view.created_at) == timedelta(seconds=600)


def test_nothing_is_held_when_one_seat_is_taken(booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    hold(booking, on_sale, buyers[0], "k", seats=(5,))
    with pytest.raises(SeatsTaken) as taken:
        hold(booking, on_sale, buyers[1], "k", seats=(4, 5, 6))
    assert taken.value.details["seats"] == [5]
    states = seat_states(database, on_sale)
    assert [states[n] for n in (4, 5, 6)] == ["free", "held", "free"]
    assert hold(booking, on_sale, buyers[1], "again", seats=(4, 6)).state is HoldState.ACTIVE  # its allowance was not used up


def test_same_answer_when_a_key_is_repeated(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    first = hold(booking, on_sale, buyers[0], "k", places=2)
    again = hold(booking, on_sale, buyers[0], "k", places=2)
    assert (again.id, again.replayed, first.replayed) == (first.id, True, False)
    with pytest.raises(IdempotencyKeyReused):
        hold(booking, on_sale, buyers[0], "k", places=3)


def test_one_effect_when_a_key_is_repeated_at_once(booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    async def many() -> list[HoldView]:
        return await asyncio.gather(
            *(
                booking.hold(event_id=on_sale.event.id, buyer_id=buyers[0], key="k", digest=b"d", places=[(on_sale.pool.id, 2)])
                for _ in range(20)
            )
        )

    assert len({view.id for view in booking.wait(many())}) == 1
    with database.transaction() as session:
        assert session.execute(text("select held from pool where id = :p"), {"p": on_sale.pool.id}).scalar_one() == 2


def test_exactly_all_places_are_held_when_more_are_wanted(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database
) -> None:
    async def rush() -> list[object]:
        jobs = [
            booking.hold(event_id=on_sale.event.id, buyer_id=buyer, key="k", digest=b"", places=[(on_sale.pool.id, 3)]) for buyer in buyers
        ]
        return list(await asyncio.gather(*jobs, return_exceptions=True))

    results = booking.wait(rush())
    assert sum(isinstance(r, HoldView) for r in results) == 33
    assert all(isinstance(r, HoldView | SoldOut) for r in results)
    with database.transaction() as session:
        assert session.execute(text("select held from pool where id = :p"), {"p": on_sale.pool.id}).scalar_one() == 99


def test_one_winner_per_seat_when_two_engines_race(booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    other = Booking(database, providers={})
    other.start()

    async def rush() -> list[object]:
        engines = (booking, other)
        jobs = [
            engines[(buyer_no + seat) % 2].hold(
                event_id=on_sale.event.id, buyer_id=buyer, key=f"{seat}", digest=b"", seats=[seat, (seat + 1) % 50]
            )
            for seat in range(0, 50, 5)
            for buyer_no, buyer in enumerate(buyers)
            if buyer_no < 4 or seat < 10
        ]
        return list(await asyncio.gather(*jobs, return_exceptions=True))

    results = booking.wait(rush())
    other.stop()
    views = [r for r in results if isinstance(r, HoldView)]
    assert all(isinstance(r, HoldView | SeatsTaken | AllowanceExceeded) for r in results), results
    held = [line.seat_no for view in views for line in view.lines]
    assert len(held) == len(set(held)) == 20
    assert sum(state == "held" for state in seat_states(database, on_sale).values()) == 20


def test_places_are_taken_over_when_their_hold_has_expired(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database
) -> None:
    hold(booking, on_sale, buyers[0], "k", seats=(1,), places=9)
    for buyer in buyers[1:10]:
        hold(booking, on_sale, buyer, "k", places=10)
    with pytest.raises(SoldOut):
        hold(booking, on_sale, buyers[10], "k", places=2)
    database.clock = datetime.now(UTC) + timedelta(minutes=11)  # nobody sweeps
    assert hold(booking, on_sale, buyers[10], "k", places=10).lines[0].quantity == 10
    assert hold(booking, on_sale, buyers[11], "k", seats=(1,)).state is HoldState.ACTIVE
    assert hold(booking, on_sale, buyers[0], "later", places=10).state is HoldState.ACTIVE  # the cap forgets what expired


def test_the_cap_holds_when_one_buyer_asks_in_parallel(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    async def hoard() -> list[object]:
        jobs = [
            booking.hold(event_id=on_sale.event.id, buyer_id=buyers[0], key=str(n), digest=b"", places=[(on_sale.pool.id, 3)])
            for n in range(8)
        ]
        return list(await asyncio.gather(*jobs, return_exceptions=True))

    results = booking.wait(hoard())
    assert sum(isinstance(r, HoldView) for r in results) == 3
    assert sum(isinstance(r, AllowanceExceeded) for r in results) == 5


def test_nobody_holds_the_same_places_for_ever(booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    for turn in range(MOST_HOLDS_A_DAY):
        view = hold(booking, on_sale, buyers[0], f"k{turn}", seats=(1,))
        booking.wait(booking.release_hold(hold_id=view.id, buyer_id=buyers[0]))
    with pytest.raises(TooManyHolds):
        hold(booking, on_sale, buyers[0], "again", seats=(1,))
    with pytest.raises(TooManyHolds):
        hold(booking, on_sale, buyers[0], "elsewhere", places=1)
    assert hold(booking, on_sale, buyers[0], "k0", seats=(1,)).replayed
    assert hold(booking, on_sale, buyers[1], "k", seats=(1,)).state is HoldState.ACTIVE
    database.clock = datetime.now(UTC) + timedelta(hours=25)
    assert hold(booking, on_sale, buyers[0], "tomorrow", seats=(2,)).state is HoldState.ACTIVE


def test_a_hold_is_extended_once_and_released(booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database) -> None:
    view = hold(booking, on_sale, buyers[0], "k", seats=(7,))
    longer = booking.wait(booking.extend_hold(hold_id=view.id, buyer_id=buyers[0]))
    assert longer.expires_at - view.expires_at == timedelta(seconds=600)
    with pytest.raises(AlreadyExtended):
        booking.wait(booking.extend_hold(hold_id=view.id, buyer_id=buyers[0]))
    with pytest.raises(HoldNotFound):
        booking.wait(booking.release_hold(hold_id=view.id, buyer_id=buyers[1]))
    assert booking.wait(booking.release_hold(hold_id=view.id, buyer_id=buyers[0])).state is HoldState.RELEASED
    assert seat_states(database, on_sale)[7] == "free"
    with pytest.raises(HoldEnded):
        booking.wait(booking.extend_hold(hold_id=view.id, buyer_id=buyers[0]))


def test_a_request_is_refused_by_name_when_it_makes_no_sense(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database
) -> None:
    buyer = buyers[0]
    for seats in ((), (1, 1), (-1,), tuple(range(101))):
        with pytest.raises(Invalid):
            hold(booking, on_sale, buyer, "k", seats=seats)
    with pytest.raises(SeatNotFound):
        hold(booking, on_sale, buyer, "k", seats=(49, 50))
    with pytest.raises(SeatNotFound):
        booking.wait(booking.hold(event_id=on_sale.event.id, buyer_id=buyer, key="k", digest=b"", places=[(buyer, 1)]))
    with pytest.raises(EventNotFound):
        booking.wait(booking.hold(event_id=buyer, buyer_id=buyer, key="k", digest=b"", seats=[1]))
    with database.transaction() as session:
        session.execute(text("update event set sales_paused_at = now() where id = :e"), {"e": on_sale.event.id})
    with pytest.raises(NotOnSale):
        hold(booking, on_sale, buyer, "k", seats=(1,))
