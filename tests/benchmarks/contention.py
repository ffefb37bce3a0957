"""Many clients, few seats, over HTTP: everybody goes for the same seats at once, and takes what is refused as an answer.

Exactly all seats must be sold, none twice, and a client must not wait long for its answer. The yardstick is the same seats
bought by one client after another: contention may cost, but not seats.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from uuid import uuid4

from sqlalchemy import text

from tests.benchmarks.load import Client
from tests.benchmarks.report import Line
from tests.world import World, world
from ticketing.invariants.runner import run_all

FLOOR = {"p99_ms": 500.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seats", type=int, default=100, help="a multiple of twenty")
    parser.add_argument("--seed", type=int, default=1)


async def _take(world: World, number: int, seats: list[int], latencies: list[float], deadline: float) -> int:
    """One client: goes through the seats in an order of its own until it has one, or has seen that all are taken."""
    client = Client(world.api_port)
    who = {"Authorization": f"Bearer {world.tokens[number]}"}
    for seat in seats:
        if time.perf_counter() > deadline:
            raise RuntimeError("the seats were not sold within a minute")
        started = time.perf_counter()
        status, answer = await client.post(
            f"/api/events/{world.events[0]}/holds", {"seats": [seat]}, {**who, "Idempotency-Key": uuid4().hex}
        )
        latencies.append(time.perf_counter() - started)
        if status == 201:
            client.close()
            return 1
        if status != 409:
            raise RuntimeError(f"hold: {status} {answer}")
    client.close()
    return 0


def run(arguments: argparse.Namespace) -> list[Line]:
    chance = random.Random(arguments.seed)
    latencies: list[float] = []
    with world(events=1, seats=arguments.seats, buyers=arguments.clients) as here:
        orders = [chance.sample(range(arguments.seats), arguments.seats) for _ in range(arguments.clients)]

        async def rush() -> int:
            deadline = time.perf_counter() + 60
            return sum(await asyncio.gather(*(_take(here, n, seats, latencies, deadline) for n, seats in enumerate(orders))))

        started = time.perf_counter()
        won = asyncio.run(rush())
        seconds = time.perf_counter() - started
        with here.database.transaction() as session:
            held, twice = session.execute(
                text(
                    "select count(*), count(*) - count(distinct (l.event_id, l.seat_no)) from hold_line l join hold h on h.id = l.hold_id"
                    " where h.state = 'active'"
                )
            ).one()
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
    p99 = statistics.quantiles(latencies, n=100)[98] * 1000
    return [
        Line(
            name="contention",
            sizes={"clients": arguments.clients, "seats": arguments.seats, "seed": arguments.seed, "api_processes": 2},
            figure=round(p99, 1),
            unit="ms (p99 of an answer)",
            yardstick=arguments.seats,
            ratio=round(won / arguments.seats, 3),
            goal=FLOOR,
            floor=FLOOR,
            met=won == held == arguments.seats and twice == 0 and p99 <= FLOOR["p99_ms"] and not broken,
            details={
                "sold": won,
                "double_sold": twice,
                "answers": len(latencies),
                "answers_per_second": round(len(latencies) / seconds, 1),
                "invariants_broken": broken,
            },
        )
    ]
