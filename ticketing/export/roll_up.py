"""One turn of the roll-up: read what has changed, have it taken in and checked, publish it.

Killed anywhere, it does no harm. Before the warehouse's commit nothing has happened; between that commit and the token's
the next run finds the tokens differ and rebuilds; after it, the next run publishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ticketing.export.capture import Capture, leave_token, read_changes
from ticketing.foundation.db import Database
from ticketing.foundation.faults import fault_point


class Target(Protocol):
    """The warehouse, as the roll-up sees it (`sql.warehouse.Warehouse`)."""

    def mark(self) -> tuple[UUID, int] | None: ...
    def newest_number(self) -> int: ...
    def apply(self, increment: Capture, /) -> Mapping[str, int]: ...
    def publish(self, *, step: Callable[[str], None]) -> Path: ...


@dataclass(frozen=True, slots=True)
class RollUp:
    """What a run did."""

    batch: int
    is_full: bool
    changed: Mapping[str, int]
    """Rows read from the core, per table."""
    held: Mapping[str, int]
    """Rows in the warehouse afterwards, per table; empty for a dry run."""
    captured_at: datetime
    horizon_lag: int
    snapshot: Path | None
    """The published file; None for a dry run."""
    read_seconds: float
    apply_seconds: float
    publish_seconds: float


def roll_up(
    database: Database,
    target: Target,
    *,
    full: bool = False,
    period: tuple[datetime, datetime] | None = None,
    dry_run: bool = False,
) -> RollUp:
    """Bring the warehouse to the core's present and publish it; a dry run only reads. See `read_changes` for the arguments.

    What the warehouse raises (checks that failed, a damaged live file) passes through; then nothing is published.
    """
    started = time.monotonic()
    capture = read_changes(database, known=target.mark(), newest_batch=target.newest_number(), full=full, period=period)
    read = time.monotonic()
    held: Mapping[str, int] = {}
    snapshot: Path | None = None
    applied = read
    if not dry_run:
        held = target.apply(capture)
        leave_token(database, capture)
        applied = time.monotonic()
        snapshot = target.publish(step=fault_point)
    return RollUp(
        batch=capture.batch,
        is_full=capture.is_full,
        changed=capture.changed,
        held=held,
        captured_at=capture.captured_at,
        horizon_lag=capture.horizon_lag,
        snapshot=snapshot,
        read_seconds=read - started,
        apply_seconds=applied - read,
        publish_seconds=time.monotonic() - applied,
    )
