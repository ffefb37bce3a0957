"""The warehouse's one writer: takes in what the core has changed, checks it, publishes.

An increment is one transaction, its checks included. A rebuild is the same with every row arriving in an empty file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import duckdb

from sql.definitions import definitions, digest
from sql.layers import count_rows, failed_checks, take_in
from sql.publish import Step, newest_number, publish_file
from sql.snapshot import NoSnapshot, Snapshot, open_snapshot

__all__ = ["ChecksFailed", "LiveFileDamaged", "NoSnapshot", "Snapshot", "Warehouse", "WarehouseBusy", "open_snapshot"]

LIVE = "live.duckdb"
DAMAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)


class WarehouseBusy(RuntimeError):
    """Another process is writing this warehouse."""


class LiveFileDamaged(RuntimeError):
    """The live file could not be read or written; it has been removed, and the next run rebuilds it from the core."""


class ChecksFailed(RuntimeError):
    """The figures don't agree; nothing was changed or published. `failures`: check → its rows."""

    def __init__(self, failures: Mapping[str, list[tuple[Any, ...]]]) -> None:
        self.failures = failures
        parts = (f"{name}: {len(rows)} rows, the first {tuple(map(str, rows[0]))}" for name, rows in failures.items())
        super().__init__("Not published, the last good snapshot stays. " + "; ".join(parts))


class Increment(Protocol):
    """What `Warehouse.apply` takes in: Arrow tables by raw name, `capture` and `totals` among them."""

    @property
    def tables(self) -> Mapping[str, Any]: ...
    @property
    def is_full(self) -> bool: ...


class Warehouse:
    """The warehouse in `directory`, while the `with` block lasts ours alone; entering raises `WarehouseBusy`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.live = directory / LIVE
        self._lock: int | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
            os.close(descriptor)
            raise WarehouseBusy(f"Process {holder} is writing the warehouse in {self.directory}: try again when it has ended.") from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def mark(self) -> tuple[UUID, int] | None:
        """Token and watermark of the last increment; None when there is nothing that an increment could be added to."""
        if not self.live.exists():
            return None
        try:
            row = self._open().execute("select token, watermark_xid, definitions_digest from meta_publish").fetchone()
        except duckdb.Error:
            self._discard()
            return None
        return None if row is None or row[2] != digest() else (row[0], row[1])

    def newest_number(self) -> int:
        """Number of the newest published snapshot, 0 when there is none."""
        return newest_number(self.directory)

    def apply(self, increment: Increment) -> dict[str, int]:
        """Take in one increment; returns rows now held per table. Raises `ChecksFailed`, `LiveFileDamaged`."""
        if increment.is_full:
            self._discard()
        try:
            connection = self._open()
            for name, table in increment.tables.items():
                connection.register("arrived", table)
                connection.execute(f"create or replace temp table raw_{name} as select * from arrived")
            connection.execute("set variable definitions_digest = $digest", {"digest": digest()})
            connection.begin()
            try:
                for definition in definitions():
                    take_in(connection, definition, is_full=increment.is_full)
                if failures := failed_checks(connection):
                    raise ChecksFailed(failures)
                counts = count_rows(connection)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        except DAMAGE as error:
            self._discard()
            raise LiveFileDamaged(f"The live warehouse file was damaged and has been removed, the next run rebuilds it: {error}") from error
        return counts

    def publish(self, *, step: Step = lambda _: None) -> Path:
        """Publish the live state; returns the snapshot's path. A kill at any instant leaves the last one in place.

        `step` is called with the names of the points at which a kill would be most awkward.
        """
        connection = self._open()
        connection.execute("update meta_publish set published_at = $now", {"now": datetime.now(UTC)})
        connection.execute("checkpoint")
        row = connection.execute("select batch from meta_publish").fetchone()
        assert row is not None
        return publish_file(self.live, self.directory, number=row[0], step=step)

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(str(self.live))
            self._connection.execute("set global timezone = 'UTC'")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _discard(self) -> None:
        self._close()
        for path in (self.live, self.live.with_name(f"{LIVE}.wal")):
            path.unlink(missing_ok=True)
