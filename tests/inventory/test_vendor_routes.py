"""A vendor makes, changes, publishes and withdraws events over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.security.examples import EVENT
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import run_all
from ticketing.orders.booking import Booking

PRICES: list[dict[str, Any]] = [{"category": "Stalls", "price": "45.00", "tax_rate_bps": 700}, {"category": "Floor", "price": "20"}]


@dataclass
class Office:
    """A vendor's manager, a stranger, and the hall."""

    client: TestClient
    database: Database
    sale: factories.OnSale
    manager: str
    stranger: str

    @property
    def booking(self) -> Booking:
        booking: Booking = self.client.app.state.booking  # type: ignore[attr-defined]
        return booking

    def ask(self, method: str, path: str, body: Any = None, *, who: str | None = None, match: str | None = None) -> Response:
        headers = {"Authorization": f"Bearer {who or self.manager}"} | ({"If-Match": match} if match else {})
        answer: Response = self.client.request(method, path, json=body, headers=headers)
        return answer

    def body(self, **changes: Any) -> dict[str, Any]:
        return EVENT | {"prices": PRICES, "layout_id": str(self.sale.event.layout_id)} | changes

    def make(self, **changes: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/api/events", self.body(sales_open_at="2024-01-01T00:00:00Z", **changes))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def make_published(self) -> dict[str, Any]:
        event = self.make()
        answer = self.ask("POST", f"/api/events/{event['id']}/publish")
        assert answer.status_code == 200, answer.text
        published: dict[str, Any] = answer.json()
        return published


@pytest.fixture
def office(settings: Settings, database: Database) -> Iterator[Office]:
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session)
        other = factories.make_vendor(session)
        people = [factories.make_buyer(session) for _ in range(2)]
        for user, vendor in zip(people, (sale.vendor, other), strict=True):
            accounts.add_member(session, vendor_id=vendor.id, user_id=user.id, role=MemberRole.MANAGER)
        now = database_now(session)
        manager, stranger = (sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=now) for user in people)
    with TestClient(create_app(settings, database), base_url="http://localhost", cookies={}) as client:
        yield Office(client, database, sale, manager, stranger)


def test_a_draft_is_made_changed_published_and_sold(office: Office) -> None:
    made = office.ask("POST", "/api/events", office.body(sales_open_at="2024-01-01T00:00:00Z"))
    assert made.status_code == 201
    event = made.json()
    assert (event["status"], event["version"], made.headers["etag"]) == ("draft", 1, '"1"')
    assert event["starts_at"] == "2030-03-20T19:00:00+00:00"
    assert event["prices"][0] == {"category": "Stalls", "price_minor": 4500, "tax_rate_bps": 700}
    assert event["payment_providers"] == ["fake"]
    path = f"/api/events/{event['id']}"
    changed = office.ask("PATCH", path, {"title": "Late concert", "prices": [PRICES[0] | {"price": "50.5"}, PRICES[1]]}, match='"1"')
    assert changed.json()["prices"][0]["price_minor"] == 5050
    assert office.ask("GET", made.headers["location"]).json() == changed.json()
    published = office.ask("POST", f"{path}/publish")
    assert (published.status_code, published.json()["status"], published.headers["etag"]) == (200, "published", '"3"')
    shown = office.client.get(path)
    assert (shown.json()["title"], shown.json()["on_sale"]) == ("Late concert", True)
    types = office.client.get(f"{path}/tickets").json()["ticket_types"]
    assert [(t["name"], t["price_minor"], t["available"]) for t in types] == [("Stalls", 5050, 50), ("Floor", 2000, 100)]
    with office.database.transaction() as session:
        buyer = factories.make_buyer(session).id
    hold = office.booking.wait(office.booking.hold(event_id=UUID(event["id"]), buyer_id=buyer, key="k", digest=b"", seats=[3]))
    assert hold.lines[0].price_minor == 5050
    problem(office.ask("POST", f"{path}/publish"), 409, "transition-not-allowed")


def test_nobody_else_sees_a_draft_and_its_members_do(office: Office) -> None:
    event = office.make(title="Not yet told")
    path = f"/api/events/{event['id']}"
    for suffix in ("", "/tickets", "/seats"):
        assert office.ask("GET", path + suffix).status_code == 200
        for answer in (office.client.get(path + suffix), office.ask("GET", path + suffix, who=office.stranger)):
            problem(answer, 404, "event-not-public")
    assert "Not yet told" not in office.client.get("/api/events", params={"search": "Not yet"}).text
    problem(office.ask("GET", f"/api/vendors/{event['vendor_id']}/events", who=office.stranger), 404, "vendor-not-found")


@pytest.mark.parametrize(("method", "body"), [("PUT", EVENT), ("PATCH", {"title": "Mine now"}), ("DELETE", None), ("POST", None)], ids=str)
def test_another_vendors_event_is_not_found(office: Office, method: str, body: Any) -> None:
    event = office.make()
    path = f"/api/events/{event['id']}" + ("/publish" if method == "POST" else "")
    problem(office.ask(method, path, body, who=office.stranger, match="*"), 404, "event-unknown")
    assert office.ask("GET", f"/api/vendors/{event['vendor_id']}/events/{event['id']}").json() == event


