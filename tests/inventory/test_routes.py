"""Browsing over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.catalog.hall import build_event, build_hall
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.ids import new_id
from ticketing.foundation.settings import Settings
from ticketing.inventory.publish import publish_event
from ticketing.inventory.seat_viewers import SeatMaps
from ticketing.orders.seat_changes import find_seats


@dataclass(frozen=True)
class Site:
    client: TestClient
    database: Database
    event_id: UUID
    draft_id: UUID


@pytest.fixture(scope="module")
def site(settings: Settings, module_database: Database) -> Iterator[Site]:
    now = datetime.now(UTC)
    with module_database.transaction() as session:
        hall = build_hall(session)
        starts: dict[str, Any] = {"local_start": (now + timedelta(days=30)).replace(tzinfo=None), "sales_open_at": now - timedelta(days=1)}
        event_id, draft_id = build_event(session, hall, **starts), build_event(session, hall, **starts)
        publish_event(session, event_id=event_id, now=now)
    app = create_app(settings, module_database)
    app.state.seat_maps = SeatMaps(module_database, find_seats, per_address=2, per_process=3)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield Site(client, module_database, event_id, draft_id)


def test_events_are_listed_with_prices_all_in_when_browsed(site: Site) -> None:
    answer = site.client.get("/api/events", params={"search": "evening"})
    assert answer.status_code == 200
    events = answer.json()["events"]
    assert [(event["id"], event["price_from_minor"], event["on_sale"]) for event in events] == [(str(site.event_id), 2_675, True)]
    assert site.client.get("/api/events", params={"city": "Nowhere"}).json() == {"events": [], "next_cursor": None}


def test_event_is_read_and_its_draft_sibling_is_not(site: Site) -> None:
    assert site.client.get(f"/api/events/{site.event_id}").json()["venue_name"] == "Small hall"
    answer = site.client.get(f"/api/events/{site.draft_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "/problems/event-not-public"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/events?cursor=bogus", 400),
        ("/api/events?limit=0", 422),
        ("/api/events?limit=many", 422),
        ("/api/events?search=" + "x" * 201, 422),
        ("/api/events/not-an-id", 422),
        (f"/api/events/{UUID(int=1)}", 404),
        (f"/api/events/{UUID(int=1)}/tickets", 404),
        (f"/api/events/{UUID(int=1)}/seats", 404),
    ],
)
def test_request_is_answered_with_a_problem_when_it_is_bad(site: Site, path: str, status: int) -> None:
    answer = site.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("search", ["a%00b", "%ff", "%25", "%5C", "'", "%ED%A0%80"])
@pytest.mark.parametrize("field", ["search", "city", "category"])
def test_filter_finds_nothing_or_is_refused_when_it_holds_odd_characters(site: Site, field: str, search: str) -> None:
    answer = site.client.get(f"/api/events?{field}={search}")
    assert answer.status_code in (200, 400, 422), answer.text
    assert answer.json().get("events", []) == []


def test_seats_of_a_section_are_read_when_it_is_named(site: Site) -> None:
    sections = site.client.get(f"/api/events/{site.event_id}/seats").json()["sections"]
    assert [(section["name"], section["available"]) for section in sections] == [("Stalls", 5), ("Floor", 40)]
    seats = site.client.get(f"/api/events/{site.event_id}/seats", params={"section": sections[0]["section_id"]}).json()["seats"]
    assert [seat["state"] for seat in seats] == ["free"] * 5
    assert site.client.get(f"/api/events/{site.event_id}/seats", params={"section": str(new_id())}).status_code == 404


def test_head_tells_what_is_left_and_410_when_it_is_sold_out(site: Site) -> None:
    path = f"/api/events/{site.event_id}/tickets"
    answer = site.client.head(path)
    assert (answer.status_code, answer.headers["x-available"]) == (200, "45")
    assert site.client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    with site.database.transaction() as session:
        session.execute(text("update event_seat set state = 'blocked', block_reason = 'house' where event_id = :e"), {"e": site.event_id})
        session.execute(text("update pool set sold = capacity where event_id = :e"), {"e": site.event_id})
    sold_out = site.client.head(path)
    assert (sold_out.status_code, sold_out.headers["x-available"]) == (410, "0")
    assert sold_out.headers["etag"] != answer.headers["etag"]
    assert [kind["available"] for kind in site.client.get(path).json()["ticket_types"]] == [0, 0, 0]
