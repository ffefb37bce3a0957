"""What every flow has in common: opening the installation, naming the run, one table as its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings, load_settings

Row = Mapping[str, str | int | float]


@contextmanager
def installation() -> Iterator[tuple[Settings, Database]]:
    """The settings of the environment and their database, closed afterwards. Never open across a wait for people."""
    settings = load_settings()
    database = Database.from_settings(settings)
    try:
        yield settings, database
    finally:
        database.dispose()


def run_named(what: str) -> Callable[[], str]:
    """For `flow_run_name`: `what` with the minute it was due, and whether it only looks."""

    def name() -> str:
        due = flow_run.scheduled_start_time
        minute = f"{due:%H:%M} " if due is not None else ""
        return f"{minute}{what}{' (look only)' if flow_run.parameters.get('dry_run') else ''}"

    return name


def report(key: str, *, sentence: str, rows: Sequence[Row]) -> None:
    """The run's one artifact. `key` takes letters and dashes; `sentence` says what was done, what is left, what to do."""
    create_table_artifact(key=key, table=[dict(row) for row in rows], description=sentence)
