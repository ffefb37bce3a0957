"""Money arriving: in time, twice, late, after a cancellation, wrongly; each capture ends in an order or a refund."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.buying import captured, place_order, start_payment
from tests.factories import OnSale
from tests.providers import start_fake_provider
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.orders.rules import OrderState
from ticketing.orders.settle import Settlement
from ticketing.payments.providers import ProviderNotice


@pytest.fixture
def one(database: Database) -> Callable[[str], Any]:
    def query(sql: str) -> Any:
        with database.transaction() as session:
            return session.execute(text(sql)).scalar_one()

    return query


def ledger_balance(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        rows = session.execute(text("select account, sum(amount_minor)::bigint as total from ledger_entry group by account"))
        return {row.account: row.total for row in rows}


def test_tickets_and_ledger_exist_when_money_arrives_in_time(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = place_order(booking, on_sale, buyers[0], seats=(1, 2), places=2)
    assert order.total_minor == 2 * 4_775 + 2 * 2_412
    assert booking.wait(booking.settle(captured(start_payment(booking, order)))) is Settlement.CONFIRMED
    assert one("select count(*) from ticket where state = 'valid'") == 4
    assert one("select count(*) from event_seat where state = 'sold'") == 2
    assert one("select sold * 10 + held from pool") == 20
    assert one("select state from ticket_order") == "confirmed"
    assert one("select string_agg(topic, ',') from outbox") == "order.confirmed"
    balance = ledger_balance(database)
    assert balance["buyer_receivable"] == 0
    assert balance["provider_clearing"] == order.total_minor
    assert -balance["vendor_payable"] - balance["platform_fee"] - balance["tax"] == order.total_minor
    assert one("select count(*) from (select 1 from ledger_entry group by journal_id having sum(amount_minor) <> 0) x") == 0


def test_one_effect_when_a_webhook_is_repeated_at_once(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    notice = captured(start_payment(booking, place_order(booking, on_sale, buyers[0], seats=(1,))), event="evt_1")
    other = Booking(database, providers={})
    other.start()

    async def storm() -> list[Settlement]:
        return await asyncio.gather(*((booking, other)[n % 2].settle(notice) for n in range(20)))

    results = booking.wait(storm())
    other.stop()
    assert sorted(results) == sorted([Settlement.CONFIRMED, *[Settlement.REPEATED] * 19])
    assert one("select count(*) from ticket") == 1


def test_second_money_goes_back_when_the_order_is_paid(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = place_order(booking, on_sale, buyers[0], seats=(1,))
    first, second = start_payment(booking, order), start_payment(booking, order)
    assert booking.wait(booking.settle(captured(first))) is Settlement.CONFIRMED
    assert booking.wait(booking.settle(captured(second))) is Settlement.REFUND_PLANNED
    assert one("select reason || amount_minor from refund") == "double_capture4775"
    assert ledger_balance(database)["refunds"] == -4_775
    assert one("select count(*) from ticket") == 1


@pytest.mark.parametrize("swept", [False, True])
def test_late_money_takes_the_places_again_when_they_are_free(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any], swept: bool
) -> None:
    payment = start_payment(booking, place_order(booking, on_sale, buyers[0], seats=(1,), places=2))
    database.clock = datetime.now(UTC) + timedelta(hours=2)
    if swept:
        with database.connect() as connection, connection.transaction():
            database.set_clock(connection)
            assert (sweep(connection).holds, one("select state from ticket_order")) == (1, OrderState.PENDING)
        assert one("select state from ticket_order") == "expired"
    assert booking.wait(booking.settle(captured(payment))) is Settlement.RECLAIMED
    assert one("select state || late_reclaim from ticket_order") == "confirmedtrue"
    assert one("select sold * 10 + held from pool") == 20
    assert one("select taken from buyer_allowance") == 3
    assert one("select string_agg(distinct state, ',') from order_line") == "confirmed"


def test_late_money_goes_back_when_a_place_is_gone(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    payment = start_payment(booking, place_order(booking, on_sale, buyers[0], seats=(1, 2), places=2))
    database.clock = datetime.now(UTC) + timedelta(hours=2)
    place_order(booking, on_sale, buyers[1], seats=(2,))
    assert booking.wait(booking.settle(captured(payment))) is Settlement.REFUND_PLANNED
    assert one("select reason from refund") == "late_capture"
    assert one("select count(*) from ticket") == 0
    assert one("select sold from pool") == 0
    assert one("select string_agg(topic, ',') from outbox") == "payment.returned"


def test_money_goes_back_when_the_order_was_cancelled_while_paying(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], one: Callable[[str], Any]
) -> None:
    order = place_order(booking, on_sale, buyers[0], seats=(1,))
    payment = start_payment(booking, order)
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key="c", digest=b""))
    assert one("select count(*) from event_seat where state <> 'free'") == 0
    assert booking.wait(booking.settle(captured(payment))) is Settlement.REFUND_PLANNED


def test_a_notice_is_parked_when_it_does_not_fit_and_settled_when_it_does(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], one: Callable[[str], Any]
) -> None:
    payment = start_payment(booking, place_order(booking, on_sale, buyers[0], seats=(1,)))
    for wrong in (captured(payment, amount_minor=1), captured(payment, currency="USD")):
        assert booking.wait(booking.settle(wrong)) is Settlement.PARKED
    unknown = ProviderNotice("fake", "evt_u", "payment.captured", "ses_x", uuid4(), 4_775, "EUR", b"{}")
    assert booking.wait(booking.settle(unknown)) is Settlement.PARKED
    assert one("select captured_minor from payment") == 0
    assert booking.wait(booking.settle(captured(payment))) is Settlement.CONFIRMED


def test_a_paid_order_is_refunded_by_policy_when_it_is_cancelled(
    booking: Booking, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    order = place_order(booking, on_sale, buyers[0], seats=(1,), places=1)
    booking.wait(booking.settle(captured(start_payment(booking, order))))
    cancelled = booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key="c", digest=b""))
    again = booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key="c", digest=b""))
    assert (cancelled.state, again.replayed) == (OrderState.CANCELLED, True)
    assert one("select sum(amount_minor)::bigint from refund") == 4_500 + 2_250  # the fee is kept
    assert one("select sum(amount_minor)::bigint from refund_line") == 6_750
    assert one("select count(*) from ticket where state = 'cancelled'") == 2
    assert one("select taken from buyer_allowance") == 0
    assert one("select sold + held from pool") == 0
    balance = ledger_balance(database)
    assert (balance["vendor_payable"], balance["tax"], balance["refunds"]) == (0, 0, -6_750)
    assert place_order(booking, on_sale, buyers[1], seats=(1,)).state is OrderState.PENDING


def test_an_order_is_confirmed_when_the_webhook_was_lost_and_the_provider_is_asked(
    settings: Settings, on_sale: OnSale, buyers: list[UUID], database: Database, one: Callable[[str], Any]
) -> None:
    with start_fake_provider(settings) as process:  # it was told of no address for webhooks
        client = process.client()
        booking = Booking(database, providers={"fake": client})
        booking.start()
        order = place_order(booking, on_sale, buyers[0], seats=(1,))

        async def pay() -> list[Settlement | None]:
            work = booking.start_payment(
                order_id=order.id, buyer_id=buyers[0], provider="fake", key="p", digest=b"", return_url="http://localhost/orders"
            )
            payment = await work
            before = await booking.look_up_payment(payment)
            await client.pay(payment.provider_ref or "")
            return [before, await booking.look_up_payment(payment), await booking.look_up_payment(payment)]

        assert booking.wait(pay()) == [None, Settlement.CONFIRMED, Settlement.REPEATED]
        booking.stop()
    assert one("select count(*) from ticket") == 1
