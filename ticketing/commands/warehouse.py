"""`ticketing warehouse`: look at the published snapshot, ask it, export it, rebuild it."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import duckdb
from pyarrow import parquet
from rich.console import Console
from rich.table import Table

from sql.document import manual
from sql.publish import CopyFailed
from sql.snapshot import NoSnapshot, Snapshot, differing_totals, open_snapshot
from sql.warehouse import ChecksFailed, LiveFileDamaged, Warehouse, WarehouseBusy
from ticketing.export.roll_up import roll_up
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Conflict, Invalid, NotFound, Unavailable
from ticketing.foundation.settings import load_settings

TABLE_ROWS = 200
"""More rows than this are for a file: `--format csv`."""

ROWS_PER_BATCH = 100_000


class NothingPublished(NotFound):
    """There is no snapshot to look at."""


class QueryFailed(Invalid):
    """DuckDB refuses the query."""


class TargetNotEmpty(Conflict):
    """The directory holds something already."""


class WarehouseNotWritable(Unavailable):
    """Someone else writes the warehouse, or its disk fails."""


@click.group()
def command() -> None:
    """Look at, rebuild and export the warehouse."""


def _snapshot() -> Snapshot:
    try:
        return open_snapshot(load_settings().warehouse_path)
    except NoSnapshot as error:
        raise NothingPublished(f"{error} Run `ticketing warehouse rebuild` to publish one.") from error


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise QueryFailed(f"DuckDB refuses this: {' '.join(str(error).split())}") from error


@command.command()
def status() -> None:
    """Which snapshot is published, how old it is, and whether its totals are the core's."""
    snapshot = _snapshot()
    compared, differing = differing_totals(snapshot)
    age = datetime.now(UTC) - snapshot.captured_at
    click.echo(f"snapshot    {snapshot.path.name}, {snapshot.path.stat().st_size / 1e6:.1f} MB, in {snapshot.path.parent}")
    click.echo(f"as of       {snapshot.captured_at:%Y-%m-%d %H:%M:%S} UTC, {age.total_seconds():.0f} s ago")
    click.echo(f"published   {snapshot.published_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"totals      {compared} parts compared with the core, {len(differing)} differ")
    for part in differing:
        click.echo(f"            {part}")
    if differing:
        sys.exit(1)


@command.command()
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(sql: str, form: str) -> None:
    """Ask the published snapshot; docs/warehouse.md tells its tables."""
    snapshot = _snapshot()
    with _one_sentence():
        result = snapshot.cursor().execute(sql)
        names = [column[0] for column in result.description or ()]
        rows = (
            result.to_arrow_table().to_pylist() if form == "json" else result.fetchmany(TABLE_ROWS + 1 if form == "table" else sys.maxsize)
        )
    if form == "json":
        click.echo(json.dumps(rows, default=str, indent=1))
    elif form == "csv":
        csv.writer(sys.stdout).writerows([names, *rows])
    else:
        _print_table(names, rows)


def _print_table(names: list[str], rows: list[Any]) -> None:
    table = Table(*names)
    for row in rows[:TABLE_ROWS]:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console().print(table)
    if len(rows) > TABLE_ROWS:
        click.echo(f"… the first {TABLE_ROWS} rows; all of them: --format csv")


@command.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of the screen.")
def doc(output: Path | None) -> None:
    """Print the warehouse's manual (docs/warehouse.md), made from the comments in its SQL."""
    if output is None:
        click.echo(manual(), nl=False)
    else:
        output.write_text(manual())


@command.command()
def rebuild() -> None:
    """Read the whole core anew, check it, and publish it; readers keep the last snapshot meanwhile."""
    settings = load_settings()
    database = Database.from_settings(settings)
    try:
        with Warehouse(settings.warehouse_path) as warehouse:
            run = roll_up(database, warehouse, full=True)
    except (WarehouseBusy, LiveFileDamaged, CopyFailed) as error:
        raise WarehouseNotWritable(str(error)) from error
    except ChecksFailed as error:
        for name, rows in error.failures.items():
            click.echo(f"{name}: {len(rows)} rows, the first {tuple(map(str, rows[0]))}", err=True)
        click.echo("Nothing was published; the last good snapshot stays.", err=True)
        sys.exit(1)
    finally:
        database.dispose()
    seconds = run.read_seconds + run.apply_seconds + run.publish_seconds
    click.echo(f"Read {sum(run.changed.values())} rows and published {run.snapshot} in {seconds:.1f} s.")


@command.command()
@click.option("--format", "form", type=click.Choice(["parquet"]), default="parquet", show_default=True)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export(form: str, directory: Path) -> None:
    """Write every table of the published snapshot to DIRECTORY (new or empty), one file each."""
    snapshot = _snapshot()
    if directory.exists() and any(directory.iterdir()):
        raise TargetNotEmpty(f"{directory} is not empty: name a new directory.")
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name in sorted(snapshot.tables):
            _write_table(snapshot, name, draft / f"{name}.{form}")
        draft.chmod(0o755)
        draft.replace(directory)
    except BaseException:
        shutil.rmtree(draft)
        raise
    click.echo(f"Wrote {len(snapshot.tables)} tables of {snapshot.path.name} to {directory}.")


def _write_table(snapshot: Snapshot, name: str, path: Path) -> None:
    reader = snapshot.cursor().execute(f'select * from "{name}"').to_arrow_reader(ROWS_PER_BATCH)
    with parquet.ParquetWriter(path, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
