"""Buying a package: everywhere or nowhere, once per key, at a price that sums exactly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.buying import captured, start_payment
from tests.packages.making import NOTHING, Season, make_season
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Invalid
from ticketing.foundation.idempotency import IdempotencyKeyReused
from ticketing.inventory.best import NoAdjacentSeats
from ticketing.inventory.claim import AccessCodeNeeded, AllowanceExceeded, NotOnSale, SoldOut
from ticketing.orders.admission import NotYourTurn
from ticketing.orders.booking import Booking
from ticketing.orders.package import PackageLimitReached
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel, OrderState
from ticketing.orders.settle import Settlement
from ticketing.packages.sale import PackageNotFound, PackageNotOnSale
from ticketing.packages.service import PackageView


def order(booking: Booking, package: PackageView, buyer: UUID, quantity: int = 2, *, key: str = "k", digest: bytes = b"") -> OrderView:
    return booking.wait(booking.order_package(package_id=package.id, buyer_id=buyer, quantity=quantity, key=key, digest=digest))


def paid(order: OrderView, event_id: UUID) -> set[int]:
    """What each place at the event costs without its fee."""
    return {line.price_minor - line.discount_minor for line in order.lines if line.event_id == event_id}


def test_one_order_holds_places_side_by_side_at_every_event(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package(standing=[1])
    placed = order(booking, package, buyers[0], 3)
    assert (placed.channel, placed.state, placed.replayed) == (Channel.PACKAGE, OrderState.PENDING, False)
    assert Counter(line.event_id for line in placed.lines) == {sale.event.id: 3 for sale in season.events}
    for number in (0, 2):
        lines = [line for line in placed.lines if line.event_id == season.events[number].event.id]
        seats = sorted(int(line.seat_label or "") for line in lines)
        assert seats == list(range(seats[0], seats[0] + 3))
        assert len({line.row_label for line in lines}) == 1
    assert season.counts() == {"holds": 3, "orders": 1, "keys": 4, "seats": 6, "places": 3, "packages": 1, "allowances": 9}
    assert placed.total_minor == 3 * package.total_minor < 3 * package.singles_minor
    season.all_is_well()


def test_paid_for_it_gives_a_ticket_for_every_place(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    placed = order(booking, season.package(), buyers[0])
    booking.wait(booking.settle(captured(start_payment(booking, placed))))
    done = order(booking, season.package(), buyers[0], key="k2")  # another package of the same events, for the same buyer
    with season.database.transaction() as session:
        tickets = session.execute(
            text("select event_id, count(*) as places from ticket where holder_id = :buyer group by 1"), {"buyer": buyers[0]}
        ).all()
    assert {row.event_id: row.places for row in tickets} == {sale.event.id: 2 for sale in season.events}
    assert done.state is OrderState.PENDING
    season.all_is_well()


@pytest.mark.parametrize(
    ("currency", "prices", "wanted"),
    [
        ("JPY", (333, 334, 1_000), {"price_minor": 1_001}),
        ("JPY", (1, 1, 1), {"price_minor": 2}),
        ("EUR", (3_333, 3_334, 7), {"price_minor": 5_001}),
        ("EUR", (4_999, 4_999, 4_999), {"percent": 33}),
        ("EUR", (1_000, 0, 1_001), {"percent": 7}),
        ("KWD", (10_001, 20_003, 30_007), {"price_minor": 59_999}),
        ("KWD", (12_345, 54_321, 999), {"percent": 99}),
    ],
    ids=str,
)
def test_lines_sum_exactly_to_the_price(
    booking: Booking, database: Database, buyers: list[UUID], currency: str, prices: Sequence[int], wanted: dict[str, Any]
) -> None:
    season = make_season(database, prices=prices, currency=currency)
    package = season.package(**wanted)
    assert package.price_minor == wanted.get("price_minor", package.price_minor) <= sum(prices)
    for quantity, buyer in enumerate(buyers[:3], start=1):
        placed = order(booking, package, buyer, quantity)
        assert placed.currency == currency
        assert placed.subtotal_minor - placed.discount_minor == quantity * package.price_minor
        assert placed.total_minor == quantity * package.total_minor
        assert sum(line.price_minor - line.discount_minor for line in placed.lines) == quantity * package.price_minor
        assert sum(line.fee_minor for line in placed.lines) == placed.fee_minor == quantity * package.fee_minor
        assert sum(line.tax_minor for line in placed.lines) == placed.tax_minor
        for event in package.events:
            fees = {line.fee_minor for line in placed.lines if line.event_id == event.event_id}
            assert {part + fee for part in paid(placed, event.event_id) for fee in fees} == {event.share_minor}
        for line in placed.lines:
            assert 0 <= line.discount_minor <= line.price_minor
            assert 0 <= line.tax_minor <= line.price_minor - line.discount_minor
    season.all_is_well()


def test_single_prices_that_fell_below_the_package_s_price_are_not_raised(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package(price_minor=14_000)
    with season.database.transaction() as session:
        session.execute(text("update ticket_type set price_minor = 1000, tax_minor = 65"))
    placed = order(booking, package, buyers[0], 1)
    assert (placed.subtotal_minor, placed.discount_minor) == (3_000, 0)


@pytest.mark.parametrize("standing", [False, True])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_event_short_nothing_is_held_anywhere(
    booking: Booking, database: Database, buyers: list[UUID], number: int, standing: bool
) -> None:
    season = make_season(database, room={number: 1})
    package = season.package(standing=[number] if standing else [])
    with pytest.raises(SoldOut if standing else NoAdjacentSeats) as refused:
        order(booking, package, buyers[0])
    assert refused.value.details["event_id"] == season.events[number].event.id
    assert season.counts() == NOTHING
    placed = order(booking, package, buyers[0], 1)  # the key serves again, for one who still fits
    assert not placed.replayed
    season.all_is_well()


def test_a_closed_event_a_queue_a_code_or_a_cap_refuses_all_of_it(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package, event = season.package(), {"e": season.events[2].event.id}
    with season.database.transaction() as session:
        session.execute(text("update event set max_per_buyer = 1 where id = :e"), event)
    with pytest.raises(AllowanceExceeded):
        order(booking, package, buyers[0])
    with season.database.transaction() as session:
        session.execute(
            text("update event set access_types = array[:t ::uuid] where id = :e"), event | {"t": season.events[2].seated_type.id}
        )
    with pytest.raises(AccessCodeNeeded):
        order(booking, package, buyers[0])
    with season.database.transaction() as session:
        session.execute(text("update event set sales_paused_at = now() where id = :e"), event)
    with pytest.raises(NotOnSale):
        order(booking, package, buyers[0])
    with season.database.transaction() as session:
        queue = "(event_id, vendor_id, opens_at, most_shoppers, grace_seconds, shopping_seconds, seed)"
        session.execute(text(f"insert into queue {queue} values (:e, :v, now(), 1, 60, 60, '')"), event | {"v": season.vendor_id})
    with pytest.raises(NotYourTurn):
        order(booking, package, buyers[0])
    assert season.counts() == NOTHING


def test_a_package_is_sold_in_its_time_and_until_it_is_ended(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    season.later()
    now = season.database.clock
    assert now is not None
    package = season.package(sales_open_at=now.replace(year=now.year + 1), sales_close_at=now.replace(year=now.year + 2))
    with pytest.raises(PackageNotOnSale) as refused:
        order(booking, package, buyers[0])
    assert refused.value.details["state"] == "to_come"
    ended = season.package()
    placed = order(booking, ended, buyers[0])
    assert season.end(ended) == season.end(ended)
    with pytest.raises(PackageNotOnSale):
        order(booking, ended, buyers[1])
    assert order(booking, ended, buyers[0]).id == placed.id  # a repeat is answered all the same
    with pytest.raises(PackageNotFound):
        booking.wait(booking.order_package(package_id=buyers[0], buyer_id=buyers[0], quantity=1, key="n", digest=b""))
    with pytest.raises(Invalid, match="1 to 20 people"):
        order(booking, package, buyers[0], 0)


def test_a_repeat_gives_the_same_order_and_another_body_is_refused(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package()
    first, again = order(booking, package, buyers[0]), order(booking, package, buyers[0])
    assert (again.id, first.replayed, again.replayed) == (first.id, False, True)
    with pytest.raises(IdempotencyKeyReused) as refused:
        order(booking, package, buyers[0], 3, digest=b"other")
    assert refused.value.details == {"key": "k"}
    with pytest.raises(IdempotencyKeyReused):  # of another package
        order(booking, season.package(), buyers[0], digest=b"other")
    assert season.counts()["orders"] == 1


def test_the_limit_for_one_buyer_holds_in_a_rush_and_counts_what_stands(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package(max_per_buyer=5)

    async def rush() -> list[OrderView | BaseException]:
        calls = [booking.order_package(package_id=package.id, buyer_id=buyers[0], quantity=2, key=f"k{n}", digest=b"") for n in range(6)]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = booking.wait(rush())
    placed = [outcome for outcome in outcomes if isinstance(outcome, OrderView)]
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, OrderView)] == [PackageLimitReached] * 4
    assert len(placed) == 2
    booking.wait(booking.cancel_order(order_id=placed[0].id, buyer_id=buyers[0], key="c", digest=b""))
    assert order(booking, package, buyers[0], 3, key="again").state is OrderState.PENDING
    with pytest.raises(PackageLimitReached):
        order(booking, package, buyers[0], 1, key="too many")
    season.all_is_well()


def test_a_lapsed_order_frees_every_event(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package(standing=[1], max_per_buyer=2)
    placed = order(booking, package, buyers[0])
    season.later(hours=3)
    season.sweep()
    freed = season.counts()
    assert (freed["seats"], freed["places"], freed["allowances"]) == (0, 0, 0)
    again = order(booking, package, buyers[0], key="again")
    assert again.id != placed.id
    season.all_is_well()


@pytest.mark.parametrize("swept", [False, True])
def test_late_money_beyond_the_limit_goes_back(booking: Booking, season: Season, buyers: list[UUID], swept: bool) -> None:
    package = season.package(max_per_buyer=2)
    payment = start_payment(booking, order(booking, package, buyers[0]))
    season.later(hours=3)
    if swept:
        season.sweep()
    order(booking, package, buyers[0], key="again")
    assert booking.wait(booking.settle(captured(payment))) is Settlement.REFUND_PLANNED
    season.all_is_well()


def test_late_money_has_its_places_again_at_every_event_or_at_none(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package()
    lucky, unlucky = (start_payment(booking, order(booking, package, buyer)) for buyer in buyers[:2])
    season.later(hours=3)
    season.sweep()
    taken = season.events[1].event.id
    booking.wait(booking.hold(event_id=taken, buyer_id=buyers[2], key="h", digest=b"", seats=seats_of(season, unlucky.order_id, taken)))
    assert booking.wait(booking.settle(captured(unlucky))) is Settlement.REFUND_PLANNED
    assert booking.wait(booking.settle(captured(lucky))) is Settlement.RECLAIMED
    assert season.counts()["seats"] == 6 + 2
    season.all_is_well()


def seats_of(season: Season, order_id: UUID, event_id: UUID) -> list[int]:
    with season.database.transaction() as session:
        sql = "select seat_no from order_line where order_id = :o and event_id = :e"
        return list(session.execute(text(sql), {"o": order_id, "e": event_id}).scalars())


def test_a_cancelled_package_is_refunded_by_what_was_paid_for_each_event(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    placed = order(booking, season.package(price_minor=10_001), buyers[0], 2)
    booking.wait(booking.settle(captured(start_payment(booking, placed))))
    cancelled = booking.wait(booking.cancel_order(order_id=placed.id, buyer_id=buyers[0], key="c", digest=b""))
    assert (cancelled.state, season.counts()["seats"]) == (OrderState.CANCELLED, 0)
    with season.database.transaction() as session:
        assert session.execute(text("select sum(amount_minor)::int from refund")).scalar_one() == 2 * 10_001
    season.all_is_well()
