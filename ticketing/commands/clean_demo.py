"""`ticketing clean-demo`: stop the demo, remove its data."""

from __future__ import annotations

import click

from ticketing.demo.home import demo_settings, remove
from ticketing.demo.record import read_record
from ticketing.foundation.settings import load_settings
from ticketing.processes.children import interrupt_owner, stop_leftovers


@click.command()
def command() -> None:
    """Stop the demo where it runs, and remove everything it has made. Nothing else is touched."""
    home = demo_settings(load_settings()).home_path
    read_record(home)  # refuses a home that is no demo's
    if not home.exists():
        click.echo(f"There is no demo in {home}.")
        return
    records = home / "run" / "demo"
    interrupt_owner(records)
    stop_leftovers(records)
    remove(home)
    click.echo(f"Removed {home}.")
