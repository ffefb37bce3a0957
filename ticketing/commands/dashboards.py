"""`ticketing dashboards`: the Streamlit process."""

from __future__ import annotations

import os
import sys
from importlib import util

import click

from ticketing.foundation.db import Database
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.ports import require_free_port
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import load_settings

OPTIONS = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.maxUploadSize": "8",  # MiB: the largest seating plan
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    # Not theme.primaryColor: that makes one theme of its own, and the dark one is never shown.
    "theme.light.primaryColor": "#5b58c4",
    "theme.dark.primaryColor": "#9b98f2",
}


@click.command()
@click.option("--port", type=int, default=8501, show_default=True)
def command(port: int) -> None:
    """Serve the dashboards on loopback until interrupted."""
    database = Database.from_settings(load_settings())
    check_serving(database)
    database.dispose()
    require_free_port("127.0.0.1", port)
    found = util.find_spec("dashboards")
    if found is None or not found.submodule_search_locations:
        raise Misconfigured("The dashboards are not installed beside this program: run `make setup`.")
    script = os.path.join(found.submodule_search_locations[0], "app.py")
    options = [f"--{name}={value}" for name, value in {**OPTIONS, "server.port": str(port)}.items()]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", script, *options])  # noqa: S606 - our own program
