"""One request that reaches two processes at the same moment: both give the same answer, and it was done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.buying import buy
from tests.factories import OnSale, buyer_ids
from ticketing.foundation.db import Database
from ticketing.foundation.errors import TicketingError
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel

TURNS = 12
"""The moment at which one overtakes the other is met by chance: before they were looked for, a turn in five or so missed."""


@pytest.fixture
def processes(booking: Booking, database: Database) -> Iterator[tuple[Booking, Booking]]:
    second = Booking(database, providers={})
    second.start()
    yield booking, second
    second.stop()


@pytest.fixture
def people(database: Database) -> list[UUID]:
    with database.transaction() as session:
        return buyer_ids(session, TURNS)


def both(processes: tuple[Booking, Booking], ask: Callable[[Booking], Coroutine[Any, Any, Any]]) -> tuple[Any, Any]:
    async def together() -> list[Any]:
        return await asyncio.gather(*(ask(process) for process in processes), return_exceptions=True)

    one, other = processes[0].wait(together())
    for answer in (one, other):
        assert not isinstance(answer, TicketingError), repr(answer)
    return one, other


def count(database: Database, table: str) -> int:
    with database.transaction() as session:
        return int(session.execute(text(f"select count(*) from {table}")).scalar_one())


@pytest.mark.parametrize("what", ["seats", "places", "best"])
def test_one_hold(processes: tuple[Booking, Booking], database: Database, on_sale: OnSale, people: list[UUID], what: str) -> None:
    for turn, buyer in enumerate(people):
        request: dict[str, Any] = {"event_id": on_sale.event.id, "buyer_id": buyer, "key": "k", "digest": b""}
        if what == "best":
            one, other = both(processes, lambda process, request=request: process.hold_best(**request, quantity=2))  # type: ignore[misc]
        else:
            wanted = {"seats": [turn]} if what == "seats" else {"places": [(on_sale.pool.id, 2)]}
            one, other = both(processes, lambda process, request=request | wanted: process.hold(**request))  # type: ignore[misc]
        assert one.id == other.id
        assert {one.replayed, other.replayed} == {True, False}
    assert count(database, "hold") == TURNS


def test_the_last_places_of_a_pool(processes: tuple[Booking, Booking], database: Database, on_sale: OnSale, people: list[UUID]) -> None:
    """Where the first of the two leaves nothing for the second."""
    for buyer in people:
        with database.transaction() as session:
            session.execute(text("update pool set capacity = sold + held + 2 where id = :pool"), {"pool": on_sale.pool.id})
        one, other = both(
            processes,
            lambda process, buyer=buyer: process.hold(  # type: ignore[misc]
                event_id=on_sale.event.id, buyer_id=buyer, key="k", digest=b"", places=[(on_sale.pool.id, 2)]
            ),
        )
        assert one.id == other.id
    assert count(database, "hold") == TURNS


def test_one_order(processes: tuple[Booking, Booking], database: Database, on_sale: OnSale, people: list[UUID]) -> None:
    for turn, buyer in enumerate(people):
        held = processes[0].wait(processes[0].hold(event_id=on_sale.event.id, buyer_id=buyer, key="h", digest=b"", seats=[turn]))
        one, other = both(
            processes,
            lambda process, buyer=buyer, held=held: process.place_order(  # type: ignore[misc]
                hold_ids=[held.id], buyer_id=buyer, key="k", digest=b"", channel=Channel.WEB
            ),
        )
        assert one.id == other.id
        assert {one.replayed, other.replayed} == {True, False}
    assert count(database, "ticket_order") == TURNS


def test_one_cancellation(processes: tuple[Booking, Booking], database: Database, on_sale: OnSale, people: list[UUID]) -> None:
    for turn, buyer in enumerate(people):
        order = buy(processes[0], on_sale, buyer, seats=[turn])
        one, other = both(
            processes,
            lambda process, buyer=buyer, order=order: process.cancel_order(  # type: ignore[misc]
                order_id=order.id, buyer_id=buyer, key="k", digest=b""
            ),
        )
        assert (one.state, other.state) == ("cancelled", "cancelled")
        assert {one.replayed, other.replayed} == {True, False}
    assert count(database, "refund") == TURNS
