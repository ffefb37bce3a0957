"""The home of a demo: its settings, its ports, and how it is emptied."""

from __future__ import annotations

import shutil
from pathlib import Path

from ticketing.demo.record import OWN_DIRECTORIES
from ticketing.foundation import embedded
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings

PROVIDER_URL = "http://localhost:8010"
MAIL_HOST = "127.0.0.1"
MAIL_PORT = 8025


def demo_settings(settings: Settings) -> Settings:
    """The settings a demo runs with: its own server, provider and mail sink; ports as they were chosen.

    Raises `Misconfigured` when a database of your own is set: simulated buyers do not belong in it.
    """
    if settings.database_url is not None:
        raise Misconfigured("The demo makes a database of its own: unset TICKETING_DATABASE_URL.")
    chosen = settings.model_dump(exclude_unset=True)
    return Settings(
        **{
            **chosen,
            "environment": "demo",
            "public_url": chosen.get("public_url", f"http://localhost:{settings.port}"),
            "fake_provider_url": settings.fake_provider_url or PROVIDER_URL,
            "smtp_host": MAIL_HOST,  # whatever server is set: a demo's mails must reach nobody
            "smtp_port": settings.smtp_port if settings.smtp_host == MAIL_HOST else MAIL_PORT,
        }
    )


def empty(home: Path) -> None:
    """Stop the embedded server and remove everything that a demo has made, but for what the present command runs with."""
    embedded.stop(home, mode="immediate")
    for entry in home.iterdir() if home.exists() else ():
        if entry.name in OWN_DIRECTORIES:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def remove(home: Path) -> None:
    """Remove a demo whole."""
    empty(home)
    shutil.rmtree(home, ignore_errors=False)
