"""`ticketing init`: database, roles, schema and keys of an installation."""

from __future__ import annotations

import click

from ticketing.foundation import schema
from ticketing.foundation.settings import ensure_secrets, load_settings


@click.command()
def command() -> None:
    """Prepare database and keys; running it again changes nothing."""
    settings = load_settings()
    ensure_secrets(settings)
    schema.prepare(settings).dispose()
    click.echo(f"Ready: {settings.home_path}")