def test_a_change_needs_the_version_that_was_seen(office: Office) -> None:
    event = office.make()
    path = f"/api/events/{event['id']}"
    for method, body in (("PATCH", {"title": "X"}), ("PUT", EVENT), ("DELETE", None)):
        problem(office.ask(method, path, body), 428, "version-needed")
        problem(office.ask(method, path, body, match="yesterday's"), 400, "malformed")
        assert problem(office.ask(method, path, body, match='"7"'), 412, "event-version-changed")["version"] == 1
    tag = office.ask("GET", path).headers["etag"]
    assert office.ask("PATCH", path, {"title": "First"}, match=tag).status_code == 200
    problem(office.ask("PATCH", path, {"title": "Second"}, match=tag), 412, "event-version-changed")
    assert office.ask("GET", path).json()["title"] == "First"


def test_of_two_changes_of_one_version_at_once_one_wins(office: Office) -> None:
    event = office.make()
    statuses: list[int] = []

    def change(title: str) -> None:
        statuses.append(office.ask("PATCH", f"/api/events/{event['id']}", {"title": title}, match='"1"').status_code)

    threads = [threading.Thread(target=change, args=[f"Title {n}"]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 412, 412, 412, 412, 412]


def test_a_put_sets_everything_and_what_is_left_out_gets_its_default(office: Office) -> None:
    event = office.make(max_per_buyer=3, description="Long ago")
    body = EVENT | {"title": "New", "artists": [], "prices": PRICES}
    answer = office.ask("PUT", f"/api/events/{event['id']}", body, match='"1"')
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["max_per_buyer"], changed["description"], changed["artists"], changed["title"]) == (10, "", [], "New")


def refused(office: Office, changes: dict[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = problem(office.ask("POST", "/api/events", office.body(**changes)), 422, "invalid")["fields"]
    return fields


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sales_open_at": "2031-01-01T00:00:00Z"}, "sales_open_at"),
        ({"sales_open_at": "2029-01-01T00:00:00"}, "sales_open_at"),
        ({"sales_close_at": "2028-01-01T00:00:00Z"}, "sales_open_at"),
        ({"doors_at": "2030-03-21T00:00:00Z"}, "doors_at"),
        ({"local_start": "2030-03-31T02:30:00"}, "local_start"),
        ({"local_start": "2030-03-20T20:00:00Z"}, "local_start"),
        ({"visibility": "public_from"}, "public_at"),
        ({"prices": [PRICES[0] | {"price": "45.005"}, PRICES[1]]}, "prices.0.price"),
        ({"prices": [PRICES[0] | {"price": "1e3x"}, PRICES[1]]}, "prices.0.price"),
        ({"prices": [PRICES[0], PRICES[1] | {"price": "-1"}]}, "prices"),
        ({"prices": [PRICES[0] | {"price": "9" * 20}, PRICES[1]]}, "prices"),
        ({"prices": [PRICES[0], PRICES[0]]}, "prices"),
        ({"prices": PRICES[:1]}, "prices"),
        ({"prices": [*PRICES, {"category": "Moon", "price": "1"}]}, "prices"),
        ({"layout_id": str(uuid4())}, "layout_id"),
        ({"title": ""}, "title"),
        ({"title": "a\u0000b"}, "title"),
        ({"max_per_buyer": 0}, "max_per_buyer"),
        ({"hold_seconds": 900, "checkout_seconds": 60}, "hold_seconds"),
        ({"refund_policy": {"steps": [{"days_before": 1, "percent": 101}]}}, "refund_policy.steps.0.percent"),
        ({"colour": "red"}, "colour"),
        ({"zone": "Moon/Base"}, "zone"),
        ({"currency": "XQZ"}, "currency"),
    ],
    ids=str,
)
def test_what_can_not_be_is_refused_by_the_name_of_its_field(office: Office, changes: dict[str, Any], field: str) -> None:
    before = office.ask("GET", f"/api/vendors/{office.sale.vendor.id}/events").json()
    assert field in refused(office, changes)
    assert office.ask("GET", f"/api/vendors/{office.sale.vendor.id}/events").json() == before


def test_another_vendors_layout_is_not_there(office: Office) -> None:
    answer = office.ask("POST", "/api/events", office.body(), who=office.stranger)
    assert "layout_id" in problem(answer, 422, "invalid")["fields"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"local_start": "2030-03-21T20:00:00"}, "local_start"),
        ({"currency": "USD", "prices": PRICES}, "currency"),
        ({"refund_policy": {"steps": []}}, "refund_policy"),
        ({"prices": [PRICES[0] | {"price": "1"}, PRICES[1]]}, "prices"),
    ],
    ids=str,
)
def test_what_buyers_agreed_to_is_fixed_once_published(office: Office, changes: dict[str, Any], field: str) -> None:
    event = office.make_published()
    refusal = problem(office.ask("PATCH", f"/api/events/{event['id']}", changes, match="*"), 409, "event-fixed")
    assert field in refusal["fields"]
    same = office.ask("PATCH", f"/api/events/{event['id']}", {"title": "Still", "prices": PRICES}, match="*")
    assert same.status_code == 200, same.text


