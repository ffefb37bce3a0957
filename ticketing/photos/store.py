"""Where photos lie: `<home>/photos/<id>.webp`.

A file is there, whole and on disk, before the row that names it is committed; a row is gone before its file is. So a kill between
the two leaves a file that no row names, which the janitor removes, and never a row without its file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

ENDING = ".webp"
STRAY_AFTER_SECONDS = 3_600.0
"""A younger file may be of an upload whose row is not committed yet: that takes seconds."""


class PhotoStore:
    """The files of one installation."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, photo_id: UUID, content: bytes) -> None:
        """Under its name all at once, and on disk when this returns."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(photo_id)
        draft = path.with_suffix(".part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        directory = os.open(self._directory, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def read(self, photo_id: UUID) -> bytes | None:
        """None: it is not there (any more)."""
        try:
            return self._path(photo_id).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, photo_id: UUID) -> None:
        """Also when it is gone already."""
        self._path(photo_id).unlink(missing_ok=True)

    def old_files(self) -> Iterator[Path]:
        """Files, whole or not, that are too old to be of an upload under way."""
        with suppress(FileNotFoundError), os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file() and time.time() - entry.stat().st_mtime > STRAY_AFTER_SECONDS:
                        yield Path(entry.path)

    def _path(self, photo_id: UUID) -> Path:
        return self._directory / f"{photo_id}{ENDING}"
