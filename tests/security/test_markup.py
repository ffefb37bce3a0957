"""What people and vendors enter is text on every page: no element, no attribute, no script."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests import factories
from tests.security.asking import client_of
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

NASTY = """"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"""


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


def is_only_text(page: str) -> bool:
    body = page.split("<main", 1)[-1]
    return "&lt;script&gt;alert" in body and "<script>alert" not in body and "<img src=x" not in body and "{{ 7*7 }}" in body


def test_what_vendors_enter_is_text(app: FastAPI, module_database: Database) -> None:
    with module_database.transaction() as session:
        sale = factories.make_event_on_sale(session)
        session.execute(text("update event set title = :title, description = :title where id = :id"), {"title": NASTY, "id": sale.event.id})
    client = client_of(app)
    assert is_only_text(client.get("/").text)
    assert is_only_text(client.get(f"/events/{sale.event.id}").text)


def test_what_people_enter_is_text(app: FastAPI) -> None:
    client = TestClient(app, base_url="http://localhost")
    body = {"email": f"{uuid4().hex}@example.org", "password": "a long password", "display_name": NASTY}
    assert client.post("/api/register", json=body).status_code == 201
    assert is_only_text(client.get("/account").text)


def test_what_came_with_a_request_is_text(app: FastAPI) -> None:
    client = client_of(app)
    assert is_only_text(client.get("/", params={"search": NASTY}).text)
    assert is_only_text(client.post("/sign-in", data={"email": NASTY, "password": "a long password"}).text)
