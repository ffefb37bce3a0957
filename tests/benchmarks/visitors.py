"""Visitors who browse, search, look at seats, sign in, hold, order, pay and fetch their tickets; and a storm of sign-ins beside them.

Two API processes, the real path from the list of events to the printed ticket, about a second of thought between two calls.
Calm and stormy stretches take turns in one run. In a storm, hundreds of clients sign in at once, with right and wrong passwords
and addresses that nobody has: what else is asked must not wait for them. The yardstick is the health endpoint, asked all the while.

Every client comes from a loopback address of its own, since attempts are limited by address: Linux has them all.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psutil

from tests.benchmarks.load import Client
from tests.benchmarks.report import Line, cpu_seconds
from tests.benchmarks.visiting import PASSWORD, Booth, Notes, Visitor
from tests.world import World, world
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.service import register
from ticketing.invariants.runner import run_all

FLOOR = {"booking_p99_ms": 1_000.0, "call_p99_ms": 500.0}
GOAL = {"booking_p99_ms": 500.0, "call_p99_ms": 250.0}
STORM_FLOOR = {"call_p99_ms": 500.0, "ratio": 5.0}
STORM_GOAL = {"call_p99_ms": 250.0, "ratio": 2.0}
SETTLING_SECONDS = 4.0
"""Between two stretches nothing is noted: the lane of sign-ins empties."""
FASTEST_VISIT = 10
"""Times of thought, at least, that a visit takes: so many people are needed."""
ACCOUNTS_PER_STORM_CLIENT = 5
"""An account may be tried ten times in five minutes."""
PROBES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--think", type=float, default=1.0, help="seconds between two calls, on average")
    parser.add_argument("--seconds", type=float, default=20, help="of each stretch, calm and stormy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--storm-clients", type=int, default=400, help="who sign in at once")
    parser.add_argument("--events", type=int, default=80)
    parser.add_argument("--seats", type=int, default=400, help="of each event, in one section; a multiple of twenty")
    parser.add_argument("--seed", type=int, default=1)


async def _storm(booth: Booth, accounts: Iterator[str], number: int, seed: int, until: asyncio.Event) -> None:
    """One client who signs in again and again: half with the right password, the others with a wrong one or an unknown address."""
    chance = random.Random(f"storm-{seed}-{number}-{time.monotonic()}")
    client = Client(booth.world.api_port, source=f"127.1.{number // 250}.{number % 250 + 1}")
    notes = booth.notes
    while not until.is_set():
        kind = chance.choice(("right", "right", "wrong", "unknown"))
        email = f"{uuid4().hex}@example.org" if kind == "unknown" else next(accounts)
        password = PASSWORD if kind == "right" else "something else again"
        started = time.perf_counter()
        status, answer = await client.post("/api/login", {"email": email, "password": password}, {})
        notes.storm[status] += 1
        if status == 503:
            await asyncio.sleep(answer["retry_after_seconds"] * chance.uniform(0.5, 1))
            continue
        notes.storm_seconds.append(time.perf_counter() - started)
        if status != (200 if kind == "right" else 401):
            booth.errors[f"storm: {kind} {status} {answer.get('type')}"] += 1
    client.close()


async def _probe(booth: Booth, until: asyncio.Event) -> None:
    """The health endpoint of both processes, over connections of its own."""
    clients = itertools.cycle([Client(booth.world.api_port) for _ in range(PROBES)])
    while not until.is_set():
        started = time.perf_counter()
        status, _ = await next(clients).ask("GET", "/health/live", None, {})
        booth.notes.health.append(time.perf_counter() - started)
        if status != 200:
            booth.errors[f"health {status}"] += 1
        await asyncio.sleep(0.05)


@contextmanager
def _noting(booth: Booth) -> Iterator[Notes]:
    """Notes of a stretch; what is seen after it is noted elsewhere."""
    booth.notes = notes = Notes()
    before = cpu_seconds(booth.world.server.pid)
    try:
        yield notes
    finally:
        booth.notes = Notes()
        notes.api_cpu, notes.load = cpu_seconds(booth.world.server.pid) - before, os.getloadavg()[0]


async def _all_started(here: World) -> None:
    """The first process answers before the others are there: wait until none of them is busy with its start."""
    workers = psutil.Process(here.server.pid).children(recursive=True)
    busy = 1.0
    while busy > 0.2:
        before = cpu_seconds(here.server.pid)
        await asyncio.sleep(1)
        busy = (cpu_seconds(here.server.pid) - before) / len(workers)


async def _run(booth: Booth, storm_people: list[str], arguments: argparse.Namespace) -> tuple[list[Notes], list[Notes]]:
    """(calm stretches, stormy ones), in turns."""
    await _all_started(booth.world)
    done = asyncio.Event()
    visitors = [asyncio.create_task(Visitor(booth, n, arguments.seed).live(done)) for n in range(arguments.users)]
    prober = asyncio.create_task(_probe(booth, done))
    accounts = itertools.cycle(storm_people)
    calm: list[Notes] = []
    stormy: list[Notes] = []
    await asyncio.sleep(8 * arguments.think + 2)  # all have come, and caches are warm
    for _ in range(arguments.rounds):
        with _noting(booth) as notes:
            await asyncio.sleep(arguments.seconds)
        calm.append(notes)
        over = asyncio.Event()
        with _noting(booth) as notes:
            storm = [
                asyncio.create_task(_storm(booth, accounts, number, arguments.seed, over)) for number in range(arguments.storm_clients)
            ]
            await asyncio.sleep(arguments.seconds)
        stormy.append(notes)
        over.set()
        await asyncio.gather(*storm)
        await asyncio.sleep(SETTLING_SECONDS)
    done.set()
    await asyncio.gather(*visitors, prober)
    return calm, stormy


def _people(here: World, count: int) -> list[str]:
    """Addresses of accounts with one password."""
    cipher, password_hash = ContactCipher.from_settings(here.settings), hash_password(PASSWORD)
    addresses = [f"visitor-{number}@example.org" for number in range(count)]
    with here.database.transaction() as session:
        for address in addresses:
            register(session, email=address, password_hash=password_hash, display_name="Visitor", cipher=cipher, now=datetime.now(UTC))
    return addresses


def _p99(seconds: Sequence[float]) -> float:
    """Milliseconds."""
    return statistics.quantiles(seconds, n=100)[98] * 1000 if len(seconds) > 1 else 0.0


def _middle(values: Iterator[float]) -> float:
    return round(statistics.median(values), 1)


def run(arguments: argparse.Namespace) -> list[Line]:
    lasts = arguments.rounds * (2 * arguments.seconds + SETTLING_SECONDS) + 20
    visits = arguments.users * (int(lasts / (arguments.think * FASTEST_VISIT)) + 2)
    storm_accounts = arguments.storm_clients * ACCOUNTS_PER_STORM_CLIENT
    with world(events=arguments.events, seats=arguments.seats, buyers=1) as here:
        people = _people(here, visits + storm_accounts)
        booth = Booth(here, people=people[storm_accounts:], think=arguments.think)
        calm, stormy = asyncio.run(_run(booth, people[:storm_accounts], arguments))
        broken = [result.code for result in run_all(here.database) if result.severity == "safety" and result.violations]
    sizes = {
        "users": arguments.users,
        "think_seconds": arguments.think,
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "storm_clients": arguments.storm_clients,
        "seed": arguments.seed,
        "api_processes": 2,
    }
    return [_calm_line(booth, calm, broken, sizes), _storm_line(booth, calm, stormy, broken, sizes)]


def _calm_line(booth: Booth, calm: list[Notes], broken: list[str], sizes: dict[str, Any]) -> Line:
    calls = [seconds for notes in calm for seconds in notes.all()]
    figure, booking = _middle(_p99(notes.all()) for notes in calm), _middle(_p99(notes.bookings) for notes in calm)
    yardstick = _middle(_p99(notes.health) for notes in calm)
    within = sum(seconds < 0.5 for seconds in calls) / len(calls)
    waited = sum(notes.asked_to_wait for notes in calm)
    return Line(
        name="visitors",
        sizes=sizes,
        figure=figure,
        unit="ms (p99 of a call)",
        yardstick=yardstick,
        ratio=round(figure / yardstick, 2),
        goal=GOAL,
        floor=FLOOR,
        met=booking < FLOOR["booking_p99_ms"] and within >= 0.99 and not waited and not booth.errors and not broken,
        details={
            "booking_p99_ms": booking,
            "calls_under_500_ms": round(within, 5),
            "calls_per_second": round(len(calls) / len(calm) / sizes["seconds"], 1),
            "api_cpu_ms_per_call": round(sum(notes.api_cpu for notes in calm) / len(calls) * 1000, 2),
            "load_average": [round(notes.load, 1) for notes in calm],
            "bookings": sum(len(notes.bookings) for notes in calm),
            "p99_ms_by_call": _by_call(calm),
            "visits": booth.visits,
            "seats_taken_by_others": booth.taken,
            "asked_to_wait": waited,
            "errors": dict(booth.errors),
            "invariants_broken": broken,
        },
    )


def _storm_line(booth: Booth, calm: list[Notes], stormy: list[Notes], broken: list[str], sizes: dict[str, Any]) -> Line:
    figure, yardstick = _middle(_p99(notes.others()) for notes in stormy), _middle(_p99(notes.others()) for notes in calm)
    ratio = statistics.median(_p99(s.others()) / _p99(c.others()) for s, c in zip(stormy, calm, strict=True))
    answers = sum((notes.storm for notes in stormy), Counter[int]())
    waits = [seconds for notes in stormy for seconds in notes.storm_seconds]
    return Line(
        name="visitors in a sign-in storm",
        sizes=sizes,
        figure=figure,
        unit="ms (p99 of calls other than signing in)",
        yardstick=yardstick,
        ratio=round(ratio, 2),
        goal=STORM_GOAL,
        floor=STORM_FLOOR,
        met=figure < STORM_FLOOR["call_p99_ms"] and ratio <= STORM_FLOOR["ratio"] and not booth.errors and not broken,
        details={
            "health_p99_ms": {"calm": _middle(_p99(n.health) for n in calm), "storm": _middle(_p99(n.health) for n in stormy)},
            "booking_p99_ms": {"calm": _middle(_p99(n.bookings) for n in calm), "storm": _middle(_p99(n.bookings) for n in stormy)},
            "storm_answers": {str(status): count for status, count in sorted(answers.items())},
            "sign_ins_checked_per_second": round(len(waits) / len(stormy) / sizes["seconds"], 1),
            "storm_sign_in_p99_ms": round(_p99(waits), 1),
            "p99_ms_by_call": _by_call(stormy),
            "load_average": [round(notes.load, 1) for notes in stormy],
            "visitors_asked_to_wait": sum(notes.asked_to_wait for notes in stormy),
            "errors": dict(booth.errors),
            "invariants_broken": broken,
        },
    )


def _by_call(stretches: list[Notes]) -> dict[str, float]:
    kinds = {what for notes in stretches for what in notes.calls}
    return {what: round(_p99([s for notes in stretches for s in notes.calls[what]]), 1) for what in sorted(kinds)}
