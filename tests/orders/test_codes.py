"""Codes on orders: what they take off, how uses are counted and given back, what access codes open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests import factories
from tests.buying import captured, start_payment
from tests.factories import OnSale
from tests.promotions.making import end_promotion, make_promotion, read_promotion
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import TicketingError
from ticketing.invariants import runner
from ticketing.inventory.best import NoAdjacentSeats
from ticketing.inventory.claim import AccessCodeNeeded
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel, OrderState
from ticketing.orders.settle import Settlement
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.uses import CodeNotForThis, CodeNotInForce, CodeUnknown, CodeUsedUp


async def order(
    booking: Booking,
    sale: OnSale,
    buyer: UUID,
    *,
    seats: Sequence[int] = (),
    places: int = 0,
    hold_code: str | None = None,
    code: str | None = None,
    link_code: str | None = None,
) -> OrderView:
    key = uuid4().hex
    pools = [(sale.pool.id, places)] if places else []
    hold = await booking.hold(event_id=sale.event.id, buyer_id=buyer, key=key, digest=b"", seats=seats, places=pools, code=hold_code)
    return await booking.place_order(
        hold_ids=[hold.id], buyer_id=buyer, key="o" + key, digest=b"", channel=Channel.WEB, code=code, link_code=link_code
    )


def place(booking: Booking, sale: OnSale, buyer: UUID, **wanted: Any) -> OrderView:
    return booking.wait(order(booking, sale, buyer, **wanted))


def all_is_well(database: Database) -> None:
    broken = {result.code: result.violations for result in runner.run_all(database) if not result.holds and result.severity == "safety"}
    assert broken == {}


def test_a_percentage_comes_off_each_line_and_the_parts_sum_exactly(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    database = booking._writer._database
    promotion = make_promotion(database, on_sale, percent=33)
    bought = place(booking, on_sale, buyers[0], seats=[0, 1], places=1, code=" spring ")
    assert bought.subtotal_minor == 4500 + 4500 + 2250
    assert bought.discount_minor == 3712  # 33 % of 112.50, half to even
    assert [line.discount_minor for line in bought.lines] == [1485, 1485, 742]
    assert bought.total_minor == bought.subtotal_minor - bought.discount_minor + bought.fee_minor
    assert all(line.tax_minor == round((line.price_minor - line.discount_minor) * 7 / 107) for line in bought.lines)
    payment = start_payment(booking, bought)
    assert payment.amount_minor == bought.total_minor
    assert booking.wait(booking.settle(captured(payment))) is Settlement.CONFIRMED
    assert read_promotion(database, on_sale, promotion).uses == 1
    all_is_well(database)


def test_an_amount_comes_off_once_and_never_more_than_the_price(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    make_promotion(database, on_sale, code="TENNER", kind=PromotionKind.AMOUNT, amount_minor=1000, currency="EUR")
    assert place(booking, on_sale, buyers[0], seats=[0, 1, 2], code="TENNER").discount_minor == 1000
    make_promotion(database, on_sale, code="MUCH", kind=PromotionKind.AMOUNT, amount_minor=1_000_000, currency="EUR")
    free = place(booking, on_sale, buyers[1], seats=[3], code="MUCH")
    assert (free.discount_minor, free.fee_minor, free.tax_minor, free.total_minor) == (4500, 0, 0, 0)
    assert booking.wait(booking.settle(captured(start_payment(booking, free)))) is Settlement.CONFIRMED
    all_is_well(database)


def test_only_what_the_code_is_for_costs_less(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    scope = {"event_id": on_sale.event.id, "ticket_type_ids": [on_sale.standing_type.id]}
    make_promotion(database, on_sale, percent=50, **scope)
    mixed = place(booking, on_sale, buyers[0], seats=[0], places=2, code="SPRING")
    assert sorted(line.discount_minor for line in mixed.lines) == [0, 1125, 1125]
    with pytest.raises(CodeNotForThis):
        place(booking, on_sale, buyers[1], seats=[1], code="SPRING")
    with database.transaction() as session:
        elsewhere = factories.make_event_on_sale(session, vendor=session.merge(on_sale.vendor), currency="CHF")
    make_promotion(database, on_sale, code="EUROS", kind=PromotionKind.AMOUNT, amount_minor=100, currency="EUR")
    with pytest.raises(CodeNotForThis):
        place(booking, elsewhere, buyers[1], seats=[0], code="EUROS")


def test_a_refused_code_leaves_no_order_behind(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    with database.transaction() as session:
        now = database_now(session)
    make_promotion(database, on_sale, code="LATER", starts_at=now + timedelta(days=1))
    ended = make_promotion(database, on_sale, code="ENDED")
    end_promotion(database, on_sale, ended)
    with database.transaction() as session:
        other = factories.make_event_on_sale(session)
    make_promotion(database, other, code="THEIRS")
    wanted: list[tuple[str, type[TicketingError]]] = [
        ("NEVER", CodeUnknown), ("THEIRS", CodeUnknown), ("A\0B", CodeUnknown), ("LATER", CodeNotInForce), ("ENDED", CodeNotInForce),
    ]  # fmt: skip
    for seat, (code, refusal) in enumerate(wanted):
        with pytest.raises(refusal):
            place(booking, on_sale, buyers[0], seats=[seat], code=code)
    with database.transaction() as session:
        assert session.execute(text("select count(*) from ticket_order")).scalar_one() == 0
        assert session.execute(text("select count(*) from hold where order_id is not null")).scalar_one() == 0


def test_the_last_uses_go_to_as_many_buyers_however_many_try(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    promotion = make_promotion(database, on_sale, max_uses=3)
    second = Booking(database, providers={})
    second.start()

    async def rush() -> list[Any]:
        engines = [booking, second]
        orders = [order(engines[n % 2], on_sale, buyers[n], seats=[n], code="SPRING") for n in range(20)]
        return await asyncio.gather(*orders, return_exceptions=True)

    outcomes = booking.wait(rush())
    second.stop()
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [CodeUsedUp] * 17
    assert read_promotion(database, on_sale, promotion).uses == 3
    all_is_well(database)


def test_a_buyer_uses_a_code_as_often_as_it_allows(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    make_promotion(database, on_sale, max_uses_per_buyer=1)
    first = place(booking, on_sale, buyers[0], seats=[0], code="SPRING")
    with pytest.raises(CodeUsedUp):
        place(booking, on_sale, buyers[0], seats=[1], code="SPRING")
    assert place(booking, on_sale, buyers[1], seats=[2], code="SPRING").discount_minor > 0
    booking.wait(booking.cancel_order(order_id=first.id, buyer_id=buyers[0], key="c", digest=b""))
    assert place(booking, on_sale, buyers[0], seats=[3], code="SPRING").discount_minor > 0
    all_is_well(database)


def test_uses_are_given_back_when_the_order_lapses_or_is_cancelled(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    promotion = make_promotion(database, on_sale, max_uses=3, max_uses_per_buyer=3)
    place(booking, on_sale, buyers[0], seats=[0], code="SPRING")
    paid = place(booking, on_sale, buyers[0], seats=[1], code="SPRING")
    booking.wait(booking.settle(captured(start_payment(booking, paid))))
    place(booking, on_sale, buyers[1], seats=[2], code="SPRING")
    assert read_promotion(database, on_sale, promotion).uses == 3
    booking.wait(booking.cancel_order(order_id=paid.id, buyer_id=buyers[0], key="c", digest=b""))
    assert read_promotion(database, on_sale, promotion).uses == 2
    lapse(database)
    assert read_promotion(database, on_sale, promotion).uses == 0
    all_is_well(database)


def lapse(database: Database) -> None:
    """Let all open orders run out."""
    with database.transaction() as session:
        past = "app_now() - interval '1 minute'"
        session.execute(text(f"update hold set expires_at = {past} where state = 'active'"))
        session.execute(text(f"update event_seat set held_until = {past} where state = 'held'"))
        session.execute(text(f"update ticket_order set expires_at = {past} where state = 'pending'"))
    with database.connect() as connection:
        sweep(connection)
        connection.commit()


@pytest.mark.parametrize("used_up", [False, True])
def test_late_money_counts_the_use_again_or_goes_back(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID], used_up: bool
) -> None:
    promotion = make_promotion(database, on_sale, max_uses=1, max_uses_per_buyer=1)
    payment = start_payment(booking, place(booking, on_sale, buyers[0], seats=[0], code="SPRING"))
    lapse(database)
    end_promotion(database, on_sale, promotion) if not used_up else place(booking, on_sale, buyers[1], seats=[1], code="SPRING")
    settled = booking.wait(booking.settle(captured(payment)))
    assert settled is (Settlement.REFUND_PLANNED if used_up else Settlement.RECLAIMED)
    assert read_promotion(database, on_sale, promotion).uses == 1
    all_is_well(database)


def test_the_same_request_again_is_the_same_order_and_one_use(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    promotion = make_promotion(database, on_sale)

    async def twice() -> tuple[OrderView, OrderView]:
        hold = await booking.hold(event_id=on_sale.event.id, buyer_id=buyers[0], key="h", digest=b"", seats=[0])
        wanted: dict[str, Any] = {"hold_ids": [hold.id], "buyer_id": buyers[0], "key": "o", "digest": b"", "channel": Channel.WEB}
        return await booking.place_order(**wanted, code="SPRING"), await booking.place_order(**wanted, code="SPRING")

    first, again = booking.wait(twice())
    assert again == first.as_replayed()
    assert read_promotion(database, on_sale, promotion).uses == 1


def test_a_batch_places_what_has_no_code_beside_what_has(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    make_promotion(database, on_sale, max_uses=4)

    async def rush() -> list[Any]:
        codes = {0: "SPRING", 1: "NEVER"}
        orders = [order(booking, on_sale, buyers[n], seats=[n], code=codes.get(n % 4)) for n in range(16)]
        return await asyncio.gather(*orders, return_exceptions=True)

    outcomes = booking.wait(rush())
    assert [type(o) for o in outcomes] == [OrderView, CodeUnknown, OrderView, OrderView] * 4
    assert [o.discount_minor > 0 for o in outcomes if isinstance(o, OrderView)] == [True, False, False] * 4


def test_an_access_code_opens_its_ticket_type_and_nothing_else_does(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    opened = {"kind": PromotionKind.ACCESS, "ticket_type_ids": [on_sale.standing_type.id]}
    promotion = make_promotion(database, on_sale, code="FRIENDS", max_uses=1, **opened)
    make_promotion(database, on_sale, code="DISCOUNT")
    with pytest.raises(AccessCodeNeeded):
        place(booking, on_sale, buyers[0], places=1)
    with pytest.raises(AccessCodeNeeded):
        place(booking, on_sale, buyers[0], seats=[0], places=1)
    for code in ("WRONG", "DISCOUNT"):
        with pytest.raises(CodeUnknown):
            place(booking, on_sale, buyers[0], places=1, hold_code=code)
    assert place(booking, on_sale, buyers[0], seats=[0], hold_code="WRONG").state is OrderState.PENDING
    place(booking, on_sale, buyers[0], places=2, hold_code="friends")
    assert read_promotion(database, on_sale, promotion).uses == 1
    with pytest.raises(CodeUsedUp):
        place(booking, on_sale, buyers[1], places=1, hold_code="FRIENDS")
    end_promotion(database, on_sale, promotion)
    assert place(booking, on_sale, buyers[2], places=1).state is OrderState.PENDING
    with database.transaction() as session:
        assert session.execute(text("select count(*) from buyer_allowance where taken > 3")).scalar_one() == 0
    all_is_well(database)


def test_the_best_seats_leave_closed_ones_to_those_with_a_code(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    make_promotion(database, on_sale, code="STALLS", kind=PromotionKind.ACCESS, ticket_type_ids=[on_sale.seated_type.id])

    async def best(buyer: UUID, **wanted: Any) -> Any:
        return await booking.hold_best(event_id=on_sale.event.id, buyer_id=buyer, key=uuid4().hex, digest=b"", quantity=3, **wanted)

    with pytest.raises(NoAdjacentSeats):
        booking.wait(best(buyers[0]))
    with pytest.raises(AccessCodeNeeded):
        booking.wait(best(buyers[0], ticket_type_id=on_sale.seated_type.id))
    held = booking.wait(best(buyers[0], code="stalls"))
    assert len(held.lines) == 3
    with database.transaction() as session:
        opener = session.execute(text("select code from hold h join promotion p on p.id = h.promotion_id where h.id = :h"), {"h": held.id})
        assert opener.scalar_one() == "STALLS"


def test_an_access_code_on_an_order_it_opened_nothing_of_is_refused(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    make_promotion(database, on_sale, code="FRIENDS", kind=PromotionKind.ACCESS, ticket_type_ids=[on_sale.standing_type.id])
    with pytest.raises(CodeNotForThis):
        place(booking, on_sale, buyers[0], seats=[0], code="FRIENDS")
    both = place(booking, on_sale, buyers[0], places=1, hold_code="FRIENDS", code="FRIENDS")
    assert both.discount_minor == 0


def test_a_tracking_link_ends_up_on_the_order_and_never_refuses_one(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    radio = make_promotion(database, on_sale, code="RADIO", kind=PromotionKind.AFFILIATE)
    make_promotion(database, on_sale)
    link = radio.link.rpartition("/")[2]
    bought = place(booking, on_sale, buyers[0], seats=[0], code="SPRING", link_code=link)
    assert bought.discount_minor > 0
    place(booking, on_sale, buyers[1], seats=[1], code="radio")
    assert read_promotion(database, on_sale, radio).uses == 2
    end_promotion(database, on_sale, radio)
    for number, stale in enumerate((link, "NOSUCHLINK", "A\0"), start=2):
        assert place(booking, on_sale, buyers[number], seats=[number], link_code=stale).discount_minor == 0
    with database.transaction() as session:
        referrers = session.execute(text("select referrer from ticket_order order by id")).scalars().all()
    assert referrers == ["affiliate:RADIO", "affiliate:RADIO", None, None, None]
    all_is_well(database)