def test_a_withdrawn_event_is_gone_for_buyers_and_stays_withdrawn(office: Office) -> None:
    event = office.make_published()
    path = f"/api/events/{event['id']}"
    assert office.ask("DELETE", path, match=f'"{event["version"]}"').status_code == 204
    problem(office.client.get(path), 404, "event-not-public")
    assert office.ask("GET", path).json()["status"] == "withdrawn"
    problem(office.ask("DELETE", path, match="*"), 409, "transition-not-allowed")
    problem(office.ask("PATCH", path, {"title": "Back"}, match="*"), 409, "event-fixed")
    with office.database.transaction() as session:
        buyer = factories.make_buyer(session).id
    booked = office.booking.hold(event_id=UUID(event["id"]), buyer_id=buyer, key="k", digest=b"", seats=[3])
    with pytest.raises(Exception, match="no such event"):
        office.booking.wait(booked)


@pytest.mark.parametrize("what", ["seats", "places"])
def test_an_event_that_somebody_buys_is_not_withdrawn(office: Office, what: str) -> None:
    event = office.make_published()
    with office.database.transaction() as session:
        buyer = factories.make_buyer(session).id
        pool = session.execute(text("select id from pool where event_id = :e"), {"e": event["id"]}).scalar_one()
    wanted: dict[str, Any] = {"seats": [3]} if what == "seats" else {"places": [(pool, 2)]}
    office.booking.wait(office.booking.hold(event_id=UUID(event["id"]), buyer_id=buyer, key="k", digest=b"", **wanted))
    problem(office.ask("DELETE", f"/api/events/{event['id']}", match="*"), 409, "event-has-buyers")
    assert office.client.get(f"/api/events/{event['id']}/tickets").json()["ticket_types"][1]["available"] >= 98


def race(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_withdrawing_while_people_buy_ends_either_way_and_never_in_both(office: Office) -> None:
    ends = set()
    for seat in range(12):
        event = office.make_published()
        with office.database.transaction() as session:
            buyer = factories.make_buyer(session).id
        outcome: dict[str, bool] = {}

        def buy(event: Any = event, buyer: UUID = buyer, seat: int = seat, outcome: dict[str, bool] = outcome) -> None:
            work = office.booking.hold(event_id=UUID(event["id"]), buyer_id=buyer, key=uuid4().hex, digest=b"", seats=[seat, seat + 1])
            try:
                office.booking.wait(work)
                outcome["held"] = True
            except Exception:  # noqa: BLE001 - what it was is told by the state
                outcome["held"] = False

        def withdraw(event: Any = event, outcome: dict[str, bool] = outcome) -> None:
            outcome["withdrawn"] = office.ask("DELETE", f"/api/events/{event['id']}", match="*").status_code == 204

        race(buy, withdraw)
        assert outcome["held"] != outcome["withdrawn"]
        ends.add(outcome["held"])
    assert [result for result in run_all(office.database) if result.broken] == []


def test_availability_by_head_says_gone_when_sales_have_ended(office: Office) -> None:
    path = f"/api/events/{office.sale.event.id}/tickets"
    assert office.client.head(path).status_code == 200
    with office.database.transaction() as session:
        session.execute(
            text("update event set sales_close_at = app_now() - interval '1 minute' where id = :e"), {"e": office.sale.event.id}
        )
    answer = office.client.head(path)
    assert (answer.status_code, answer.headers["x-available"]) == (410, "0")


def test_an_unchanged_event_is_not_sent_again(office: Office) -> None:
    path = f"/api/events/{office.sale.event.id}"
    tag = office.client.get(path).headers["etag"]
    again = office.client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert office.ask("PATCH", path, {"title": "Changed"}, match=tag).status_code == 200
    assert office.client.get(path, headers={"If-None-Match": tag}).json()["title"] == "Changed"


def test_lists_show_each_change_at_once_in_every_process(office: Office, settings: Settings) -> None:
    """They are kept, so a second process with answers of its own must see it too."""
    with TestClient(create_app(settings, office.database), base_url="http://localhost") as other:
        event = office.make_published()
        for title in ("One concert", "Two concert", "Three concert"):
            for client in (office.client, other):
                client.get("/api/events", params={"search": "concert"})
            assert office.ask("PATCH", f"/api/events/{event['id']}", {"title": title}, match="*").status_code == 200
            for client in (office.client, other):
                assert title in client.get("/api/events", params={"search": "concert"}).text
        assert office.ask("DELETE", f"/api/events/{event['id']}", match="*").status_code == 204
        for client in (office.client, other):
            assert "Three concert" not in client.get("/api/events", params={"search": "concert"}).text
