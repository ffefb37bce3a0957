"""The waiting room: ten thousand buyers come, poll, are let in under a cap, hold, and make room for the next.

Half come before the opening and are drawn by lot. While the queue is paused everybody only polls: that stretch tells how long an
answer takes and what it costs the database. The yardstick is the bare HTTP process, `/health/live`, asked by as many clients as
fast as they can, beside polls asked the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from tests.benchmarks.load import Client
from tests.benchmarks.report import Line
from tests.world import World, world
from ticketing.invariants.runner import run_all
from ticketing.waitingroom import service

FLOOR = {"p95_ms": 100.0, "transactions_per_second": 1.2}
GOAL = {"p95_ms": 50.0, "transactions_per_second": 1.0}
"""Of the database, above those of the same processes without a queue: one a second advances it and tells the other process."""
COUNTED_SECONDS = 12
"""PostgreSQL counts a connection's transactions when it has been idle for ten seconds."""
CONNECTIONS = 400
CLOSED_LOOP_CLIENTS = 32
GRACE_SECONDS = 30
WALKS_AWAY = 0.02
"""So many vanish when it is their turn: the turn must go to somebody else."""
PATIENCE_SECONDS = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--buyers", type=int, default=10_000, help="a multiple of twenty")
    parser.add_argument("--shoppers", type=int, default=300, help="let in at once")
    parser.add_argument("--seconds", type=float, default=15, help="of nothing but polling")
    parser.add_argument("--seed", type=int, default=1)


@dataclass
class Crowd:
    """Virtual buyers; a connection is theirs while they ask."""

    world: World
    chance: random.Random
    connections: asyncio.Queue[Client] = field(default_factory=asyncio.Queue)
    polls: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for _ in range(CONNECTIONS):
            self.connections.put_nowait(Client(self.world.api_port))

    @property
    def queue(self) -> str:
        return f"/api/events/{self.world.events[0]}/queue"

    async def ask(self, number: int, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.world.tokens[number]}"} | ({"Idempotency-Key": key} if key else {})
        client = await self.connections.get()
        try:
            started = time.perf_counter()
            answer = await client.ask(method, path, body, headers)
            if path.startswith("/api/queue/") and method == "GET":
                self.polls.append(time.perf_counter() - started)
        finally:
            self.connections.put_nowait(client)
        return answer

    async def live(self, number: int, comes_after: float, walks_away: bool) -> None:
        """One buyer: come, poll as often as told, and at their turn hold a seat, let it go, and leave."""
        await asyncio.sleep(comes_after)
        status, place = await self.ask(number, "POST", self.queue, {})
        if status != 201:
            raise RuntimeError(f"enter: {status} {place}")
        while place["state"] != "your_turn":
            wait = place["ask_again_seconds"] * self.chance.uniform(0.8, 1.2)
            await asyncio.sleep(wait)
            status, place = await self.ask(number, "GET", f"/api/queue/{place['token']}")
            if status != 200 or place["state"] == "over":
                self.ends["missed" if status == 200 else f"poll {status}"] += 1
                return
        if walks_away:
            self.ends["walked_away"] += 1
            return
        holds = f"/api/events/{self.world.events[0]}/holds"
        status, held = await self.ask(number, "POST", holds, {"seats": [number]}, uuid4().hex)
        if status == 201:
            await self.ask(number, "DELETE", f"/api/holds/{held['id']}")
        await self.ask(number, "DELETE", f"/api/queue/{place['token']}")
        self.ends["held" if status == 201 else f"hold {status} {held.get('type')}"] += 1


