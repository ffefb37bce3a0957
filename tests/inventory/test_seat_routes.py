"""Seat maps over HTTP: forms, tags, who may see them; and live streams of serving processes, until those stop."""

from __future__ import annotations

import base64
import gzip
import http.client
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests import factories
from tests.world import World, world
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.inventory.seat_copy import Code, code_of
from ticketing.inventory.seatmap import section_overview

PER_ADDRESS = 3


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, database), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def path(on_sale: factories.OnSale) -> str:
    return f"/api/events/{on_sale.event.id}/seats"


def test_map_says_what_the_database_says(client: TestClient, database: Database, on_sale: factories.OnSale, path: str) -> None:
    with database.transaction() as session:
        session.execute(text("update event_seat set state = 'blocked', block_reason = 'house' where seat_no = 2"))
        session.execute(text("update event_seat set state = 'held', held_until = now() + interval '1 hour' where seat_no in (1, 49)"))
        session.execute(text("update event_seat set state = 'held', held_until = now() - interval '1 second' where seat_no = 3"))
        now = session.execute(text("select now()")).scalar_one()
        sections = section_overview(session, event_id=on_sale.event.id, now=now)
    answer = client.get(path)
    found = answer.json()
    assert (answer.status_code, found["seat_count"], len(base64.b64decode(found["bitmap"]))) == (200, 50, 13)
    bitmap = base64.b64decode(found["bitmap"])
    assert [code_of(bitmap, seat) for seat in (0, 1, 2, 3, 49, 50)] == [
        Code.FREE,
        Code.HELD,
        Code.TAKEN,
        Code.FREE,
        Code.HELD,
        Code.NO_SEAT,
    ]
    assert found["sections"] == orjson.loads(orjson.dumps(sections))
    assert answer.headers["cache-control"] == "no-cache"


def test_map_comes_as_it_is_asked_for_and_not_again(client: TestClient, path: str) -> None:
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    tag = plain.headers["etag"]
    assert "content-encoding" not in plain.headers
    zipped = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (zipped.headers["content-encoding"], zipped.headers["etag"], zipped.json()) == ("gzip", tag, plain.json())
    assert int(zipped.headers["content-length"]) == len(gzip.compress(plain.content, 6, mtime=0))
    octets = client.get(path, headers={"Accept": "application/octet-stream"})
    assert octets.headers["content-type"] == "application/octet-stream"
    assert octets.content == base64.b64decode(plain.json()["bitmap"])
    assert tag == f'W/"{plain.json()["version"]}"' == octets.headers["etag"]
    for again in (tag, f'"other", {tag}'):
        unchanged = client.get(path, headers={"If-None-Match": again})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": 'W/"other"'}).status_code == 200
    head = client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(plain.content)))


