"""`ticketing simulate`: sell a vendor's events to simulated buyers, now."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import find_vendor
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.ports import free_port
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import Settings, load_settings
from ticketing.payments.fake import FakeClient
from ticketing.simulation.sellout import sell

START_SECONDS = 30


@click.command()
@click.option("--vendor", "slug", required=True, help="The vendor's short name.")
@click.option("--tickets", type=click.IntRange(1), default=1000, show_default=True, help="How many to sell in this run.")
@click.option("--seed", type=int, default=1, show_default=True)
def command(slug: str, tickets: int, seed: int) -> int:
    """Sell a vendor's events that are on sale to simulated buyers, through the fake payment provider.

    Uses the provider that TICKETING_FAKE_PROVIDER_URL names, or one of its own while it runs. Exits with 1 when everything was
    sold before the number was reached.
    """
    settings = load_settings()
    if settings.environment == "production":
        raise Misconfigured("Simulated buyers don't belong into production: set TICKETING_ENVIRONMENT=demo for this installation.")
    database = Database.from_settings(settings)
    try:
        check_serving(database)
        with database.transaction() as session:
            vendor = find_vendor(session, slug=slug)
        with _provider_url(settings) as url, _bar() as bar:
            task = bar.add_task("tickets", total=tickets)
            secrets = settings.secrets
            report = sell(
                database,
                FakeClient(base_url=url, api_key=secrets.fake_provider_api_key, webhook_secrets=secrets.fake_provider_webhook_secrets),
                cipher=ContactCipher.from_secrets(secrets),
                vendor_id=vendor.id,
                tickets=tickets,
                seed=seed,
                progress=lambda done, _: bar.update(task, completed=done),
            )
    finally:
        database.dispose()
    click.echo(orjson.dumps(asdict(report)))
    return 1 if report.sold_out else 0


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _provider_url(settings: Settings) -> Iterator[str]:
    """The configured provider, or one of this command's own on the installation's journal."""
    if settings.fake_provider_url is not None:
        yield settings.fake_provider_url
        return
    port = free_port()
    environment = os.environ | {"TICKETING_HOME": str(settings.home_path)}
    process = subprocess.Popen([sys.executable, "-m", "ticketing.cli", "provider", "--port", str(port)], env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Misconfigured("The payment provider did not start; if one runs already, name it in TICKETING_FAKE_PROVIDER_URL.")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)
