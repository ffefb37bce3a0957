"""`ticketing demo`: a season, buyers, flows, and everything served."""

from __future__ import annotations

import click
import orjson
from rich.console import Console
from rich.table import Table

from ticketing.demo.home import demo_settings
from ticketing.demo.progress import Steps
from ticketing.demo.run import DemoRun, run_demo
from ticketing.foundation.settings import Settings, load_settings
from ticketing.processes.interruption import terminated_as_interrupted

SEED = 1
BUYERS = 5000


@click.command()
@click.option("--once", is_flag=True, help="Do everything, ask every page, print one JSON line, and stop.")
@click.option("--seed", type=int, help=f"Of the season and its buyers. [default: {SEED}]")
@click.option("--buyers", type=click.IntRange(1, 100_000), help=f"How many act. [default: {BUYERS}]")
def command(once: bool, seed: int | None, buyers: int | None) -> None:
    """Make a season, let buyers act, run the flows, serve everything until interrupted. A second run uses the same data."""
    settings = demo_settings(load_settings())
    console = Console(stderr=True)

    def ready(run: DemoRun) -> bool:
        if once:
            click.echo(orjson.dumps(run.as_dict(settings)))
        else:
            announce(console, settings, run)
        return not once

    with terminated_as_interrupted():
        try:
            run_demo(settings, seed=seed, buyers=buyers, default_seed=SEED, default_buyers=BUYERS, steps=Steps(console), ready=ready)
        except KeyboardInterrupt:
            console.print("Stopped.")
            raise


def announce(console: Console, settings: Settings, run: DemoRun) -> None:
    """Addresses and sign-ins."""
    addresses = Table(box=None, pad_edge=False, show_header=False)
    addresses.add_row("Storefront", settings.public_url)
    addresses.add_row("API", f"{settings.public_url}/api/docs")
    addresses.add_row("Dashboards", settings.desk_url)
    addresses.add_row("Prefect", f"{settings.prefect_url}  (auth string {settings.secrets.prefect_auth})")
    addresses.add_row("Mails", str(settings.home_path / "mail"))
    sign_ins = Table(box=None, pad_edge=False, title="Demo sign-ins", title_justify="left")
    for name in ("role", "address", "password"):
        sign_ins.add_column(name)
    for sign_in in run.record.sign_ins:
        sign_ins.add_row(*sign_in)
    console.print()
    console.print(addresses)
    console.print()
    console.print(sign_ins)
    console.print("\nCtrl-C stops everything. `make clean-demo` removes the data.")
