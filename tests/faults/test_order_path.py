"""The order path under kill -9: two API processes, buyers on the same seats, capture running beside it.

Sizes are options, so that the same proof runs in small here and large by `make faults-orders`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from sqlalchemy import text

from flows.roll_up_sales import roll_up
from sql.snapshot import differing_totals, open_snapshot
from tests.benchmarks.load import Client
from tests.world import World, world
from ticketing.invariants.runner import Severity, run_all
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.payments.fake import FakeClient

CLIENTS = 24
KILL_EVERY_SECONDS = 1.5
SEATS = 200
PLACES_TRIED = 40
"""Buyers fight for the first seats of each event."""


@dataclass
class Run:
    """What the buyers saw."""

    site: World
    until: float
    orders: dict[str, str] = field(default_factory=dict)
    """Idempotency key → order id, as acknowledged."""
    retried: int = 0
    different: list[str] = field(default_factory=list)
    kills: int = 0
    increments: set[Path] = field(default_factory=set)
    broken: list[object] = field(default_factory=list)
    """Increments after which the warehouse was not the core."""

    async def post(self, client: Client, path: str, body: object, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Until there is an answer: the same key again after a lost connection."""
        while True:
            try:
                return await client.post(path, body, headers)
            except (OSError, asyncio.IncompleteReadError):
                self.retried += 1
                client.close()
                await asyncio.sleep(0.05)

    async def buyer(self, number: int) -> None:
        api, provider = Client(self.site.api_port), Client(self.site.provider_port)
        chance = random.Random(number)
        while time.monotonic() < self.until:
            who = {"Authorization": f"Bearer {chance.choice(self.site.tokens)}"}
            event = chance.choice(self.site.events)
            seats = sorted({chance.randrange(PLACES_TRIED) + 2 * (number % 3) for _ in range(chance.randint(1, 3))})
            status, hold = await self.post(api, f"/api/events/{event}/holds", {"seats": seats}, {**who, "Idempotency-Key": uuid4().hex})
            if status != 201 or chance.random() < 0.1:
                continue
            key = uuid4().hex
            status, order = await self.post(api, "/api/orders", {"hold_ids": [hold["id"]]}, {**who, "Idempotency-Key": key})
            if status != 201:
                continue
            self.orders[key] = order["id"]
            again, same = await self.post(api, "/api/orders", {"hold_ids": [hold["id"]]}, {**who, "Idempotency-Key": key})
            if (again, same.get("id")) != (201, order["id"]):
                self.different.append(key)
            status, payment = await self.post(api, "/api/payments", {"order_id": order["id"]}, {**who, "Idempotency-Key": uuid4().hex})
            if status == 201:
                secret = self.site.settings.secrets.fake_provider_api_key
                await self.post(provider, f"/v1/sessions/{payment['provider_ref']}/pay", {}, {"Authorization": f"Bearer {secret}"})
        api.close()
        provider.close()

    async def killer(self) -> None:
        """SIGKILL to one of the serving processes, again and again; the server starts another."""
        while time.monotonic() < self.until - 1:
            await asyncio.sleep(KILL_EVERY_SECONDS)
            children = [p for p in psutil.Process(self.site.server.pid).children() if _serves(p)]
            if len(children) == 2:
                os.kill(random.choice(children).pid, signal.SIGKILL)
                self.kills += 1


def _serves(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with world(events=4, seats=SEATS, buyers=300) as site:
        run = Run(site, until=time.monotonic() + request.config.getoption("--fault-seconds"))
        stop = threading.Event()

        def capture() -> None:
            while not stop.is_set():
                roll_up(site.settings, site.database)
                snapshot = open_snapshot(site.settings.warehouse_path)
                run.increments.add(snapshot.path)
                examined, differing = differing_totals(snapshot)
                if differing or not examined:
                    run.broken.append((snapshot.path, differing))
                time.sleep(0.2)

        capturing = threading.Thread(target=capture)
        capturing.start()

        async def everything() -> None:
            await asyncio.gather(run.killer(), *(run.buyer(number) for number in range(CLIENTS)))

        with ThreadPoolExecutor(1) as own_thread:  # the test's own may have a browser's event loop
            own_thread.submit(lambda: asyncio.run(everything())).result()
        _settle_down(site)
        stop.set()
        capturing.join()
        yield run


def _settle_down(site: World) -> None:
    """Wait until all the money that the provider has taken is known to us."""
    secrets = site.settings.secrets
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        client = FakeClient(
            base_url=f"http://127.0.0.1:{site.provider_port}",
            api_key=secrets.fake_provider_api_key,
            webhook_secrets=secrets.fake_provider_webhook_secrets,
        )
        taken = sum(payment.captured_minor for payment in Booking.wait(client.list_payments()))
        with site.database.transaction() as session:
            known = session.execute(text("select coalesce(sum(captured_minor), 0)::bigint from payment")).scalar_one()
        if taken == known:
            return
        time.sleep(0.5)
    raise AssertionError(f"the provider has taken {taken}, we know of {known}")


def test_processes_were_killed_while_orders_went_through(run: Run) -> None:
    assert run.kills >= 2
    assert run.retried > 0
    assert len(run.orders) > 50


def test_the_same_key_gave_the_same_order(run: Run) -> None:
    assert run.different == []
    with run.site.database.transaction() as session:
        known = set(session.execute(text("select id::text from ticket_order")).scalars())
    assert set(run.orders.values()) <= known, "an acknowledged order is gone"


def test_every_invariant_holds_after_the_kills(run: Run) -> None:
    results = run_all(run.site.database)
    assert [(r.code, r.violations[:3]) for r in results if r.severity is Severity.SAFETY and r.violations] == []
    with run.site.database.transaction() as session:
        sold = session.execute(text("select count(*) from event_seat where state = 'sold'")).scalar_one()
    assert sold > 50


def test_the_warehouse_equalled_the_core_after_every_increment(run: Run) -> None:
    assert run.broken == []
    assert len(run.increments) >= 3


def test_held_places_come_back_after_their_time(run: Run) -> None:
    with run.site.database.connect() as connection, connection.transaction():
        connection.execute("select set_config('ticketing.now', (now() + interval '3 hours')::text, true)")
        while sweep(connection).holds:
            pass
    with run.site.database.transaction() as session:
        assert session.execute(text("select count(*) from event_seat where state = 'held'")).scalar_one() == 0
    results = run_all(run.site.database)
    assert [(r.code, r.violations[:3]) for r in results if r.severity is Severity.SAFETY and r.violations] == []
