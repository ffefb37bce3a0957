"""The waiting room's pages, without a script."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from tests import factories
from tests.storefront.conftest import NewBrowser, NewEvent
from tests.storefront.reading import field
from ticketing.foundation.db import Database
from ticketing.waitingroom.service import QueueSettings, set_queue


def open_queue(database: Database, sale: factories.OnSale, *, opens_in: int = -60) -> None:
    settings = QueueSettings(datetime.now(UTC) + timedelta(seconds=opens_in), 1, 300, 600, None)
    with database.transaction() as session:
        set_queue(session, vendor_ids=[sale.vendor.id], event_id=sale.event.id, settings=settings, actor_id=sale.vendor.id)


def enter(browser: TestClient, sale: factories.OnSale) -> str:
    """The address of the place."""
    door = browser.get(f"/events/{sale.event.id}/queue")
    answer = browser.post(f"/events/{sale.event.id}/queue", data={"key": field(door, "key")})
    assert answer.status_code == 303
    location: str = answer.headers["location"]
    return location


def shown(browser: TestClient, address: str, title: str) -> str:
    """The page, once it says so."""
    for _ in range(100):
        text: str = browser.get(address).text
        if f"<h1>{title}</h1>" in text:
            return text
        time.sleep(0.1)
    raise AssertionError(text)


def test_visitors_are_sent_to_the_waiting_room_and_hold_at_their_turn(
    new_browser: NewBrowser, new_event: NewEvent, module_database: Database
) -> None:
    sale = new_event()
    open_queue(module_database, sale)
    first, second = new_browser(), new_browser()
    event = first.get(f"/events/{sale.event.id}")
    refused = first.post(f"/events/{sale.event.id}/hold", data={"key": "k" * 30, "seat": "3"})
    assert refused.headers["location"] == f"/events/{sale.event.id}/queue"
    assert event.status_code == 200
    mine, theirs = enter(first, sale), enter(second, sale)
    assert "Choose your places until" in shown(first, mine, "It is your turn")
    waiting = shown(second, theirs, "You are in the queue")
    assert re.search(r'place-number">2<', waiting)
    assert 'http-equiv="refresh"' in waiting
    held = first.post(f"/events/{sale.event.id}/hold", data={"key": "m" * 30, "seat": "3"})
    assert held.headers["location"].startswith("/checkout/")
    assert "Enter the waiting room" in first.get(f"/events/{sale.event.id}").text
    assert first.post(f"{mine}/leave").headers["location"] == f"/events/{sale.event.id}"
    shown(first, mine, "This place is over")


def test_the_draw_is_announced_before_the_opening(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    open_queue(module_database, sale, opens_in=3_600)
    assert "Places are drawn at" in shown(browser, enter(browser, sale), "You are in the waiting room")


def test_a_strange_place_is_a_page_of_its_own(browser: TestClient) -> None:
    answer = browser.get("/queue/abc")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
