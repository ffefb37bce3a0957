"""Reading published snapshots. They never change, so a reader is never in the way of the writer, nor the writer in its.

`current.duckdb` is a link to the newest `warehouse-<number>.duckdb`. A connection is kept per resolved name: the same path
opened again after the link has moved would show the old data.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import duckdb

CURRENT = "current.duckdb"
OPEN_TRIES = 5


class NoSnapshot(LookupError):
    """Nothing has been published yet."""


@dataclass(frozen=True)
class Snapshot:
    """One published state of the warehouse. Threads may share it: each takes its own `cursor()`."""

    path: Path
    batch: int
    captured_at: datetime
    """The instant of the core that it shows, UTC."""
    published_at: datetime
    _connection: duckdb.DuckDBPyConnection = field(repr=False, compare=False)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of the caller's own to the snapshot."""
        return self._connection.cursor()

    @cached_property
    def tables(self) -> dict[str, frozenset[str]]:
        """Tables and views with their columns."""
        rows = (
            self.cursor().execute("select table_name, list(column_name) from duckdb_columns() where not internal group by all").fetchall()
        )
        return {name: frozenset(columns) for name, columns in rows}


_open: dict[Path, Snapshot] = {}
_lock = threading.Lock()


def open_snapshot(directory: Path) -> Snapshot:
    """The newest snapshot of a warehouse's directory, read-only; raises `NoSnapshot`."""
    link = directory / CURRENT
    for attempt in range(OPEN_TRIES):
        try:
            path = link.resolve(strict=True)
        except FileNotFoundError:
            raise NoSnapshot(f"There is no published snapshot in {directory} yet.") from None
        with _lock:
            known = _open.get(directory)
            if known is not None and known.path == path:
                return known
            try:
                _open[directory] = _read(path)
            except duckdb.IOException:
                # Between resolving and opening it was replaced and, long past its time, removed.
                if attempt + 1 == OPEN_TRIES or path.exists():
                    raise
                continue
            return _open[directory]
    raise AssertionError("unreachable")


def _read(path: Path) -> Snapshot:
    connection = duckdb.connect(
        str(path), read_only=True, config={"enable_external_access": "false", "autoinstall_known_extensions": "false"}
    )
    connection.execute("set global timezone = 'UTC'")
    connection.execute("set lock_configuration = true")
    row = connection.execute("select batch, epoch_us(captured_at), epoch_us(published_at) from meta_publish").fetchone()
    if row is None:
        raise duckdb.IOException(f"{path} does not say what it is")
    batch, captured, published = row
    return Snapshot(path=path, batch=batch, captured_at=_instant(captured), published_at=_instant(published), _connection=connection)


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def differing_totals(snapshot: Snapshot) -> tuple[int, list[tuple[str, str, int, int, int, int]]]:
    """Invariant W1 on a snapshot: parts of the core that were compared, and those that differ.

    Each of the latter: table, part, rows in the core and here, sum in the core and here.
    """
    columns = "table_name, part, core_rows, warehouse_rows, core_total, warehouse_total"
    rows = snapshot.cursor().execute(f"select {columns} from meta_totals order by table_name, part").fetchall()
    return len(rows), [row for row in rows if (row[2], row[4]) != (row[3], row[5])]
