"""A database with events on sale and signed-in buyers, the provider, and API processes: for browsers, benchmarks and fault proofs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from ticketing.accounts.service import create_vendor
from ticketing.catalog import service as catalog
from ticketing.catalog.plan import parse_plan
from ticketing.foundation import embedded, schema
from ticketing.foundation.db import Database
from ticketing.foundation.ids import token_digest
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings, ensure_secrets
from ticketing.inventory.publish import publish_event

SECTION_ROWS = 20


@dataclass(frozen=True)
class World:
    settings: Settings
    database: Database
    vendor_id: UUID
    events: list[UUID]
    seats_per_event: int
    tokens: list[str]
    """Sessions of buyers; number n is "buyer-n"."""
    api_port: int
    provider_port: int
    server: subprocess.Popen[bytes]
    provider: subprocess.Popen[bytes]
    desk_port: int
    """Where the dashboards will be, when a test starts them."""
    start: Callable[..., subprocess.Popen[bytes]]
    """Start another of our commands in this home; it is stopped with the rest."""

    @property
    def shop(self) -> str:
        """The storefront's address."""
        return f"http://localhost:{self.api_port}"


def _plan(seats: int, standing: int) -> dict[str, object]:
    width = seats // SECTION_ROWS
    row_seats = [
        [
            {"seat_guid": f"{r}-{s}", "seat_number": str(s + 1), "position": {"x": s * 25, "y": 0}, "category": "Stalls"}
            for s in range(width)
        ]
        for r in range(SECTION_ROWS)
    ]
    rows = [{"row_number": str(r + 1), "position": {"x": 0, "y": r * 30}, "seats": line} for r, line in enumerate(row_seats)]
    area = {"text": "Floor", "category": "Floor", "capacity": standing, "position": {"x": 0, "y": 700}}
    zone = {"name": "Stalls", "position": {"x": 0, "y": 0}, "rows": rows, "areas": [area] if standing else []}
    categories = [{"name": "Stalls"}, {"name": "Floor"}]
    return {"name": "Hall", "size": {"width": 1000, "height": 1000}, "categories": categories, "zones": [zone]}


def fill(
    database: Database, *, events: int, seats: int, buyers: int, standing: int = 0, plan: dict[str, object] | None = None
) -> tuple[UUID, list[UUID], list[str]]:
    """A vendor with `events` events of `seats` seats (and `standing` places) on sale, and `buyers` signed-in buyers.

    `plan` is another hall than ours with as many seats, all of the category "Stalls".
    """
    now = datetime.now(UTC)
    with database.transaction() as session:
        vendor_id = create_vendor(session, slug="bench", name="Bench", zone="Europe/Berlin", fee_bps=500, fee_fixed_minor=50)
        catalog.connect_payment_account(session, vendor_id=vendor_id, provider="fake", account_ref="acct_bench")
        venue_id = catalog.create_venue(session, vendor_id=vendor_id, name="Hall", city="Berlin", country="DE", zone_name="Europe/Berlin")
        layout_id = catalog.create_layout(
            session, vendor_id=vendor_id, venue_id=venue_id, name="Hall", plan=parse_plan(plan or _plan(seats, standing)), now=now
        )
        event_ids: list[UUID] = []
        for number in range(events):
            draft = catalog.EventDraft(
                title=f"Night {number}",
                category="concert",
                local_start=(now + timedelta(days=30 + number)).replace(tzinfo=None),
                zone="Europe/Berlin",
                currency="EUR",
                sales_open_at=now - timedelta(days=1),
            )
            event_id = catalog.create_event(session, vendor_id=vendor_id, venue_id=venue_id, layout_id=layout_id, draft=draft)
            prices = {"Stalls": 4_500} | ({"Floor": 3_000} if standing else {})
            catalog.price_layout(
                session, vendor_id=vendor_id, event_id=event_id, layout_id=layout_id, prices_minor=prices, tax_rate_bps=700
            )
            catalog.allow_payment(session, vendor_id=vendor_id, event_id=event_id, provider="fake")
            publish_event(session, event_id=event_id, now=now)
            event_ids.append(event_id)
        tokens = [f"token-{number:08d}-{os.urandom(12).hex()}" for number in range(buyers)]
        session.execute(
            text(
                "with people as (insert into user_account (id, kind, display_name) select uuidv7(), 'guest', 'Buyer'"
                " from generate_series(1, :n) returning id),"
                " numbered as (select id, row_number() over () as n from people)"
                " insert into user_session (token_digest, user_id, audience, expires_at)"
                " select t.digest, p.id, 'shop', now() + interval '1 day'"
                " from unnest(cast(:digests as bytea[])) with ordinality as t(digest, n) join numbered p on p.n = t.n"
            ),
            {"n": buyers, "digests": [token_digest(token) for token in tokens]},
        )
    return vendor_id, event_ids, tokens


@contextmanager
def world(
    *,
    events: int,
    seats: int,
    buyers: int,
    standing: int = 0,
    plan: dict[str, object] | None = None,
    processes: int = 2,
    also: Mapping[str, str] | None = None,
    serve: str = "ticketing.cli",
) -> Iterator[World]:
    """Everything running, in a home of its own, with settings `also`; stopped and removed at the end. `serve` is the module that is run."""
    home = Path(tempfile.mkdtemp(prefix="tkb-"))
    settings = Settings(home=home, environment="test")
    children: list[subprocess.Popen[bytes]] = []
    try:
        ensure_secrets(settings)
        database = schema.prepare(settings)
        vendor_id, event_ids, tokens = fill(database, events=events, seats=seats, buyers=buyers, standing=standing, plan=plan)
        api_port, provider_port, desk_port = free_port(), free_port(), free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")},
            "TICKETING_HOME": str(home),
            "TICKETING_FAKE_PROVIDER_URL": f"http://127.0.0.1:{provider_port}",
            "TICKETING_PUBLIC_URL": f"http://localhost:{api_port}",
            "TICKETING_DESK_URL": f"http://localhost:{desk_port}",
            **(also or {}),
        }

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            child = subprocess.Popen([sys.executable, "-m", serve, *arguments], env=environment)
            children.append(child)
            return child

        provider = start(
            "provider", "--port", str(provider_port), "--webhook-url", f"http://127.0.0.1:{api_port}/api/payments/webhooks/fake"
        )
        server = start("serve", "--port", str(api_port), "--processes", str(processes))
        for url in (f"http://127.0.0.1:{provider_port}/health", f"http://127.0.0.1:{api_port}/health/ready"):
            wait_for(url)
        yield World(settings, database, vendor_id, event_ids, seats, tokens, api_port, provider_port, server, provider, desk_port, start)
        database.dispose()
    finally:
        for child in reversed(children):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
        embedded.stop(home, mode="immediate")
        shutil.rmtree(home, ignore_errors=True)


def wait_for(url: str) -> None:
    """Return when the address answers; raises after two minutes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - an address of this file
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer")
