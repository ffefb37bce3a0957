"""`ticketing provider`: the fake payment provider, a process of its own."""

from __future__ import annotations

from pathlib import Path

import click
import uvicorn

from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.ports import require_free_port
from ticketing.foundation.settings import load_settings
from ticketing.payments.fake_provider.ledger import Journal, JournalUnusable
from ticketing.payments.fake_provider.server import FakeProvider
from ticketing.payments.fake_provider.webhooks import Faults


@click.command()
@click.option("--port", type=int, default=8010, show_default=True)
@click.option("--webhook-url", "webhook_urls", multiple=True, help="Where webhooks go; several are used in turn.")
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Its books [default: <home>/provider.jsonl].")
@click.option("--seed", type=int, default=0, help="Of the faults below.")
@click.option("--decline", type=click.FloatRange(0, 1), default=0.0, help="Share of payments declined.")
@click.option("--unknown", type=click.FloatRange(0, 1), default=0.0, help="Share of calls done but not answered.")
@click.option("--busy", type=click.FloatRange(0, 1), default=0.0, help="Share of calls refused with 429.")
@click.option("--duplicate", type=click.FloatRange(0, 1), default=0.0, help="Share of webhooks sent twice.")
@click.option("--drop", type=click.FloatRange(0, 1), default=0.0, help="Share of webhooks never sent.")
@click.option("--delay-ms", type=click.IntRange(0), default=0, help="Delay of every answer.")
@click.option("--simulated-clock", is_flag=True, help="Callers may say when a call happens (header Fake-Now).")
def command(port: int, webhook_urls: tuple[str, ...], journal: Path | None, simulated_clock: bool, **faults: float) -> None:
    """Run the fake payment provider on loopback."""
    settings = load_settings()
    require_free_port("127.0.0.1", port)
    for url in webhook_urls:
        if not url.startswith(("http://", "https://")):
            raise Misconfigured(f"{url!r} is not an address for webhooks: it must start with http:// or https://.")
    plan = Faults(**faults)  # type: ignore[arg-type]
    try:
        books = Journal(journal or settings.home_path / "provider.jsonl")
        ledger = books.load()
    except (JournalUnusable, OSError) as error:
        raise Misconfigured(f"The provider can't use its journal: {error}") from error
    app = FakeProvider(
        ledger=ledger,
        journal=books,
        webhook_urls=webhook_urls,
        webhook_secret=settings.secrets.fake_provider_webhook_secrets[0],
        api_key=settings.secrets.fake_provider_api_key,
        public_url=f"http://localhost:{port}",
        faults=plan,
        simulated_clock=simulated_clock,
    )
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)