def test_section_has_names_and_a_tag(client: TestClient, path: str) -> None:
    sections = client.get(path).json()["sections"]
    answer = client.get(path, params={"section": sections[0]["section_id"]})
    seats = answer.json()["seats"]
    assert (len(seats), seats[0]["row_label"], seats[0]["state"]) == (50, "A", "free")
    tag = answer.headers["etag"]
    assert client.get(path, params={"section": sections[0]["section_id"]}, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(path, params={"section": sections[1]["section_id"]}).json() == {"seats": []}
    assert client.get(path, params={"section": str(UUID(int=7))}).status_code == 404
    assert client.get(path, params={"section": "x"}).json()["fields"].keys() == {"section"}
    assert client.get("/api/events/x/seats").status_code == 422


def test_section_shows_a_change_as_soon_as_the_map_does(client: TestClient, database: Database, path: str) -> None:
    section = client.get(path).json()["sections"][0]["section_id"]
    assert client.get(path, params={"section": section}).json()["seats"][4]["state"] == "free"
    before = client.get(path).headers["etag"]
    with database.transaction() as session:
        session.execute(text("update event_seat set state = 'blocked' where seat_no = 4"))
    deadline = time.monotonic() + 2
    while client.get(path).headers["etag"] == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.get(path, params={"section": section}).json()["seats"][4]["state"] == "blocked"


def test_map_of_what_is_not_public_is_for_its_vendor(client: TestClient, database: Database, on_sale: factories.OnSale, path: str) -> None:
    assert client.get(path).status_code == 200
    with database.transaction() as session:
        session.execute(text("update event set visibility = 'public_from', public_at = now() + interval '1 day'"))
    deadline = time.monotonic() + 2
    while client.get(path).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.get(path).json()["type"] == "/problems/event-not-public"
    assert client.get(f"{path}/stream").status_code == 404
    with database.transaction() as session:
        session.execute(text("update event set public_at = now() - interval '1 second'"))
    deadline = time.monotonic() + 2
    while client.get(path).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(events=1, seats=200, buyers=5, also={"TICKETING_SEAT_STREAMS_PER_ADDRESS": str(PER_ADDRESS)}, processes=1) as running:
        yield running


@dataclass
class Stream:
    """A raw connection to a stream."""

    site: World
    seen: str | None = None
    status: int = 0
    received: bytes = b""
    _rest: bytes = b""
    _socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self.site.api_port), timeout=10)
        again = f"Last-Event-ID: {self.seen}\r\n" if self.seen else ""
        request = f"GET /api/events/{self.site.events[0]}/seats/stream HTTP/1.1\r\nHost: localhost\r\n{again}\r\n"
        self._socket.sendall(request.encode())
        self.head = self._until(b"\r\n\r\n")
        self.status = int(self.head[9:12])

    def _until(self, end: bytes) -> bytes:
        while end not in self._rest:
            more = self._socket.recv(65_536)
            if not more:
                raise EOFError
            self._rest += more
            self.received += more
        found, _, self._rest = self._rest.partition(end)
        return found

    def next(self) -> tuple[str, dict[str, Any]]:
        """(kind, data) of the next event."""
        kind = ""
        while True:
            line = self._until(b"\n").decode()
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                return kind, orjson.loads(line[6:])

    def read_to_the_end(self) -> None:
        while more := self._socket.recv(65_536):
            self.received += more

    def close(self) -> None:
        self._socket.close()


def hold(site: World, buyer: int, seats: list[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.api_port, timeout=10)
    headers = {"Authorization": f"Bearer {site.tokens[buyer]}", "Idempotency-Key": f"key-{seats}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/events/{site.events[0]}/holds", orjson.dumps({"seats": seats}), headers)
    assert connection.getresponse().status == 201
    connection.close()


def test_stream_begins_with_the_map_and_goes_on_with_changes(site: World) -> None:
    stream = Stream(site)
    assert stream.status == 200
    assert b"content-type: text/event-stream" in stream.head
    kind, whole = stream.next()
    assert (kind, whole["seat_count"], len(base64.b64decode(whole["bitmap"]))) == ("map", 200, 50)
    hold(site, 0, [10, 11])
    kind, delta = stream.next()
    assert (kind, delta["since"], delta["held"], delta["free"], delta["taken"]) == ("delta", whole["version"], [10, 11], [], [])
    assert [section["available"] for section in delta["sections"]] == [198]
    stream.close()
    back = Stream(site, seen=whole["version"])
    assert back.next() == ("delta", delta)
    back.close()


def test_streams_of_one_address_are_limited_and_places_come_back(site: World) -> None:
    time.sleep(0.3)  # what was closed has left
    streams = [Stream(site) for _ in range(PER_ADDRESS)]
    assert [stream.status for stream in streams] == [200] * PER_ADDRESS
    refused = Stream(site)
    assert (refused.status, b"retry-after" in refused.head.lower()) == (429, True)
    streams.pop().close()
    deadline = time.monotonic() + 5
    while (again := Stream(site)).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for stream in [*streams, again, refused]:
        stream.close()


def test_streams_end_at_once_when_the_process_is_asked_to_stop(site: World) -> None:
    time.sleep(0.3)
    stream = Stream(site)
    stream.next()
    started = time.monotonic()
    site.server.send_signal(signal.SIGTERM)
    stream.read_to_the_end()
    assert stream.received.endswith(b"0\r\n\r\n")  # as HTTP ends an answer, not torn off
    site.server.wait(10)
    assert time.monotonic() - started < 4  # the server itself would have waited five seconds, and then torn it off
