"""Seat maps: how many are served a second, how large one is, and how long a hold takes to 500 screens.

Two API processes, an arena whose seats are free, held and sold at random (the worst case for packing), viewers on live streams,
and buyers who hold seats all the while. First only that, for the way from a hold to the screens; then maps are asked for as fast
as they come, in rounds, each beside `/health/live`, which is the bare HTTP process, asked in the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import random
import statistics
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import uvloop
from sqlalchemy import text

from tests.benchmarks.flood import flood
from tests.benchmarks.load import Client
from tests.benchmarks.report import Line, cpu_seconds
from tests.world import World, world
from ticketing.invariants.runner import run_all
from ticketing.inventory.seat_copy import Code, code_of

FLOOR = {"maps_per_second": 10_000.0, "map_bytes": 6_000.0, "change_to_screen_p99_ms": 300.0}
GOAL = FLOOR
BUYERS = 2_000
SETTLED_SECONDS = 2.5
LAST_SECONDS = 10
"""Until the last hold must be on the last screen."""
OCTETS = {"Accept": "application/octet-stream"}
ZIPPED = {"Accept": "application/json", "Accept-Encoding": "gzip"}
PLAIN = {"Accept": "application/json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seats", type=int, default=20_000, help="a multiple of twenty")
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=5, help="of each measured stretch; the way to the screens is watched for three")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=50, help="seats held a second")
    parser.add_argument("--clients", type=int, default=16, help="connections that ask for maps")
    parser.add_argument("--seed", type=int, default=1)


BLOCK = """
with block as (
  insert into event_block (id, vendor_id, event_id, reason, created_at) values (uuidv7(), :vendor, :event, 'house', now()) returning id
),
blocked as (
  update event_seat set state = 'blocked', block_reason = 'house' where event_id = :event and seat_no = any(:numbers) returning seat_no
)
insert into event_block_seat (block_id, event_id, seat_no) select block.id, :event, seat_no from block, blocked
"""
HOLD = "update event_seat set state = 'held', held_until = now() + interval '1 hour' where event_id = :event and seat_no = any(:numbers)"


def fill_at_random(here: World, chance: random.Random) -> list[int]:
    """A third held for an hour, a third blocked, the rest free: their numbers, in random order."""
    order = chance.sample(range(here.seats_per_event), here.seats_per_event)
    third = len(order) // 3
    with here.database.transaction() as session:
        for statement, numbers in ((HOLD, order[:third]), (BLOCK, order[third : 2 * third])):
            session.execute(text(statement), {"event": here.events[0], "vendor": here.vendor_id, "numbers": numbers})
    return order[2 * third :]


@dataclass
class Scene:
    """Viewers and buyers of one event."""

    world: World
    path: str
    free: list[int]
    held_at: dict[int, float] = field(default_factory=dict)
    """When the answer of a hold came, by seat."""
    shown: int = 0
    """Holds, on each screen that showed them."""
    ways: list[float] = field(default_factory=list)
    """Seconds from a hold's answer to a screen."""
    screens: int = 0
    maps: int = 0
    """That were sent instead of deltas."""
    stopped: bool = False
    early: dict[int, list[float]] = field(default_factory=dict)
    """Screens that showed a hold before its buyer had the answer."""

    async def view(self, ready: asyncio.Semaphore) -> None:
        """One screen."""
        async with ready:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.world.api_port, limit=1 << 20)
            writer.write(f"GET {self.path}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            await reader.readuntil(b"event: map")
        self.screens += 1
        kind = b"map"
        seen: set[int] = set()
        while True:
            line = await reader.readuntil(b"\n")
            if line.startswith(b"event: "):
                kind = line[7:-1]
            elif line.startswith(b"data: ") and kind == b"delta":
                self._show(orjson.loads(line[6:])["held"], seen)
            elif line.startswith(b"data: ") and kind == b"map" and self.held_at:  # this one was too slow for the deltas
                bitmap = base64.b64decode(orjson.loads(line[6:])["bitmap"])
                self.maps += 1
                self._show([seat for seat in self.held_at if code_of(bitmap, seat) == Code.HELD], seen)

    def _show(self, seats: list[int], seen: set[int]) -> None:
        now = time.perf_counter()
        for seat in seats:
            if seat in seen:
                continue
            seen.add(seat)
            self.shown += 1
            if seat in self.held_at:
                self.ways.append(now - self.held_at[seat])
            else:
                self.early.setdefault(seat, []).append(now)

    async def hold(self, number: int, client: Client) -> None:
        seat = self.free[number % len(self.free)]
        who = {"Authorization": f"Bearer {self.world.tokens[number % BUYERS]}", "Idempotency-Key": uuid4().hex}
        status, answer = await client.post(f"/api/events/{self.world.events[0]}/holds", {"seats": [seat]}, who)
        if status != 201:
            raise RuntimeError(f"hold: {status} {answer}")
        self.held_at[seat] = time.perf_counter()
        self.ways += [at - self.held_at[seat] for at in self.early.pop(seat, [])]

    async def buy(self, rate: float, chance: random.Random) -> None:
        """Holds at random moments, until it is stopped."""
        clients: asyncio.Queue[Client] = asyncio.Queue()
        for _ in range(20):
            clients.put_nowait(Client(self.world.api_port))

        async def one(number: int) -> None:
            client = await clients.get()
            await self.hold(number, client)
            clients.put_nowait(client)

        async with asyncio.TaskGroup() as holds:
            for number in itertools.takewhile(lambda n: n < len(self.free), itertools.count()):
                if self.stopped:
                    break
                holds.create_task(one(number))
                await asyncio.sleep(chance.expovariate(rate))


async def _sizes(here: World, path: str) -> dict[str, int]:
    """Bytes of a map's body, as it is asked for."""
    found = {}
    for name, headers in (("octets", OCTETS), ("gzip", ZIPPED), ("json", PLAIN)):
        reader, writer = await asyncio.open_connection("127.0.0.1", here.api_port)
        lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        found[name] = int(head.split(b"content-length: ")[1].split(b"\r")[0])
        writer.close()
    return found


@dataclass
class Outcome:
    scene: Scene
    sizes: dict[str, int]
    ways: list[float]
    ways_flooded: list[float]
    rates: dict[str, list[float]]
    cpu: list[float]
    """Milliseconds of the API processes for a map."""


async def _watch(here: World, arguments: argparse.Namespace) -> Outcome:
    chance = random.Random(arguments.seed)
    path = f"/api/events/{here.events[0]}/seats"
    scene = Scene(here, path, fill_at_random(here, chance))
    await asyncio.sleep(SETTLED_SECONDS)
    sizes = await _sizes(here, path)
    ready = asyncio.Semaphore(50)
    viewers = [asyncio.create_task(scene.view(ready)) for _ in range(arguments.viewers)]
    while scene.screens < arguments.viewers:
        await asyncio.sleep(0.1)
    buying = asyncio.create_task(scene.buy(arguments.rate, chance))
    await asyncio.sleep(1)
    scene.ways.clear()
    await asyncio.sleep(3 * arguments.seconds)
    ways = list(scene.ways)
    scene.ways.clear()
    rates: dict[str, list[float]] = {"maps": [], "octets": [], "health": []}
    cpu = []
    for _ in range(arguments.rounds):
        for name, asked, headers, status in (
            ("maps", path, ZIPPED, 200),
            ("health", "/health/live", {}, 200),
            ("octets", path, OCTETS, 200),
        ):
            before = cpu_seconds(here.server.pid)
            rate = await flood(here.api_port, asked, seconds=arguments.seconds, clients=arguments.clients, headers=headers, status=status)
            rates[name].append(rate)
            if name == "maps":
                cpu.append((cpu_seconds(here.server.pid) - before) / (rate * arguments.seconds) * 1000)
    ways_flooded = list(scene.ways)
    scene.stopped = True
    await buying
    patience = time.perf_counter() + LAST_SECONDS
    while scene.shown < arguments.viewers * len(scene.held_at) and time.perf_counter() < patience:
        await asyncio.sleep(0.1)
    for viewer in viewers:
        viewer.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)
    return Outcome(scene, sizes, ways, ways_flooded, rates, cpu)


