"""`ticketing sink`: a mail server that keeps what it gets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from ticketing.foundation.ports import require_free_port
from ticketing.foundation.settings import load_settings
from ticketing.messages.sink import serve


@click.command()
@click.option("--port", type=int, default=8025, show_default=True)
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help="[default: <home>/mail]")
def command(port: int, directory: Path | None) -> None:
    """Keep mails as files, on loopback."""
    require_free_port("127.0.0.1", port)
    with suppress(asyncio.CancelledError):
        asyncio.run(serve("127.0.0.1", port, directory or load_settings().home_path / "mail"))
