"""`ticketing serve`: storefront and API."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
import uvicorn

from ticketing.foundation.db import Database
from ticketing.foundation.ports import require_free_port
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import load_settings


@click.command()
@click.option("--host", help="[default: TICKETING_HOST]")
@click.option("--port", type=int, help="[default: TICKETING_PORT]")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="A killed one is started again.")
def command(host: str | None, port: int | None, processes: int) -> None:
    """Serve storefront and API until interrupted."""
    settings = load_settings()
    host, port = host or settings.host, port or settings.port
    database = Database.from_settings(settings)
    check_serving(database)
    database.dispose()
    _ = settings.secrets  # a missing key file is said here, not by each process
    require_free_port(host, port)
    if processes > 1:
        _share_figures(settings.home_path / "run" / f"metrics-{port}")
    uvicorn.run(
        "ticketing.app:create_served_app",
        factory=True,
        host=host,
        port=port,
        workers=processes,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _share_figures(directory: Path) -> None:
    """Where the processes keep their figures, so that each can tell those of all. Must be said before they start."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
