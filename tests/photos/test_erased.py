"""Photos of somebody who is erased."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.photos.making import visit
from ticketing.app import create_app
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings


@pytest.fixture
def app(settings: Settings, database: Database) -> FastAPI:
    return create_app(settings, database)


def test_photos_are_in_the_export_and_go_with_their_sender_files_and_rows(app: FastAPI) -> None:
    with TestClient(app, base_url="http://localhost") as client:
        guest, other = visit(app), visit(app)
        mine, theirs = guest.send(client).json()["id"], other.send(client).json()["id"]
        files = app.state.settings.photos_path
        assert {f"{mine}.webp", f"{theirs}.webp"} <= {file.name for file in files.iterdir()}
        who = {"Authorization": f"Bearer {guest.token}"}
        exported = client.get(f"/api/users/{guest.user_id}/export", headers=who).json()
        assert mine in str(exported)
        assert theirs not in str(exported)
        erased = client.request("DELETE", f"/api/users/{guest.user_id}", json={}, headers=who)
        assert erased.status_code < 300, erased.text
    names = {file.name for file in files.iterdir()}
    assert f"{mine}.webp" not in names
    assert f"{theirs}.webp" in names
    with app.state.database.transaction(Role.READER) as session:
        assert session.execute(text("select count(*) from photo where id = :photo"), {"photo": mine}).scalar_one() == 0
