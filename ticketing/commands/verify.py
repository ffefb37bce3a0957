"""`ticketing verify`: check every invariant in one snapshot."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from time import perf_counter

import click
import orjson
from rich.console import Console
from rich.table import Table

from ticketing.audit.service import SealKey
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import Settings, load_settings
from ticketing.invariants.provider import ProviderLists, read_lists
from ticketing.invariants.runner import InvariantResult, Severity, run_all
from ticketing.payments.fake import FakeClient


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.option(
    "--with-provider", is_flag=True, help="Compare with the payment provider's own list too (X1); best when nothing is in flight."
)
def command(as_json: bool, with_provider: bool) -> int:
    """Check every invariant in one snapshot. Exits with 1 when a safety invariant is broken; lateness only warns."""
    settings = load_settings()
    database = Database.from_settings(settings)
    try:
        check_serving(database)
        providers = {FakeClient.name: asyncio.run(_ask(settings))} if with_provider else {}
        started = perf_counter()
        results = run_all(database, seal_key=SealKey.from_secrets(settings.secrets), providers=providers)
        seconds = perf_counter() - started
    finally:
        database.dispose()
    unsafe = [result for result in results if not result.holds and result.severity is Severity.SAFETY]
    if as_json:
        click.echo(orjson.dumps({"ok": not unsafe, "seconds": round(seconds, 3), "invariants": [asdict(result) for result in results]}))
    else:
        _print(results, seconds)
    return 1 if unsafe else 0


async def _ask(settings: Settings) -> ProviderLists:
    if settings.fake_provider_url is None:
        raise Misconfigured("Setting TICKETING_FAKE_PROVIDER_URL is missing: there is no provider to compare with.")
    secrets = settings.secrets
    client = FakeClient(
        base_url=settings.fake_provider_url, api_key=secrets.fake_provider_api_key, webhook_secrets=secrets.fake_provider_webhook_secrets
    )
    try:
        return await read_lists(client)
    finally:
        await client.close()


def _print(results: list[InvariantResult], seconds: float) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False)
    for name in ("", "invariant", "examined", "result"):
        table.add_column(name, justify="right" if name == "examined" else "left")
    for result in results:
        verdict = "holds" if result.holds else f"{result.broken} broken" if result.severity is Severity.SAFETY else f"{result.broken} late"
        style = "green" if result.holds else "red" if result.severity is Severity.SAFETY else "yellow"
        table.add_row(result.code, result.title, f"{result.examined:,}", f"[{style}]{verdict}[/]")
    console.print(table)
    for result in results:
        for violation in result.violations:
            console.print(f"{result.code}: {violation.subject} {violation.problem}", highlight=False, markup=False, soft_wrap=True)
        if result.broken > len(result.violations):
            console.print(f"{result.code}: … and {result.broken - len(result.violations)} more")
    broken = sum(not result.holds for result in results)
    examined = sum(result.examined for result in results)
    console.print(f"{len(results)} invariants, {broken} not holding; {examined:,} rows examined in {seconds:.2f} s.")
