"""Holding places of one general-admission pool over HTTP: 200 clients, one hot row.

The yardstick is pgbench adding one to such a row, a commit each, at whatever number of clients it is best at: a row that
everybody wants is locked by one transaction at a time, so only batches go faster.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time
from uuid import uuid4

from sqlalchemy import text

from tests.benchmarks import yardsticks
from tests.benchmarks.load import Client
from tests.benchmarks.report import Line
from tests.world import World, world
from ticketing.invariants.runner import run_all

BAR = {"ratio": 0.5}
CAPACITY = 1_000_000
YARDSTICK_CLIENTS = (1, 4, 16, 32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=6, help="of each measured stretch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--buyers", type=int, default=20_000)


class Load:
    """Buyers who each hold one place after another."""

    def __init__(self, world: World) -> None:
        self._world = world
        with world.database.transaction() as session:
            found = session.execute(text("select id from pool where event_id = :event"), {"event": world.events[0]})
            self.pool = str(found.scalar_one())
        self._numbers = itertools.count()
        self.latencies: list[float] = []

    async def _hold(self, client: Client) -> None:
        token = self._world.tokens[next(self._numbers) % len(self._world.tokens)]
        who = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
        body = {"places": [{"pool_id": self.pool, "quantity": 1}]}
        started = time.perf_counter()
        status, answer = await client.post(f"/api/events/{self._world.events[0]}/holds", body, who)
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
    figures, best, p99 = [], [], []
    with world(events=2, seats=20, standing=CAPACITY, buyers=arguments.buyers) as here:
        yardsticks.prepare_pool(here, event_id=here.events[-1])
        load = Load(here)
        asyncio.run(load.stretch(seconds=min(2, arguments.seconds), clients=arguments.clients))  # warm
        for _ in range(arguments.rounds):
            figures.append(asyncio.run(load.stretch(seconds=arguments.seconds, clients=arguments.clients)))
            p99.append(statistics.quantiles(load.latencies, n=100)[98] * 1000)
            seconds = arguments.seconds / 2
            best.append(max(yardsticks.measure(here, "pool", seconds=seconds, clients=clients) for clients in YARDSTICK_CLIENTS))
        with here.database.transaction() as session:
            taken = text("update pool set held = 0 where event_id = :event")
            session.execute(taken, {"event": here.events[-1]})  # what the yardstick added has no holds
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
    ratio = statistics.median(f / y for f, y in zip(figures, best, strict=True))
    return [
        Line(
            name="pool",
            sizes={"seconds": arguments.seconds, "rounds": arguments.rounds, "clients": arguments.clients, "api_processes": 2},
            figure=round(statistics.median(figures), 1),
            unit="holds/s",
            yardstick=round(statistics.median(best), 1),
            ratio=round(ratio, 3),
            goal=BAR,
            floor=BAR,
            met=ratio >= BAR["ratio"] and not broken,
            details={
                "figures": [round(f, 1) for f in figures],
                "yardsticks": [round(y, 1) for y in best],
                "p99_ms": round(statistics.median(p99), 1),
                "invariants_broken": broken,
            },
        )
    ]
