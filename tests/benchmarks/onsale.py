"""The headline: 50,000 buyers meet an arena at its opening over HTTP: waiting room, seats, payment, tickets, until it is sold out.

Twice in one command. *Calm*, and *with faults*: ten requests of robots to each that holds, orders or pays, a provider that takes
two seconds for every answer, and one of the two API processes killed when half of the seats are sold. The yardstick is the time
that `orders` would need for as many orders, by its own closed loop on the same processes before each run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import text

from tests.benchmarks import orders
from tests.benchmarks.report import Line
from tests.benchmarks.robots import Robots
from tests.benchmarks.shoppers import Crowd
from tests.world import World, wait_for, world
from ticketing.audit.service import SealKey
from ticketing.foundation.ids import token_digest
from ticketing.invariants.provider import ProviderLists, read_lists
from ticketing.invariants.runner import run_all
from ticketing.payments.fake import FakeClient
from ticketing.waitingroom import service

BARS = {
    "calm": {"floor": {"ratio": 3.0, "real_share": 0.95}, "goal": {"ratio": 1.5, "real_share": 0.95}},
    "with faults": {"floor": {"ratio": 6.0, "real_share": 0.95}, "goal": {"ratio": 3.0, "real_share": 0.95}},
}
YARDSTICK_CLIENTS = 32
MOST_ORDERS_PER_SECOND = 1_000
"""Seats are prepared for the yardstick at this rate."""
ROBOT_ACCOUNTS = 100
BLOCK_ROWS, ROW_SEATS = 12, 21
LEAD_SECONDS = 4.0
ARRIVALS_PER_SECOND = 1_250
"""Before the opening, until half of `LEAD_SECONDS` before it; those whom the machine lets in later come behind the lot."""
LOOK_SECONDS = 0.25
PATIENCE_FACTOR = 20
"""So many times the yardstick's time (and a minute) an on-sale may take before it is given up."""
GRACE_SECONDS = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--buyers", type=int, default=50_000)
    parser.add_argument("--seats", type=int, default=20_104)
    parser.add_argument("--shoppers", type=int, default=2_500, help="let in at once")
    parser.add_argument("--robots", type=float, default=10, help="their requests to one of a buyer who holds, orders or pays")
    parser.add_argument("--provider-seconds", type=float, default=2, help="the provider's latency, with faults")
    parser.add_argument("--yardstick-seconds", type=float, default=6)
    parser.add_argument("--seed", type=int, default=1)


