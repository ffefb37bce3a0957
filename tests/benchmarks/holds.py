"""Holding seats over HTTP: 200 kept-alive clients, each hold a seat and an Idempotency-Key of its own.

Caps, idempotency, audit and roles are on, two API processes, durable commits. The yardstick is pgbench at 32 clients doing
nothing but the claim itself, one conditional UPDATE of a seat a commit, on the same table, in interleaved rounds of the same
run. `same_rows` is pgbench writing all rows of a hold.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time
from uuid import uuid4

from tests.benchmarks import yardsticks
from tests.benchmarks.load import Client
from tests.benchmarks.report import Line, cpu_seconds
from tests.world import World, world
from ticketing.invariants.runner import run_all

FLOOR = {"ratio": 0.3}
GOAL = {"ratio": 0.6, "p99_ms": 75, "api_cpu_ms": 0.2}
SEATS = 8_000
MOST_PER_SECOND = 12_000
"""Seats are prepared for so many, for us and for the yardsticks each."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=8, help="of each measured stretch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--buyers", type=int, default=4_000)


class Load:
    """Buyers who each hold one seat after another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count()
        self.latencies: list[float] = []

    async def _hold(self, client: Client) -> None:
        number = next(self._numbers)
        event, seat = self._world.events[number // SEATS], number % SEATS
        who = {"Authorization": f"Bearer {self._world.tokens[number % len(self._world.tokens)]}", "Idempotency-Key": uuid4().hex}
        started = time.perf_counter()
        status, answer = await client.post(f"/api/events/{event}/holds", {"seats": [seat]}, who)
        if status != 201:
            raise RuntimeError(f"hold: {status} {answer}")
        self.latencies.append(time.perf_counter() - started)

    async def stretch(self, *, seconds: float, clients: int) -> float:
        """Holds per second."""
        self.latencies.clear()
        started = time.perf_counter()

        async def one() -> None:
            client = Client(self._world.api_port)
            while time.perf_counter() - started < seconds:
                await self._hold(client)
            client.close()

        await asyncio.gather(*(one() for _ in range(clients)))
        return len(self.latencies) / (time.perf_counter() - started)


def run(arguments: argparse.Namespace) -> list[Line]:
    ours = int(MOST_PER_SECOND * arguments.seconds * arguments.rounds) // SEATS + 6
    with world(events=3 * ours, seats=SEATS, buyers=arguments.buyers) as here:
        yardsticks.prepare(here, first_seat=ours * SEATS)
        load = Load(here)
        figures, bare, same_rows, p99, cpu = [], [], [], [], []
        asyncio.run(load.stretch(seconds=min(3, arguments.seconds), clients=arguments.clients))  # warm
        for _ in range(arguments.rounds):
            before = cpu_seconds(here.server.pid)
            figures.append(asyncio.run(load.stretch(seconds=arguments.seconds, clients=arguments.clients)))
            cpu.append((cpu_seconds(here.server.pid) - before) / len(load.latencies) * 1000)
            p99.append(statistics.quantiles(load.latencies, n=100)[98] * 1000)
            bare.append(yardsticks.measure(here, "claim", seconds=arguments.seconds, clients=32))
            same_rows.append(yardsticks.measure(here, "hold", seconds=arguments.seconds, clients=32))
        yardsticks.free_claims(here)
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
    ratio = statistics.median(f / y for f, y in zip(figures, bare, strict=True))
    sizes = {"seconds": arguments.seconds, "rounds": arguments.rounds, "clients": arguments.clients, "api_processes": 2}
    return [
        Line(
            name="holds",
            sizes=sizes,
            figure=round(statistics.median(figures), 1),
            unit="holds/s",
            yardstick=round(statistics.median(bare), 1),
            ratio=round(ratio, 3),
            goal=GOAL,
            floor=FLOOR,
            met=ratio >= FLOOR["ratio"] and not broken,
            details={
                "figures": [round(f, 1) for f in figures],
                "yardsticks": [round(y, 1) for y in bare],
                "same_rows_ratio": round(statistics.median(f / y for f, y in zip(figures, same_rows, strict=True)), 3),
                "p99_ms": round(statistics.median(p99), 1),
                "api_cpu_ms": round(statistics.median(cpu), 3),
                "invariants_broken": broken,
            },
        )
    ]
