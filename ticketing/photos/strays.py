"""Files that no photo's row names: left by a kill between a file and its row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.photos.store import ENDING, PhotoStore
from ticketing.photos.tables import Photo

FILES_AT_ONCE = 1_000


def remove_strays(session: Session, *, store: PhotoStore, dry_run: bool = False) -> int:
    """Delete them, unless they are young enough to be of an upload under way; how many. A dry run only counts."""
    removed = 0
    files = store.old_files()
    while batch := list(itertools.islice(files, FILES_AT_ONCE)):
        named = set(session.execute(select(Photo.id).where(Photo.id.in_([photo_id for _, photo_id in _whole(batch)]))).scalars())
        kept = {file for file, photo_id in _whole(batch) if photo_id in named}
        for file in set(batch) - kept:
            removed += 1
            if not dry_run:
                file.unlink(missing_ok=True)
    return removed


def _whole(files: list[Path]) -> Iterator[tuple[Path, UUID]]:
    """Those that are named like a photo."""
    for file in files:
        if file.suffix == ENDING:
            with suppress(ValueError):
                yield file, UUID(file.stem)
