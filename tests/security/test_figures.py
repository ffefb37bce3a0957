"""/metrics and the access log: they count everything, they tell nothing that somebody sent, and not everybody may read them."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.app.test_api import problem
from ticketing.app import create_app
from ticketing.foundation.access_log import AccessLog
from ticketing.foundation.db import Database
from ticketing.foundation.resilience import Circuit, CircuitOpen
from ticketing.foundation.settings import Settings

HERE = ("127.0.0.1", 40_000)


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def app(settings: Settings, module_database: Database, log_file: Path) -> FastAPI:
    return create_app(settings.model_copy(update={"access_log": log_file}), module_database)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost", client=HERE, raise_server_exceptions=False) as client:
        yield client


def value(figures: str, name: str, **labels: str) -> float:
    """One sample of a text; fails when there is none."""
    for line in figures.splitlines():
        if line.startswith(f"{name}{{") and all(f'{label}="{text}"' in line for label, text in labels.items()):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name} with {labels} in\n{figures}")


def test_each_endpoint_is_counted_with_how_it_ended_and_how_long_it_took(client: TestClient) -> None:
    client.get("/api/events")
    client.get("/api/events")
    client.get("/api/events/00000000-0000-0000-0000-000000000000")
    client.get("/api/holds/00000000-0000-0000-0000-000000000000")
    client.request("BREW", "/api/events")
    figures = client.get("/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    told = figures.text
    assert value(told, "ticketing_http_requests_total", method="GET", route="/api/events", status="200") == 2
    assert value(told, "ticketing_http_requests_total", route="/api/events/{event_id}", status="404") == 1
    assert value(told, "ticketing_http_requests_total", route="/api/holds/{id}", status="401") == 1
    assert value(told, "ticketing_http_requests_total", method="OTHER", status="405") == 1
    assert value(told, "ticketing_http_request_seconds_count", method="GET", route="/api/events") == 2
    assert value(told, "ticketing_http_request_seconds_bucket", route="/api/events", le="10.0") == 2
    assert value(told, "ticketing_queue_rows", queue="messages") == 0


def test_addresses_that_lead_nowhere_make_one_series(client: TestClient) -> None:
    for number in range(20):
        client.get(f"/nowhere-{number}")
    told = client.get("/metrics").text
    assert "nowhere" not in told
    assert value(told, "ticketing_http_requests_total", route="unmatched", status="404") == 20


def test_an_open_breaker_is_told(client: TestClient) -> None:
    circuit = Circuit("test-of-figures", failures=(OSError,), threshold=1)

    def fail() -> None:
        raise OSError

    with pytest.raises((OSError, CircuitOpen)):
        circuit.call(fail)
    assert value(client.get("/metrics").text, "ticketing_circuit_state", circuit="test-of-figures") == 2


def test_only_this_machine_reads_figures_and_no_proxy_on_it(app: FastAPI) -> None:
    for host, headers in (("203.0.113.9", {}), ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}), ("::1", {"Forwarded": "for=1.2.3.4"})):
        problem(TestClient(app, base_url="http://localhost", client=(host, 1)).get("/metrics", headers=headers), 404, "not-found")


def test_with_a_token_only_its_bearer_reads_them(settings: Settings, module_database: Database) -> None:
    guarded = create_app(settings.model_copy(update={"metrics_token": "for-prometheus"}), module_database)
    far = TestClient(guarded, base_url="http://localhost", client=("203.0.113.9", 1))
    assert far.get("/metrics", headers={"Authorization": "Bearer for-prometheus"}).status_code == 200
    near = TestClient(guarded, base_url="http://localhost", client=HERE)
    for headers in ({}, {"Authorization": "Bearer for"}, {"Authorization": "for-prometheus"}, {"Authorization": "Bearer für"}):
        given = {name: text.encode("latin-1") for name, text in headers.items()}
        problem(near.get("/metrics", headers=given), 404, "not-found")


def test_the_access_log_names_routes_and_nothing_that_was_sent(client: TestClient, app: FastAPI, log_file: Path) -> None:
    token = "planted-token-1234567890"
    client.get(f"/reset/{token}")
    client.get("/api/events", params={"search": token}, headers={"Authorization": f"Bearer {token}", "X-Request-Id": "named-by-caller"})
    client.request(f"X{token}", "/api/events", headers={"User-Agent": token, "Cookie": f"ticketing_session={token}"})
    client.get(f"/nowhere/{token}")
    client.portal.call(app.state.access_log.flush)  # type: ignore[union-attr]
    lines = [json.loads(line) for line in log_file.read_text().splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/reset/{token}", 200),
        ("GET", "/api/events", 200),
        ("OTHER", "/api/events", 405),
        ("GET", "unmatched", 404),
    ]
    assert lines[1]["id"] == "named-by-caller"
    assert all(line["ms"] > 0 and re.fullmatch(r"[\w.-]{8,64}", line["id"]) and line["at"].endswith("+00:00") for line in lines)
    assert token not in log_file.read_text()
    assert log_file.stat().st_mode & 0o077 == 0


async def fill(log: AccessLog, lines: int) -> None:
    for number in range(lines):
        log.note(request_id=f"request-{number}", method="GET", route="/", status=200, seconds=0.1)
        log.flush()


def test_a_full_access_log_is_set_aside(tmp_path: Path) -> None:
    asyncio.run(fill(AccessLog(tmp_path / "access.log", largest_bytes=300), 8))
    before, now = (tmp_path / "access.log.1").read_text(), (tmp_path / "access.log").read_text()
    assert before.count("request-") == 3  # of some 110 bytes each
    assert now.count("request-") == 2


def test_processes_that_find_it_full_at_once_set_it_aside_once(tmp_path: Path) -> None:
    one, other = (AccessLog(tmp_path / "access.log", largest_bytes=300) for _ in range(2))
    asyncio.run(fill(one, 3))
    descriptor = os.open(tmp_path / "access.log.1", os.O_RDONLY)  # what the other process still has open
    other._set_aside(descriptor)
    os.close(descriptor)
    assert (tmp_path / "access.log.1").read_text().count("request-") == 3
