"""What every answer carries, and what never gets further than the edge."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request

from tests.app.test_api import problem
from ticketing.app import create_app
from ticketing.edge import MOST_BODY_BYTES
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> FastAPI:
    app = create_app(settings, module_database)

    @app.get("/api/broken")
    def broken(request: Request) -> None:
        raise RuntimeError(f"a fault with {request.headers['authorization']}")

    return app


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_answers_carry_the_requests_own_name_when_it_is_a_good_one(client: TestClient) -> None:
    assert client.get("/health/live", headers={"X-Request-Id": "order-4711_a.b"}).headers["x-request-id"] == "order-4711_a.b"
    for bad in ("short", "x" * 65, "with space", 'quote"quote'):
        ours = client.get("/health/live", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert ours != bad
        assert len(ours) == 16
    assert client.get("/health/live").headers["x-request-id"] != client.get("/health/live").headers["x-request-id"]


def test_every_answer_carries_security_headers(client: TestClient) -> None:
    for path in ("/", "/api/events", "/api/nothing", "/static/shop.css"):
        headers = client.get(path).headers
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers


def test_what_may_be_somebodys_own_is_kept_nowhere(client: TestClient) -> None:
    guest = {"email": "g@example.org", "display_name": "Guest"}
    answers = [
        client.post("/api/guests", json=guest),
        *(client.get(path) for path in ("/api/me", "/api/orders", "/api/tickets", "/orders")),
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.url
    assert client.get("/api/events").headers["cache-control"] == "no-cache"
    assert "no-store" not in client.get("/static/shop.css").headers.get("cache-control", "")


def test_browsers_are_told_to_come_by_tls_when_the_shop_is_there(settings: Settings, module_database: Database) -> None:
    app = create_app(settings.model_copy(update={"public_url": "https://tickets.example.org"}), module_database)
    assert "max-age=31536000" in TestClient(app).get("/health/live").headers["strict-transport-security"]
    cookie = TestClient(app).post("/api/guests", json={"email": "g@example.org", "display_name": "Guest"}).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Secure"} <= set(cookie.split("; "))


@pytest.mark.parametrize("path", ["/api/register", "/api/orders", "/sign-in"])
def test_an_oversize_body_is_refused_whether_or_not_it_says_so(client: TestClient, path: str) -> None:
    large = b"{" + b" " * MOST_BODY_BYTES + b"}"
    kind = {"Content-Type": "application/json"} if path.startswith("/api") else {"Content-Type": "application/x-www-form-urlencoded"}
    declared = client.post(path, content=large, headers=kind)
    problem(declared, 413, "body-too-large")
    chunks = iter([large[: MOST_BODY_BYTES // 2], large[MOST_BODY_BYTES // 2 :]])
    streamed = client.post(path, content=chunks, headers=kind | {"Authorization": "Bearer none"})
    assert streamed.status_code in (401, 413)  # 401: nobody is signed in, and the body was not read


def test_a_fault_of_ours_names_the_request_and_tells_nothing_else(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/broken", headers={"X-Request-Id": "find-me-again", "Authorization": "Bearer secret-of-ada"})
    body = problem(answer, 500, "unexpected")
    assert "find-me-again" in body["detail"]
    assert "RuntimeError" not in answer.text
    assert "secret-of-ada" not in answer.text
    assert any("find-me-again" in record.getMessage() for record in caplog.records)


def test_guessing_passwords_is_slowed_down_and_told_so(client: TestClient) -> None:
    body = {"email": "nobody@example.org", "password": "a wrong password"}
    answers = [client.post("/api/login", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    refused = problem(answers[10], 429, "too-many-requests")
    assert int(answers[10].headers["retry-after"]) == refused["retry_after_seconds"] > 0
    assert client.post("/api/login", json=body | {"email": "other@example.org"}).status_code == 401
