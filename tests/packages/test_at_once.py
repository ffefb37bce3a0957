"""Many buying packages at once: two processes, the last places, one key."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.packages.making import NOTHING, Season, make_season
from ticketing.foundation.db import Database, Role
from ticketing.inventory.holds import HoldView
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


def test_packages_and_holds_at_the_same_events_at_two_processes_do_not_fail_each_other(
    processes: tuple[Booking, Booking], season: Season, buyers: list[UUID]
) -> None:
    """Packages lock event by event, batches of holds all events at once: where they cross, one is run again."""
    packages = [season.package(standing=standing) for standing in ([0], [1, 2], [])]
    calls: list[Any] = []
    for number, buyer in enumerate(buyers[:24]):
        process, other = processes if number % 2 else processes[::-1]
        sale = season.events[number % 3]
        package = packages[number % 3].id
        calls.append(process.order_package(package_id=package, buyer_id=buyer, quantity=1, key="k", digest=b""))
        wanted: dict[str, Any] = {"places": [(sale.pool.id, 1)], "seats": [40 + number // 3]}
        calls.append(other.hold(event_id=sale.event.id, buyer_id=buyer, key="h", digest=b"", **wanted))
    outcomes = processes[0].wait(_together(*calls))
    assert [outcome for outcome in outcomes if not isinstance(outcome, OrderView | HoldView)] == []
    counts = season.counts()
    assert (counts["orders"], counts["holds"], counts["seats"] + counts["places"]) == (24, 3 * 24 + 24, 3 * 24 + 2 * 24)
    season.all_is_well()


DIE_BETWEEN = """
import sys
from uuid import UUID
from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.orders.booking import Booking

url, package, buyer = sys.argv[1:]
faults.arm("booking_held")
booking = Booking(Database(core_url=url, owner_url="", reader_url=""), {})
booking.start()
booking.wait(booking.order_package(package_id=UUID(package), buyer_id=UUID(buyer), quantity=2, key="k", digest=b""))
"""


def test_a_process_that_dies_with_everything_held_leaves_nothing(booking: Booking, season: Season, buyers: list[UUID]) -> None:
    package = season.package()
    command = [sys.executable, "-c", DIE_BETWEEN, season.database.url(Role.CORE), str(package.id), str(buyers[0])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
    assert subprocess.run(command, check=False, env=environment, timeout=60).returncode == -signal.SIGKILL
    assert season.counts() == NOTHING
    order = booking.wait(booking.order_package(package_id=package.id, buyer_id=buyers[0], quantity=2, key="k", digest=b""))
    assert (order.replayed, season.counts()["seats"]) == (False, 6)