def _transactions(here: World) -> int:
    with here.database.connect(autocommit=True) as connection:
        row = connection.execute("select xact_commit from pg_stat_database where datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


async def _closed_loop(here: World, path: str, *, seconds: float) -> float:
    """Answers per second to clients who ask again at once."""
    asked = 0
    started = time.perf_counter()

    async def one() -> None:
        nonlocal asked
        client = Client(here.api_port)
        while time.perf_counter() - started < seconds:
            status, _ = await client.ask("GET", path, None, {})
            assert status == 200
            asked += 1
        client.close()

    await asyncio.gather(*(one() for _ in range(CLOSED_LOOP_CLIENTS)))
    return asked / (time.perf_counter() - started)


def _set(here: World, *, shoppers: int, opens_at: datetime) -> None:
    settings = service.QueueSettings(opens_at, shoppers, GRACE_SECONDS, 600, None)
    with here.database.transaction() as session:
        service.set_queue(session, vendor_ids=[here.vendor_id], event_id=here.events[0], settings=settings, actor_id=here.vendor_id)
    _pause(here, paused=True)


def _pause(here: World, *, paused: bool) -> None:
    with here.database.transaction() as session:
        service.pause_queue(
            session,
            vendor_ids=[here.vendor_id],
            event_id=here.events[0],
            paused=paused,
            actor_id=here.vendor_id,
            now=datetime.now(UTC),
        )


async def _most_inside(here: World, until: asyncio.Event) -> tuple[int, int]:
    """The most shoppers and open holds that were ever seen at once."""
    inside = holds = 0
    with here.database.connect(autocommit=True) as connection:
        while not until.is_set():
            row = connection.execute(
                "select (select count(*) from queue_entry where state in ('admitted', 'shopping')),"
                " (select count(*) from hold where state = 'active' and expires_at > app_now())"
            ).fetchone()
            assert row is not None
            inside, holds = max(inside, row[0]), max(holds, row[1])
            await asyncio.sleep(0.2)
    return inside, holds


@dataclass
class Outcome:
    crowd: Crowd
    waiting: list[float]
    """Seconds of each answer while everybody only polled."""
    polls_per_second: float
    transactions_per_second: float
    most_inside: int
    most_holds: int
    served_seconds: float


async def _rush(here: World, arguments: argparse.Namespace) -> Outcome:
    crowd = Crowd(here, random.Random(arguments.seed))
    await asyncio.sleep(COUNTED_SECONDS)
    before, started = await asyncio.to_thread(_transactions, here), time.perf_counter()
    await asyncio.sleep(arguments.seconds)
    idle = (await asyncio.to_thread(_transactions, here) - before) / (time.perf_counter() - started)
    entering = max(4.0, arguments.buyers / 1_000)
    opens_in = entering / 2
    _set(here, shoppers=arguments.shoppers, opens_at=datetime.now(UTC) + timedelta(seconds=opens_in))
    done = asyncio.Event()
    buyers = [
        asyncio.create_task(crowd.live(number, crowd.chance.uniform(0, entering), crowd.chance.random() < WALKS_AWAY))
        for number in range(arguments.buyers)
    ]
    await asyncio.sleep(entering + COUNTED_SECONDS)
    crowd.polls.clear()
    before, started = await asyncio.to_thread(_transactions, here), time.perf_counter()
    await asyncio.sleep(arguments.seconds)
    waited = time.perf_counter() - started
    waiting, transactions = list(crowd.polls), await asyncio.to_thread(_transactions, here) - before
    await asyncio.to_thread(_pause, here, paused=False)
    started = time.perf_counter()
    watching = asyncio.create_task(_most_inside(here, done))
    await asyncio.wait_for(asyncio.gather(*buyers), PATIENCE_SECONDS)
    served = time.perf_counter() - started
    done.set()
    inside, holds = await watching
    return Outcome(crowd, waiting, len(waiting) / waited, transactions / waited - idle, inside, holds, served)


def run(arguments: argparse.Namespace) -> list[Line]:
    with world(events=1, seats=arguments.buyers, buyers=arguments.buyers) as here:
        outcome = asyncio.run(_rush(here, arguments))
        time.sleep(GRACE_SECONDS + 2 if outcome.crowd.ends["walked_away"] else 2)  # turns that nobody took end now
        with here.database.transaction() as session:
            states = dict(session.execute(text("select state, count(*) from queue_entry group by state")).tuples().all())
            token = outcome.crowd.world.tokens[0]
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
        place = asyncio.run(_enter_again(here, token))
        polls = asyncio.run(_closed_loop(here, f"/api/queue/{place}", seconds=3))
        bare = asyncio.run(_closed_loop(here, "/health/live", seconds=3))
    p95 = statistics.quantiles(outcome.waiting, n=20)[18] * 1000
    inside = states.get("admitted", 0) + states.get("shopping", 0)
    ends = outcome.crowd.ends
    met = (
        p95 <= FLOOR["p95_ms"]
        and outcome.transactions_per_second <= FLOOR["transactions_per_second"]
        and outcome.most_inside <= arguments.shoppers
        and outcome.most_holds <= arguments.shoppers
        and ends["held"] + ends["walked_away"] == arguments.buyers
        and states.get("lapsed", 0) == ends["walked_away"]
        and inside == 0
        and not broken
    )
    return [
        Line(
            name="queue",
            sizes={
                "buyers": arguments.buyers,
                "shoppers": arguments.shoppers,
                "seconds": arguments.seconds,
                "seed": arguments.seed,
                "api_processes": 2,
            },
            figure=round(p95, 1),
            unit="ms (p95 of a poll)",
            yardstick=round(bare, 1),
            ratio=round(polls / bare, 3),
            goal=GOAL,
            floor=FLOOR,
            met=met,
            details={
                "polls_per_second": round(outcome.polls_per_second, 1),
                "polls_per_second_closed_loop": round(polls, 1),
                "transactions_per_second": round(outcome.transactions_per_second, 2),
                "most_inside": outcome.most_inside,
                "most_holds": outcome.most_holds,
                "served_per_second": round(arguments.buyers / outcome.served_seconds, 1),
                "ends": dict(ends),
                "states": states,
                "invariants_broken": broken,
            },
        )
    ]


async def _enter_again(here: World, token: str) -> str:
    """A place that waits: the queue is paused for it."""
    await asyncio.to_thread(_pause, here, paused=True)
    await asyncio.sleep(2)
    client = Client(here.api_port)
    _, place = await client.ask("POST", f"/api/events/{here.events[0]}/queue", {}, {"Authorization": f"Bearer {token}"})
    client.close()
    return str(place["token"])
