"""Putting a snapshot in place: copy, fsync, rename, swing the link. Killed anywhere, the last good snapshot stays.

The copy is made by a subprocess: opening and closing the live file in the writer would drop DuckDB's lock on it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sql.snapshot import CURRENT

NAME = re.compile(r"warehouse-(\d+)\.duckdb")
DRAFT = ".draft.duckdb"
KEEP_COUNT = 3
KEEP_SECONDS = 600
"""A snapshot goes only when it is neither among the newest nor this young: readers that just resolved the link find it."""

COPY = """
import os, shutil, sys
source, target = sys.argv[1:]
with open(source, "rb") as read, open(target, "wb") as write:
    shutil.copyfileobj(read, write, 1 << 24)
    write.flush()
    os.fsync(write.fileno())
"""

Step = Callable[[str], None]


class CopyFailed(OSError):
    """The snapshot could not be written; says why."""


def snapshots(directory: Path) -> list[tuple[int, Path]]:
    """Number and path of the snapshots that are there, oldest first."""
    return sorted((int(match[1]), path) for path in directory.iterdir() if (match := NAME.fullmatch(path.name)))


def newest_number(directory: Path) -> int:
    return max((number for number, _ in snapshots(directory)), default=0)


def publish_file(live: Path, directory: Path, *, number: int, step: Step) -> Path:
    """Make `live` (checkpointed, not being written) the snapshot `number`, and readers' current one. Raises `CopyFailed`."""
    draft, target = directory / DRAFT, directory / f"warehouse-{number:08}.duckdb"
    copy = subprocess.run([sys.executable, "-I", "-S", "-c", COPY, str(live), str(draft)], capture_output=True, text=True)
    if copy.returncode != 0:
        draft.unlink(missing_ok=True)
        raise CopyFailed(f"The snapshot could not be written to {directory}: {copy.stderr.strip().splitlines()[-1:]}")
    step("snapshot_copied")
    draft.chmod(0o444)
    draft.rename(target)
    _sync(directory)
    step("snapshot_renamed")
    swing = directory / f".{CURRENT}"
    swing.unlink(missing_ok=True)
    swing.symlink_to(target.name)
    swing.rename(directory / CURRENT)
    _sync(directory)
    _prune(directory)
    return target


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(directory: Path) -> None:
    """Remove snapshots that are neither among the newest nor young, never the current one."""
    current = (directory / CURRENT).resolve()
    for _, path in snapshots(directory)[:-KEEP_COUNT]:
        if path != current and time.time() - path.stat().st_mtime > KEEP_SECONDS:
            path.unlink()
