"""Push subscriptions: stored so that a copy of the database can't push, and never for an address inside our network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.security.examples import PUSH_KEYS
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.messages.push import MOST_SUBSCRIPTIONS


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return new_client(app)


def new_client(app: FastAPI) -> TestClient:
    client = TestClient(app, base_url="http://localhost")
    client.post("/api/guests", json={"email": "ada@example.org", "display_name": "Ada"})
    return client


def subscription(**more: Any) -> dict[str, Any]:
    """Loopback, which tests may call: no name is looked up."""
    return {"endpoint": f"https://127.0.0.1/push/{uuid4().hex}", "keys": PUSH_KEYS, "expirationTime": None} | more


def test_subscription_is_listed_until_removed(client: TestClient, app: FastAPI) -> None:
    made = client.post("/api/push-subscriptions", json=subscription())
    assert (made.status_code, made.json()["host"]) == (201, "127.0.0.1")
    assert client.get("/api/push-subscriptions").json() == {"push_subscriptions": [made.json()]}
    path = f"/api/push-subscriptions/{made.json()['id']}"
    assert new_client(app).delete(path).status_code == 404
    assert [client.delete(path).status_code for _ in range(2)] == [204, 404]
    assert client.get("/api/push-subscriptions").json() == {"push_subscriptions": []}


def test_browser_that_is_used_by_somebody_else_is_theirs(client: TestClient, app: FastAPI) -> None:
    browser, other = subscription(), new_client(app)
    first = client.post("/api/push-subscriptions", json=browser).json()
    second = other.post("/api/push-subscriptions", json=browser).json()
    assert client.get("/api/push-subscriptions").json()["push_subscriptions"] == []
    assert other.get("/api/push-subscriptions").json()["push_subscriptions"] == [second]
    assert first["id"] != second["id"]


def test_address_and_keys_stand_nowhere_in_clear(client: TestClient, module_database: Database) -> None:
    browser = subscription()
    client.post("/api/push-subscriptions", json=browser)
    with module_database.transaction() as session:
        rows = " ".join(session.execute(text("select to_jsonb(p)::text from push_subscription p")).scalars())
    assert browser["endpoint"].rpartition("/")[2] not in rows
    assert PUSH_KEYS["auth"] not in rows


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "ftp://push.example.org/",
        "https://user:secret@127.0.0.1/",
        "https://127.0.0.1:22/",
        "javascript:alert(1)",
        "https://127.0.0.1/\x00",
        "",
    ],
)
def test_addresses_that_must_not_be_called_are_refused(client: TestClient, endpoint: str) -> None:
    answer = client.post("/api/push-subscriptions", json=subscription(endpoint=endpoint))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/address-refused")


@pytest.mark.parametrize(
    "keys",
    [
        PUSH_KEYS | {"auth": "AAAA"},
        PUSH_KEYS | {"p256dh": "AAAA"},
        PUSH_KEYS | {"p256dh": "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        PUSH_KEYS | {"auth": "\x00"},
        PUSH_KEYS | {"auth": "é"},
        {},
    ],
)
def test_keys_that_can_not_encrypt_are_refused(client: TestClient, keys: dict[str, str]) -> None:
    assert client.post("/api/push-subscriptions", json=subscription(keys=keys)).status_code == 422


def test_one_person_has_so_many_browsers(client: TestClient) -> None:
    last = subscription()
    for _ in range(MOST_SUBSCRIPTIONS - 1):
        assert client.post("/api/push-subscriptions", json=subscription()).status_code == 201
    assert client.post("/api/push-subscriptions", json=last).status_code == 201
    assert client.post("/api/push-subscriptions", json=subscription()).status_code == 409
    assert client.post("/api/push-subscriptions", json=last).status_code == 201  # again: the same browser
