"""Never over, never under: many HTTP clients at two processes want more than there is, until nothing is left.

`make oversell CLIENTS=500 SEATS=100` is the full size. The same rush on a product without its guard must be found out.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.benchmarks.load import Client
from tests.world import World, world
from ticketing.foundation.db import Role
from ticketing.invariants.runner import Severity, run_all

PARTIES = (1, 2, 3, 5, 7)


@dataclass(frozen=True)
class Size:
    clients: int
    seats: int
    places: int


@pytest.fixture(scope="module")
def size(request: pytest.FixtureRequest) -> Size:
    clients, seats = request.config.getoption("--oversell-clients"), request.config.getoption("--oversell-seats")
    return Size(clients, seats, places=max(1, clients // 2))


@pytest.fixture(scope="module", params=["guarded", "unguarded"])
def hall(request: pytest.FixtureRequest, size: Size) -> Iterator[tuple[World, bool]]:
    """Three nights on two processes; and whether the product's guard is in place."""
    guarded = request.param == "guarded"
    program = "ticketing.cli" if guarded else "tests.faults.unguarded"
    with world(events=3, seats=size.seats, standing=size.places, buyers=size.clients, serve=program) as here:
        if not guarded:
            with here.database.transaction(Role.OWNER) as session:  # the last line of defence is another guard
                session.execute(text("alter table pool drop constraint pool_never_over_check"))
        yield here, guarded


def rush(here: World, night: int, wishes: list[list[dict[str, Any]]]) -> Counter[int]:
    """Every client holds what it wants, one wish after another, until it is told for each that it can't; answers by status."""
    answers: Counter[int] = Counter()

    async def one(number: int, wanted: list[dict[str, Any]]) -> None:
        client = Client(here.api_port)
        who = {"Authorization": f"Bearer {here.tokens[number]}"}
        for body in wanted:
            status, answer = await client.post(f"/api/events/{here.events[night]}/holds", body, {**who, "Idempotency-Key": uuid4().hex})
            assert status in (201, 409, 410), (status, answer)
            answers[status] += 1
        client.close()

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number, wanted) for number, wanted in enumerate(wishes)))

    asyncio.run(all_of_them())
    return answers


def seats_held(here: World, night: int) -> tuple[int, int]:
    """(seats and places in living holds, how many of the seats twice)."""
    with here.database.transaction() as session:
        row = session.execute(
            text(
                "select coalesce(sum(l.quantity), 0), count(l.seat_no) - count(distinct l.seat_no)"
                " from hold_line l join hold h on h.id = l.hold_id where h.state = 'active' and h.event_id = :event"
            ),
            {"event": here.events[night]},
        ).one()
    return int(row[0]), int(row[1])


def broken(here: World) -> list[str]:
    return [result.code for result in run_all(here.database) if result.severity is Severity.SAFETY and result.violations]


def test_named_seats_are_held_once_each_and_all_of_them(hall: tuple[World, bool], size: Size) -> None:
    here, guarded = hall
    chance = random.Random(1)
    wishes = [[{"seats": [seat]} for seat in chance.sample(range(size.seats), size.seats)[:40]] for _ in range(size.clients)]
    rush(here, 0, wishes)
    held, twice = seats_held(here, 0)
    if guarded:
        assert (held, twice) == (size.seats, 0)
    else:
        assert twice > 0


def test_places_of_a_pool_are_held_up_to_its_capacity_and_no_further(hall: tuple[World, bool], size: Size) -> None:
    here, guarded = hall
    with here.database.transaction() as session:
        pool = session.execute(text("select id from pool where event_id = :event"), {"event": here.events[1]}).scalar_one()
    rush(here, 1, [[{"places": [{"pool_id": str(pool), "quantity": 1}]}] for _ in range(size.clients)])
    held, _ = seats_held(here, 1)
    if guarded:
        assert held == size.places
    else:
        assert held > size.places


@pytest.mark.parametrize("hall", ["guarded"], indirect=True)  # the choice is a guard of its own
def test_parties_of_every_size_fill_the_hall_with_the_best_seats_that_are_left(hall: tuple[World, bool], size: Size) -> None:
    here, _ = hall
    chance = random.Random(2)
    wishes = []
    for number in range(size.clients):
        first = PARTIES[number % len(PARTIES)]
        parties = [first, *chance.choices(PARTIES, k=3), 1, 1]
        wishes.append([{"best": {"quantity": quantity}} for quantity in parties])
    rush(here, 2, wishes)
    left = size.seats - seats_held(here, 2)[0]
    while left > 0:  # one after another takes what is left, seat by seat
        before = left
        rush(here, 2, [[{"best": {"quantity": 1}}] for _ in range(size.clients)])
        left = size.seats - seats_held(here, 2)[0]
        assert left < before, "seats are free that nobody can get"
    assert seats_held(here, 2) == (size.seats, 0)


def test_the_invariants_say_what_the_counts_say(hall: tuple[World, bool]) -> None:
    here, guarded = hall
    found = broken(here)
    if guarded:
        assert found == []
    else:
        assert {"S1", "S3"} <= set(found)
