"""Between a file and its row: what a fault there leaves, and who removes it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from flows.janitor import remove_stray_photos
from tests.photos.conftest import Hall
from ticketing.foundation.db import Role
from ticketing.photos.store import STRAY_AFTER_SECONDS, PhotoStore


def aged(directory: Path, *names: str) -> None:
    """As if they had been written before uploads under way began."""
    then = time.time() - STRAY_AFTER_SECONDS - 1
    for name in names:
        (directory / name).touch()
        os.utime(directory / name, (then, then))


def test_old_files_without_a_row_are_removed_and_nothing_else(hall: Hall) -> None:
    photo, store = hall.sent(), PhotoStore(hall.directory)
    kept = {f"{photo['id']}.webp", f"{uuid4()}.webp", f"{uuid4()}.part"}
    strays = {f"{uuid4()}.webp", f"{photo['id']}.part", "notes.txt"}
    for name in kept:
        (hall.directory / name).touch()
    aged(hall.directory, f"{photo['id']}.webp", *strays)
    assert remove_stray_photos(store, hall.database, dry_run=True) == 3
    assert hall.files() == kept | strays
    assert remove_stray_photos(store, hall.database, dry_run=False) == 3
    assert hall.files() == kept


def test_an_installation_without_photos_has_nothing_to_remove(hall: Hall) -> None:
    assert remove_stray_photos(PhotoStore(hall.directory / "nowhere"), hall.database, dry_run=False) == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_fails_leaves_a_file_that_is_removed_later_and_no_row(hall: Hall, when: str) -> None:
    """After the commit: the connection is lost before the answer comes, and nobody can know. Then the file must stay."""
    engine = hall.client.app.state.database.engine(Role.CORE)  # type: ignore[attr-defined]

    def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    def is_photo(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO photo"):
            connection.info["photo"] = True

    def at_commit(connection: Any) -> None:
        if connection.info.pop("photo", False):
            if when == "after":
                connection.connection.driver_connection.commit()
            fail()

    event.listen(engine, "after_cursor_execute", is_photo)
    event.listen(engine, "commit", at_commit)
    answer = hall.send(hall.guest)
    event.remove(engine, "after_cursor_execute", is_photo)
    event.remove(engine, "commit", at_commit)
    assert (answer.status_code, len(hall.files())) == (500, 1)
    rows = hall.listed(f"/api/users/{hall.guest.id}/images", hall.guest)
    assert len(rows) == (1 if when == "after" else 0)
    aged(hall.directory, *hall.files())
    assert remove_stray_photos(PhotoStore(hall.directory), hall.database, dry_run=False) == 1 - len(rows)
    assert hall.files() == {f"{photo}.webp" for photo in rows}


def test_a_photo_whose_file_is_gone_is_not_found(hall: Hall) -> None:
    photo = hall.approved()
    (hall.directory / f"{photo['id']}.webp").unlink()
    assert hall.ask("GET", photo["url"]).status_code == 404
    assert hall.ask("DELETE", f"/api/users/{hall.guest.id}/images/{photo['id']}", hall.guest).status_code == 204