def arena(seats: int) -> dict[str, object]:
    """A hall of blocks of 252 seats, the last ones smaller."""
    zones = []
    for block, first in enumerate(range(0, seats, BLOCK_ROWS * ROW_SEATS)):
        size = min(BLOCK_ROWS * ROW_SEATS, seats - first)
        rows = [
            {
                "row_number": str(row + 1),
                "position": {"x": 0, "y": row * 30},
                "seats": [
                    {"seat_guid": f"{block}-{row}-{s}", "seat_number": str(s + 1), "position": {"x": s * 25, "y": 0}, "category": "Stalls"}
                    for s in range(min(ROW_SEATS, size - row * ROW_SEATS))
                ],
            }
            for row in range(-(-size // ROW_SEATS))
        ]
        zones.append({"name": f"Block {block + 1}", "position": {"x": block % 10 * 600, "y": block // 10 * 400}, "rows": rows, "areas": []})
    return {"name": "Arena", "size": {"width": 6000, "height": 4000}, "categories": [{"name": "Stalls"}], "zones": zones}


@dataclass
class Outcome:
    """What became of one on-sale."""

    crowd: Crowd
    seconds: float
    """From the opening until every seat was sold; or until it was given up."""
    orders_per_second: float
    """Of the yardstick, before."""
    early: int
    """Buyers who were in before the opening."""
    robots: Robots | None
    killed_after: float | None
    load: float
    """Of the machine, when it opened."""


def _set(here: World, event_id: UUID, *, shoppers: int, opens_at: datetime) -> None:
    settings = service.QueueSettings(opens_at, shoppers, GRACE_SECONDS, 600, None)
    with here.database.transaction() as session:
        service.set_queue(session, vendor_ids=[here.vendor_id], event_id=event_id, settings=settings, actor_id=here.vendor_id)


def _kill_one(here: World) -> None:
    """kill -9 to one of the API processes; the server starts another."""
    workers = [p for p in psutil.Process(here.server.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    os.kill(workers[0].pid, signal.SIGKILL)


def _sold(connection: Any, event_id: UUID) -> int:
    row = connection.execute("select count(*) from event_seat where event_id = %s and state = 'sold'", [event_id]).fetchone()
    return int(row[0])


async def _until_sold_out(here: World, crowd: Crowd, *, kill: bool, patience: float) -> tuple[float, float | None]:
    """(seconds until sold out, seconds until the kill)."""
    started, killed = time.perf_counter(), None
    with here.database.connect(autocommit=True) as connection:
        while (sold := await asyncio.to_thread(_sold, connection, crowd.event_id)) < here.seats_per_event:
            passed = time.perf_counter() - started
            if kill and killed is None and sold >= here.seats_per_event / 2:
                await asyncio.to_thread(_kill_one, here)
                killed = passed
            if passed > patience:
                break
            await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - started, killed


async def _rush(here: World, event_id: UUID, arguments: argparse.Namespace, *, rate: float, faults: bool) -> Outcome:
    crowd = Crowd(here, event_id, arguments.buyers, arguments.shoppers, random.Random(arguments.seed))
    coming = LEAD_SECONDS + arguments.buyers / ARRIVALS_PER_SECOND
    opens = time.perf_counter() + coming
    _set(here, event_id, shoppers=arguments.shoppers, opens_at=datetime.now(UTC) + timedelta(seconds=coming))
    buyers = [
        asyncio.create_task(crowd.live(number, crowd.chance.uniform(0, coming - LEAD_SECONDS / 2))) for number in range(arguments.buyers)
    ]
    await asyncio.sleep(max(0.0, opens - time.perf_counter()))
    early = crowd.entered
    load = os.getloadavg()[0]
    robots = robbing = None
    if faults and arguments.robots:
        robots = Robots(here, str(event_id), here.tokens[arguments.buyers :], lambda: crowd.shopping_requests * arguments.robots)
        robbing = asyncio.create_task(robots.run())
    patience = 60 + PATIENCE_FACTOR * (arguments.seats / rate)
    try:
        seconds, killed = await _until_sold_out(here, crowd, kill=faults, patience=patience)
    finally:
        if robots is not None and robbing is not None:
            robots.stopping = True
            await robbing
    await _go_home(crowd, buyers)
    return Outcome(crowd, seconds, rate, early, robots, killed, load)


async def _go_home(crowd: Crowd, buyers: list[asyncio.Task[None]]) -> None:
    """Who still looks at their tickets does so; who still waits, goes."""
    crowd.sold_out.set()
    await asyncio.sleep(1)
    _, waiting = await asyncio.wait(buyers, timeout=0)
    crowd.ends["went home"] += len(waiting)
    for buyer in waiting:
        buyer.cancel()
    for result in await asyncio.gather(*buyers, return_exceptions=True):
        if isinstance(result, Exception):
            crowd.ends[f"failed: {result}"[:200]] += 1
    crowd.close()


def _slow_provider(here: World, *, seconds: float) -> None:
    """The same books, and slower answers."""
    here.provider.terminate()
    here.provider.wait(20)
    url = f"http://127.0.0.1:{here.api_port}/api/payments/webhooks/fake"
    here.start("provider", "--port", str(here.provider_port), "--webhook-url", url, "--delay-ms", str(int(seconds * 1000)))
    wait_for(f"http://127.0.0.1:{here.provider_port}/health")


async def _lists(here: World) -> ProviderLists:
    secrets = here.settings.secrets
    client = FakeClient(
        base_url=f"http://127.0.0.1:{here.provider_port}",
        api_key=secrets.fake_provider_api_key,
        webhook_secrets=secrets.fake_provider_webhook_secrets,
    )
    try:
        return await read_lists(client)
    finally:
        await client.close()


def _broken(here: World) -> list[str]:
    """Safety invariants that do not hold, the provider's books among them."""
    lists = {FakeClient.name: asyncio.run(_lists(here))}
    results = run_all(here.database, seal_key=SealKey.from_secrets(here.settings.secrets), providers=lists)
    return [result.code for result in results if result.severity == "safety" and not result.holds]


def run(arguments: argparse.Namespace) -> list[Line]:
    warming = min(1.0, arguments.yardstick_seconds)
    yardstick_events = int((warming + 2 * arguments.yardstick_seconds) * MOST_ORDERS_PER_SECOND / arguments.seats) + 1
    people = arguments.buyers + ROBOT_ACCOUNTS
    with world(events=2 + yardstick_events, seats=arguments.seats, buyers=people, plan=arena(arguments.seats)) as here:
        load = orders.Load(replace(here, events=here.events[2:]))
        asyncio.run(load.stretch("completed", seconds=warming, clients=YARDSTICK_CLIENTS))

        def rate() -> float:
            return asyncio.run(load.stretch("completed", seconds=arguments.yardstick_seconds, clients=YARDSTICK_CLIENTS))

        lines = []
        for name, event_id in zip(BARS, here.events, strict=False):
            faults = name == "with faults"
            orders_per_second = rate()
            if faults:
                _slow_provider(here, seconds=arguments.provider_seconds)
            outcome = asyncio.run(_rush(here, event_id, arguments, rate=orders_per_second, faults=faults))
            lines.append(_line(name, here, outcome, arguments, _broken(here)))
    return lines


def _seats(here: World, event_id: UUID, robots: list[str]) -> dict[str, int]:
    """How the event's seats ended. Tickets are counted against seats, so that a seat sold twice shows."""
    with here.database.transaction() as session:
        row = session.execute(
            text(
                "select (select count(*) from event_seat where event_id = :event and state <> 'sold') as unsold,"
                " count(*) - count(distinct t.seat_no) as oversold, count(*) as tickets, count(distinct t.order_id) as orders,"
                " count(*) filter (where s.token_digest is not null) as robots"
                " from ticket t join ticket_order o on o.id = t.order_id"
                " left join user_session s on s.user_id = o.buyer_id and s.token_digest = any(:robots) where t.event_id = :event"
            ),
            {"event": event_id, "robots": [token_digest(token) for token in robots]},
        ).one()
    return dict(row._mapping)


def _p99(seconds: list[float]) -> float | None:
    return round(statistics.quantiles(seconds, n=100)[98], 3) if len(seconds) > 1 else None


def _line(name: str, here: World, outcome: Outcome, arguments: argparse.Namespace, broken: list[str]) -> Line:
    crowd, robots, bar = outcome.crowd, outcome.robots, BARS[name]
    seats = _seats(here, crowd.event_id, here.tokens[arguments.buyers :])
    yardstick = seats["orders"] / outcome.orders_per_second
    ratio = outcome.seconds / yardstick if yardstick else float("inf")
    real_share = (seats["tickets"] - seats["robots"]) / here.seats_per_event
    robots_to_one = robots.asked / crowd.shopping_requests if robots and crowd.shopping_requests else 0.0
    failed = {end: count for end, count in crowd.ends.items() if end.startswith(("failed", "poll"))}
    met = (
        ratio <= bar["floor"]["ratio"]
        and real_share >= bar["floor"]["real_share"]
        and seats["unsold"] == seats["oversold"] == 0
        and not broken
        and not failed
        and (robots is None or robots_to_one >= 0.95 * arguments.robots)
    )
    sizes = {key: getattr(arguments, key) for key in ("buyers", "seats", "shoppers", "robots", "provider_seconds", "seed")}
    return Line(
        name=f"onsale {name}",
        sizes=sizes | {"api_processes": 2},
        figure=round(outcome.seconds, 1),
        unit="s until sold out",
        yardstick=round(yardstick, 1),
        ratio=round(ratio, 2),
        goal=bar["goal"],
        floor=bar["floor"],
        met=met,
        details={
            "orders_per_second": round(seats["orders"] / outcome.seconds, 1),
            "yardstick_orders_per_second": round(outcome.orders_per_second, 1),
            **seats,
            "real_share": round(real_share, 4),
            "booking_p99_seconds": _p99(crowd.bookings),
            "booking_median_seconds": round(statistics.median(crowd.bookings), 3) if crowd.bookings else None,
            "tickets_seen_p99_seconds": _p99(crowd.looks),
            "entered_before_the_opening": outcome.early,
            "polls_per_second": round(crowd.polls / outcome.seconds, 1),
            "shopping_requests": crowd.shopping_requests,
            "asked_again": dict(crowd.again),
            "ends": dict(crowd.ends),
            "robots_to_one": round(robots_to_one, 1),
            "robots_answers": dict(robots.answers) if robots else {},
            "killed_after_seconds": round(outcome.killed_after, 1) if outcome.killed_after is not None else None,
            "load_of_machine": round(outcome.load, 1),
            "invariants_broken": broken,
        },
    )
