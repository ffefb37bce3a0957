"""Orders over HTTP: `placed` is hold + order; `completed` goes on to captured payment, webhook and tickets.

Durable commits, every row of the final shape, two API processes, 32 kept-alive clients on the same two cores. The yardstick
is pgbench writing the same rows at 32 clients, in interleaved rounds of the same run.
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

BARS = {
    "placed": {"floor": {"per_second": 1_000, "ratio": 0.5}, "goal": {"per_second": 2_000, "ratio": 1.0}},
    "completed": {"floor": {"per_second": 250, "ratio": 0.3}, "goal": {"per_second": 500, "ratio": 0.6}},
}
SPARE = 1.6
"""Seats are prepared for rates this much above the goals."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=8, help="of each measured stretch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--buyers", type=int, default=4_000)


class Load:
    """Buyers who each take one seat after another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seats = itertools.count()
        self._authorization = {"Authorization": f"Bearer {world.settings.secrets.fake_provider_api_key}"}
        self.latencies: list[float] = []
        self.done = 0

    async def _buy(self, api: Client, provider: Client, what: str) -> None:
        number = next(self._seats)
        event = self._world.events[number // self._world.seats_per_event]
        token = self._world.tokens[number % len(self._world.tokens)]
        who = {"Authorization": f"Bearer {token}"}
        started = time.perf_counter()
        seat = number % self._world.seats_per_event
        hold = await self._post(api, f"/api/events/{event}/holds", {"seats": [seat]}, {**who, "Idempotency-Key": uuid4().hex})
        order = await self._post(api, "/api/orders", {"hold_ids": [hold["id"]]}, {**who, "Idempotency-Key": uuid4().hex})
        if what == "completed":
            payment = await self._post(api, "/api/payments", {"order_id": order["id"]}, {**who, "Idempotency-Key": uuid4().hex})
            await self._post(provider, f"/v1/sessions/{payment['provider_ref']}/pay", {}, self._authorization)
        self.latencies.append(time.perf_counter() - started)
        self.done += 1

    @staticmethod
    async def _post(client: Client, path: str, body: object, headers: dict[str, str]) -> dict[str, str]:
        status, answer = await client.post(path, body, headers)
        if status not in (200, 201):
            raise RuntimeError(f"{path}: {status} {answer}")
        result: dict[str, str] = answer
        return result

    async def stretch(self, what: str, *, seconds: float, clients: int) -> float:
        """Buys per second; `completed` counts until the last webhook has been settled."""
        before = self._confirmed()
        done_before = self.done
        started = time.perf_counter()

        async def one() -> None:
            api, provider = Client(self._world.api_port), Client(self._world.provider_port)
            while time.perf_counter() - started < seconds:
                await self._buy(api, provider, what)
            api.close()
            provider.close()

        await asyncio.gather(*(one() for _ in range(clients)))
        done = self.done - done_before
        while what == "completed" and self._confirmed() - before < done:
            if time.perf_counter() - started > seconds + 60:
                raise RuntimeError("payments were captured, and not settled within a minute")
            await asyncio.sleep(0.02)
        return done / (time.perf_counter() - started)

    def _confirmed(self) -> int:
        with self._world.database.transaction() as session:
            return int(session.execute(text("select count(*) from provider_event where state = 'settled'")).scalar_one())


def run(arguments: argparse.Namespace) -> list[Line]:
    rates = sum(bar["goal"]["per_second"] for bar in BARS.values())
    ours = int(rates * SPARE * arguments.seconds * arguments.rounds) + 4_000
    seats = 2_000
    events = 2 * ours // seats + 2
    with world(events=events, seats=seats, buyers=arguments.buyers) as here:
        yardsticks.prepare(here, first_seat=ours // seats * seats + seats)
        load = Load(here)
        figures: dict[str, list[float]] = {"placed": [], "completed": []}
        engine: dict[str, list[float]] = {"placed": [], "completed": []}
        p99: dict[str, list[float]] = {"placed": [], "completed": []}
        asyncio.run(load.stretch("completed", seconds=min(3, arguments.seconds), clients=arguments.clients))  # warm
        for _ in range(arguments.rounds):
            for what in figures:
                load.latencies.clear()
                rate = asyncio.run(load.stretch(what, seconds=arguments.seconds, clients=arguments.clients))
                figures[what].append(rate)
                p99[what].append(statistics.quantiles(load.latencies, n=100)[98] * 1000)
                engine[what].append(yardsticks.measure(here, what, seconds=arguments.seconds, clients=arguments.clients))
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
    return [_line(what, figures[what], engine[what], p99[what], broken, arguments) for what in figures]


def _line(
    what: str, figures: list[float], yardsticks: list[float], p99: list[float], broken: list[str], arguments: argparse.Namespace
) -> Line:
    figure, yardstick = statistics.median(figures), statistics.median(yardsticks)
    ratio = statistics.median(f / y for f, y in zip(figures, yardsticks, strict=True))
    bar = BARS[what]
    met = ratio >= bar["floor"]["ratio"]  # absolute figures drift with the machine: they are told, and don't decide
    return Line(
        name=f"orders {what}",
        sizes={"seconds": arguments.seconds, "rounds": arguments.rounds, "clients": arguments.clients, "api_processes": 2},
        figure=round(figure, 1),
        unit="orders/s",
        yardstick=round(yardstick, 1),
        ratio=round(ratio, 3),
        goal=bar["goal"],
        floor=bar["floor"],
        met=met and not broken,
        details={
            "figures": [round(f, 1) for f in figures],
            "yardsticks": [round(y, 1) for y in yardsticks],
            "p99_ms": round(statistics.median(p99), 1),
            "above_absolute_floor": figure >= bar["floor"]["per_second"],
            "invariants_broken": broken,
        },
    )
