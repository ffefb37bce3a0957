"""Many buying packages at once: two processes, the last places, one key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.packages.making import Season, make_season
from ticketing.foundation.db import Database
from ticketing.orders.booking import Booking
from ticketing.orders.read import OrderView


@pytest.fixture
def processes(booking: Booking, database: Database) -> Iterator[tuple[Booking, Booking]]:
    second = Booking(database, providers={})
    second.start()
    yield booking, second
    second.stop()


async def _together(*calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("standing", [False, True])
def test_of_two_buyers_at_two_processes_one_has_the_last_pair(
    processes: tuple[Booking, Booking], database: Database, buyers: list[UUID], standing: bool
) -> None:
    """And whoever loses holds nothing at the events that had room."""
    for turn in range(6):
        season = make_season(database, room={1: 2})
        package = season.package(standing=[0, 1] if standing else [0])
        calls = [
            process.order_package(package_id=package.id, buyer_id=buyer, quantity=2, key=f"k{turn}", digest=b"")
            for process, buyer in zip(processes, buyers[:2], strict=True)
        ]
        outcomes = processes[0].wait(_together(*calls))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == sorted(["SoldOut" if standing else "NoAdjacentSeats", "OrderView"])
        counts = season.counts()
        assert (counts["orders"], counts["holds"], counts["allowances"]) == (turn + 1, 3 * (turn + 1), 6 * (turn + 1))
    season.all_is_well()


def test_one_key_at_two_processes_gives_one_order(processes: tuple[Booking, Booking], season: Season, buyers: list[UUID]) -> None:
    package = season.package(standing=[2])
    for buyer in buyers[:8]:
        calls = [process.order_package(package_id=package.id, buyer_id=buyer, quantity=1, key="k", digest=b"") for process in processes]
        one, other = processes[0].wait(_together(*calls))
        assert isinstance(one, OrderView), repr(one)
        assert isinstance(other, OrderView), repr(other)
        assert one.id == other.id
        assert {one.replayed, other.replayed} == {True, False}
    assert (season.counts()["orders"], season.counts()["holds"]) == (8, 24)
    season.all_is_well()