def run(arguments: argparse.Namespace) -> list[Line]:
    streams = {"TICKETING_SEAT_STREAMS_PER_ADDRESS": str(arguments.viewers)}
    with world(events=1, seats=arguments.seats, buyers=BUYERS, also=streams) as here:
        outcome = uvloop.run(_watch(here, arguments))
        with here.database.transaction() as session:
            session.execute(text("update event_seat set state = 'free', held_until = null where state = 'held' and hold_id is null"))
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
    maps, health = statistics.median(outcome.rates["maps"]), statistics.median(outcome.rates["health"])
    p99 = statistics.quantiles(outcome.ways, n=100)[98] * 1000
    not_shown = arguments.viewers * len(outcome.scene.held_at) - outcome.scene.shown
    largest = max(outcome.sizes["octets"], outcome.sizes["gzip"])
    met = maps >= FLOOR["maps_per_second"] and largest <= FLOOR["map_bytes"] and p99 <= FLOOR["change_to_screen_p99_ms"]
    details: dict[str, Any] = {
        "bytes": outcome.sizes,
        "change_to_screen_ms": {
            "p50": round(statistics.median(outcome.ways) * 1000, 1),
            "p99": round(p99, 1),
            "most": round(max(outcome.ways) * 1000, 1),
            "p99_while_flooded": round(statistics.quantiles(outcome.ways_flooded, n=100)[98] * 1000, 1),
        },
        "per_second": {name: [round(rate, 1) for rate in rates] for name, rates in outcome.rates.items()},
        "api_cpu_ms_per_map": round(statistics.median(outcome.cpu), 3),
        "holds": len(outcome.scene.held_at),
        "not_shown": not_shown,
        "maps_to_slow_viewers": outcome.scene.maps,
        "invariants_broken": broken,
    }
    return [
        Line(
            name="seatmap",
            sizes={**{k: v for k, v in vars(arguments).items() if k not in ("name", "json")}, "api_processes": 2},
            figure=round(maps, 1),
            unit="maps/s",
            yardstick=round(health, 1),
            ratio=round(statistics.median(m / h for m, h in zip(outcome.rates["maps"], outcome.rates["health"], strict=True)), 3),
            goal=GOAL,
            floor=FLOOR,
            met=met and not_shown == 0 and not broken,
            details=details,
        )
    ]
