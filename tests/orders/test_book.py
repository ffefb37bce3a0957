"""Holding and ordering in one call: both or neither, once per key, whatever breaks off between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.factories import OnSale
from tests.promotions.making import make_promotion
from ticketing.foundation.db import Database, Role
from ticketing.foundation.errors import TicketingError
from ticketing.foundation.idempotency import IdempotencyKeyReused
from ticketing.invariants import runner
from ticketing.inventory.best import BestRequest
from ticketing.inventory.claim import AllowanceExceeded, ClaimRequest, SeatsTaken
from ticketing.orders.book import hold_key
from ticketing.orders.booking import Booking
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.uses import CodeUnknown


def claim(sale: OnSale, buyer: UUID, key: str, seats: Sequence[int], *, digest: bytes = b"", code: str | None = None) -> ClaimRequest:
    return ClaimRequest(uuid4(), sale.event.id, buyer, hold_key(key), digest, tuple(seats), (), code)


async def book(
    booking: Booking, sale: OnSale, buyer: UUID, key: str, seats: Sequence[int], *, access_code: str | None = None, **wanted: Any
) -> OrderView:
    digest = wanted.pop("digest", b"")
    hold = claim(sale, buyer, key, seats, digest=digest, code=access_code)
    return await booking.book(hold, key=key, channel=Channel.API, **wanted)


def counts(database: Database) -> dict[str, int]:
    """What stands in the database, by table; keys are those of holds and orders."""
    tables = ("hold", "ticket_order", "idempotency_key")
    with database.transaction() as session:
        counted = {table: int(session.execute(text(f"select count(*) from {table}")).scalar_one()) for table in tables}
        held = session.execute(text("select count(*) from event_seat where state = 'held'")).scalar_one()
    return counted | {"seats held": int(held)}


NOTHING = {"hold": 0, "ticket_order": 0, "idempotency_key": 0, "seats held": 0}


def all_is_well(database: Database) -> None:
    broken = {result.code: result.violations for result in runner.run_all(database) if not result.holds and result.severity == "safety"}
    assert broken == {}


def test_a_repeat_gives_the_same_order_and_says_so(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    first = booking.wait(book(booking, on_sale, buyers[0], "k", [1, 2]))
    again = booking.wait(book(booking, on_sale, buyers[0], "k", [1, 2]))
    assert (again.id, first.replayed, again.replayed) == (first.id, False, True)
    assert len(first.lines) == 2
    assert counts(database) == {"hold": 1, "ticket_order": 1, "idempotency_key": 2, "seats held": 2}
    other = booking.wait(book(booking, on_sale, buyers[1], "k", [3]))  # keys are a buyer's own
    assert other.id != first.id
    all_is_well(database)


def test_another_body_under_the_key_is_refused_and_the_key_that_was_sent_is_named(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    booking.wait(book(booking, on_sale, buyers[0], "k", [1], digest=b"1"))
    with pytest.raises(IdempotencyKeyReused) as refused:
        booking.wait(book(booking, on_sale, buyers[0], "k", [2], digest=b"2"))
    assert refused.value.details == {"key": "k"}
    with pytest.raises(IdempotencyKeyReused):  # in a call of the other kind, too
        booking.wait(booking.place_order(hold_ids=[uuid4()], buyer_id=buyers[0], key="k", digest=b"3", channel=Channel.API))
    assert counts(database)["ticket_order"] == 1


def test_a_key_that_another_call_has_used_leaves_no_hold(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    booking.wait(booking.hold(event_id=on_sale.event.id, buyer_id=buyers[0], key="k", digest=b"", seats=[1]))
    with pytest.raises(IdempotencyKeyReused):
        booking.wait(book(booking, on_sale, buyers[0], "k", [2]))
    assert counts(database) == {"hold": 1, "ticket_order": 0, "idempotency_key": 1, "seats held": 1}


def test_nothing_is_held_when_the_order_is_refused_and_the_key_serves_again(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    with pytest.raises(CodeUnknown):
        booking.wait(book(booking, on_sale, buyers[0], "k", [1], code="NOSUCH"))
    assert counts(database) == NOTHING
    order = booking.wait(book(booking, on_sale, buyers[0], "k", [1], digest=b"without the code"))
    assert not order.replayed
    all_is_well(database)


def test_taken_seats_and_caps_are_told_as_when_holding(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    booking.wait(book(booking, on_sale, buyers[0], "k", [1]))
    with pytest.raises(SeatsTaken) as taken:
        booking.wait(book(booking, on_sale, buyers[1], "k", [1, 2]))
    assert taken.value.details["seats"] == [1]
    with pytest.raises(AllowanceExceeded):
        booking.wait(book(booking, on_sale, buyers[1], "l", range(10, 21)))


def test_the_best_seats_are_booked_with_an_access_code_and_a_discount(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    opener = make_promotion(database, on_sale, code="FRIENDS", kind=PromotionKind.ACCESS, ticket_type_ids=[on_sale.seated_type.id])
    make_promotion(database, on_sale, code="SPRING25")
    hold = BestRequest(uuid4(), on_sale.event.id, buyers[0], hold_key("k"), b"", 2, code=opener.code)
    order = booking.wait(booking.book(hold, key="k", channel=Channel.API, code="SPRING25"))
    assert order.discount_minor == order.subtotal_minor // 4
    assert len({line.seat_label for line in order.lines}) == 2
    all_is_well(database)


def test_one_of_many_at_once_fails_alone(booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]) -> None:
    async def rush() -> list[OrderView | BaseException]:
        calls = [book(booking, on_sale, buyer, "k", [seat]) for seat, buyer in enumerate(buyers[:10])]
        calls.append(book(booking, on_sale, buyers[10], "k", [0]))  # taken by the first
        calls.append(book(booking, on_sale, buyers[11], "k", [11], code="NOSUCH"))
        calls.append(book(booking, on_sale, buyers[0], "k", [0]))  # repeated
        return await asyncio.gather(*calls, return_exceptions=True)

    *placed, taken, unknown, repeated = booking.wait(rush())
    assert all(isinstance(order, OrderView) and not order.replayed for order in placed)
    assert (type(taken), type(unknown)) == (SeatsTaken, CodeUnknown)
    assert isinstance(repeated, OrderView)
    assert repeated.replayed
    assert repeated.id == placed[0].id  # type: ignore[union-attr]
    assert counts(database) == {"hold": 10, "ticket_order": 10, "idempotency_key": 20, "seats held": 10}
    all_is_well(database)


def test_an_order_refused_within_a_batch_undoes_its_own_hold_alone(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    booking.wait(booking.hold(event_id=on_sale.event.id, buyer_id=buyers[0], key="spent", digest=b"", seats=[40]))

    async def rush() -> list[OrderView | BaseException]:
        calls = [book(booking, on_sale, buyer, "k", [seat]) for seat, buyer in enumerate(buyers[1:6])]
        return await asyncio.gather(book(booking, on_sale, buyers[0], "spent", [30]), *calls, return_exceptions=True)

    refused, *placed = booking.wait(rush())
    assert isinstance(refused, IdempotencyKeyReused)
    assert all(isinstance(order, OrderView) for order in placed)
    assert counts(database) == {"hold": 6, "ticket_order": 5, "idempotency_key": 11, "seats held": 6}


async def _together(calls: Sequence[Coroutine[Any, Any, OrderView]]) -> list[OrderView]:
    return await asyncio.gather(*calls)


def test_two_processes_asked_at_once_under_one_key_give_one_order(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    second = Booking(database, providers={})
    second.start()
    try:
        for turn, buyer in enumerate(buyers[:10]):
            calls = [book(process, on_sale, buyer, "k", [turn]) for process in (booking, second)]
            one, other = booking.wait(_together(calls))
            assert one.id == other.id
            assert {one.replayed, other.replayed} == {True, False}
    finally:
        second.stop()
    assert counts(database)["ticket_order"] == 10


DIE_BETWEEN = """
import sys
from uuid import UUID, uuid4
from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.inventory.claim import ClaimRequest
from ticketing.orders.book import hold_key
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel

