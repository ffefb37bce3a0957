"""`ticketing flows`: Prefect's server, the deployed flows, and a worker."""

from __future__ import annotations

import click

from ticketing.foundation.db import Database
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import load_settings
from ticketing.processes.children import Children
from ticketing.processes.flow_server import deploy, project_directory, start_server, start_worker
from ticketing.processes.interruption import terminated_as_interrupted


@click.command()
def command() -> None:
    """Run Prefect's server, deploy the flows of prefect.yaml, and carry them out until interrupted."""
    settings = load_settings()
    auth = settings.secrets.prefect_auth
    project_directory()
    database = Database.from_settings(settings)
    check_serving(database)
    database.dispose()
    with terminated_as_interrupted(), Children(logs=settings.home_path / "logs", records=settings.home_path / "run" / "flows") as children:
        start_server(children, settings)
        click.echo("Prefect's server starts; this takes some seconds.", err=True)
        deploy(children, settings)
        start_worker(children, settings)
        click.echo(f"Flows run as prefect.yaml schedules them. Page: {settings.prefect_url} (auth string: {auth}). Ctrl-C stops all.")
        try:
            children.watch()
        except KeyboardInterrupt:
            click.echo("Stopping …", err=True)
