"""Finding tickets again with nothing but the address they were bought with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests import factories
from tests.buying import buy
from tests.messages.conftest import Desk, desk, sink
from tests.sinks import Sink
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.orders.booking import Booking

__all__ = ["desk", "sink"]
ADDRESS = "finder@example.org"


@pytest.fixture
def browser(settings: Settings, database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, database), base_url="http://localhost", cookies={}, follow_redirects=False) as client:
        yield client


def link_in(sink: Sink, desk: Desk, address: str) -> str | None:
    """The path of the newest link that was mailed to an address."""
    desk.plan()
    desk.plan()
    desk.deliver(sink.mailer())
    mails = [mail for mail in sink.mails() if mail["To"] == address and mail["Subject"] == "Your orders"]
    if not mails:
        return None
    body = mails[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"/find/[A-Za-z0-9_-]+", body.get_content())
    assert found
    return found[0]


def test_guest_finds_the_orders_of_every_visit(
    browser: TestClient, booking: Booking, on_sale: factories.OnSale, desk: Desk, sink: Sink
) -> None:
    orders = [buy(booking, on_sale, desk.guest(ADDRESS), seats=(seat,)) for seat in (1, 2)]
    other = buy(booking, on_sale, desk.guest("somebody-else@example.org"), seats=(3,))
    assert browser.post("/find", data={"email": "Finder@Example.org "}).status_code == 200
    path = link_in(sink, desk, ADDRESS)
    assert path
    page = browser.get(path).text
    assert all(order.code in page for order in orders)
    assert other.code not in page
    for order in orders:
        opened = browser.post(path, data={"order_id": str(order.id)})
        assert opened.headers["location"] == f"/orders/{order.id}"
        shown = browser.get(f"/orders/{order.id}")
        assert shown.status_code == 200
        assert "/pdf" in shown.text
    assert browser.post(path, data={"order_id": str(other.id)}).headers["location"] == "/sign-in"


def test_an_address_that_bought_nothing_gets_the_same_page_and_no_mail(browser: TestClient, desk: Desk, sink: Sink) -> None:
    known = desk.guest("known@example.org")
    assert isinstance(known, UUID)
    pages = {browser.post("/find", data={"email": address}).text for address in ("known@example.org", "unknown@example.org")}
    assert len(pages) == 1
    answers = [browser.post("/api/order-lookups", json={"email": address}) for address in ("known@example.org", "unknown@example.org")]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert link_in(sink, desk, "unknown@example.org") is None
    assert link_in(sink, desk, "known@example.org")


def test_a_forged_or_old_link_shows_nothing(browser: TestClient, desk: Desk, sink: Sink) -> None:
    desk.guest(ADDRESS)
    browser.post("/find", data={"email": ADDRESS})
    path = link_in(sink, desk, ADDRESS)
    assert path
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert browser.get(forged).status_code == 410
    desk.run("update account_link set expires_at = app_now() - interval '1 second'")
    assert browser.get(path).status_code == 410


def test_an_accounts_orders_are_behind_its_password(
    browser: TestClient, booking: Booking, on_sale: factories.OnSale, desk: Desk, sink: Sink
) -> None:
    me = browser.post("/api/register", json={"email": ADDRESS, "password": "a long password", "display_name": "Ada"}).json()
    order = buy(booking, on_sale, UUID(me["user_id"]), seats=(5,))
    browser.cookies.clear()
    browser.post("/find", data={"email": ADDRESS})
    path = link_in(sink, desk, ADDRESS)
    assert path
    assert "Sign in to open" in browser.get(path).text
    assert browser.post(path, data={"order_id": str(order.id)}).headers["location"] == "/sign-in"
    assert "ticketing_session" not in browser.cookies