url, event, buyer = sys.argv[1:]
faults.arm("booking_held")
booking = Booking(Database(core_url=url, owner_url="", reader_url=""), {})
booking.start()
hold = ClaimRequest(uuid4(), UUID(event), UUID(buyer), hold_key("k"), b"", (1,))
booking.wait(booking.book(hold, key="k", channel=Channel.API))
"""


def test_a_repeat_after_a_process_died_between_hold_and_order_gives_one_order(
    booking: Booking, database: Database, on_sale: OnSale, buyers: list[UUID]
) -> None:
    command = [sys.executable, "-c", DIE_BETWEEN, database.url(Role.CORE), str(on_sale.event.id), str(buyers[0])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
    assert subprocess.run(command, check=False, env=environment, timeout=60).returncode == -signal.SIGKILL
    order = booking.wait(book(booking, on_sale, buyers[0], "k", [1]))  # waits until the dead process's transaction is undone
    assert counts(database) == {"hold": 1, "ticket_order": 1, "idempotency_key": 2, "seats held": 1}
    assert booking.wait(book(booking, on_sale, buyers[0], "k", [1])).id == order.id
    all_is_well(database)


def test_what_no_state_could_make_right_is_refused_at_once(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    with pytest.raises(TicketingError, match="1 to 100 places"):
        booking.wait(book(booking, on_sale, buyers[0], "k", []))
