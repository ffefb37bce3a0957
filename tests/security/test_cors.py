"""Scripts of other sites: none may call the API but those on the list, and those only with a token of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from tests.app.test_api import problem
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

FRIEND = "https://app.example.org"
STRANGER = "https://evil.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type,idempotency-key"}
BODY = {"email": "cors@example.org", "display_name": "Ada"}


@pytest.fixture(scope="module")
def client(settings: Settings, module_database: Database) -> Iterator[TestClient]:
    with TestClient(
        create_app(settings.model_copy(update={"cors_origins": FRIEND}), module_database), base_url="http://localhost"
    ) as client:
        yield client


@pytest.fixture(scope="module")
def closed(settings: Settings, module_database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, module_database), base_url="http://localhost") as client:
        yield client


def test_a_listed_origin_is_let_in_by_name_and_without_cookies(client: TestClient) -> None:
    asked = client.options("/api/orders", headers={"Origin": FRIEND, **ASKS})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == FRIEND
    answer = client.get("/api/events", headers={"Origin": FRIEND})
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]
    for headers in (asked.headers, answer.headers):
        assert "access-control-allow-credentials" not in headers
        assert headers["access-control-allow-origin"] != "*"


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", "http://app.example.org", FRIEND + ":8443", FRIEND + ".evil.org", FRIEND.upper(), "https://x" + FRIEND]
)
def test_any_other_origin_is_not(client: TestClient, origin: str) -> None:
    asked = client.options("/api/orders", headers={"Origin": origin, **ASKS})
    problem(asked, 403, "origin-not-allowed")
    assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-origin" not in client.get("/api/events", headers={"Origin": origin}).headers
    problem(client.post("/api/guests", json=BODY, headers={"Origin": origin}), 403, "other-site")


def test_a_method_or_header_that_the_api_does_not_take_is_refused_beforehand(client: TestClient) -> None:
    problem(client.options("/api/orders", headers={"Origin": FRIEND, "Access-Control-Request-Method": "TRACE"}), 403, "origin-not-allowed")
    more = {"Origin": FRIEND, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-other"}
    problem(client.options("/api/orders", headers=more), 403, "origin-not-allowed")


def test_a_listed_origin_may_write_with_a_token_and_never_with_a_cookie(client: TestClient) -> None:
    headers = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}
    made = client.post("/api/guests", json=BODY, headers=headers)
    assert made.status_code == 201
    assert client.cookies  # the answer sets one: the next call brings it
    problem(client.post("/api/guests", json=BODY, headers=headers), 403, "other-site")
    client.cookies.clear()
    assert client.delete("/api/sessions", headers=headers | {"Authorization": f"Bearer {made.json()['token']}"}).status_code < 300


def test_the_shops_own_pages_are_open_to_nobody(client: TestClient) -> None:
    assert "access-control-allow-origin" not in client.get("/", headers={"Origin": FRIEND}).headers
    assert client.post("/sign-in", data={"email": "x", "password": "y"}, headers={"Origin": FRIEND}).status_code == 403


def test_nobody_is_let_in_where_no_list_is_set(closed: TestClient) -> None:
    asked = closed.options("/api/orders", headers={"Origin": FRIEND, **ASKS})
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]
    answer = closed.get("/api/events", headers={"Origin": FRIEND})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "value", ["*", "app.example.org", "http://app.example.org", FRIEND + "/", FRIEND + "/path", f"{FRIEND},{STRANGER}"]
)
def test_a_list_that_is_not_one_of_origins_is_refused_at_start(settings: Settings, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings(home=settings.home, cors_origins=value)
