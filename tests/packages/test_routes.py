"""Packages over HTTP: a vendor makes, lists and ends them; anybody looks; a buyer orders and pays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.packages.making import Season, make_season
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.tables import Vendor
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings


@dataclass
class House:
    client: TestClient
    season: Season
    other: Season
    foreign: Season
    """Of a vendor that sells in yen."""
    owner: str
    other_owner: str
    buyer: str

    def ask(self, method: str, path: str, body: Any = None, *, who: str | None = None, key: str = "k") -> Response:
        headers = {"Authorization": f"Bearer {who or self.owner}", "Idempotency-Key": key}
        answer: Response = self.client.request(method, path, json=body, headers=headers)
        return answer

    def body(self, **changes: Any) -> dict[str, Any]:
        return {"name": "Season 7", "price": "100.01", "currency": "EUR", "events": events_of(self.season)} | changes

    def make(self, **changes: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/api/packages", self.body(**changes))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


def events_of(season: Season) -> list[dict[str, str]]:
    return [{"event_id": str(sale.event.id), "ticket_type_id": str(sale.seated_type.id)} for sale in season.events]


@pytest.fixture(scope="module")
def house(settings: Settings, module_database: Database) -> Iterator[House]:
    season, other = make_season(module_database), make_season(module_database)
    foreign = make_season(module_database, prices=(500, 501), currency="JPY")
    with module_database.transaction() as session:
        people = [factories.make_buyer(session) for _ in range(3)]
        for user, of in zip(people, (season, other), strict=False):
            vendor = session.get_one(Vendor, of.vendor_id)
            accounts.add_member(session, vendor_id=vendor.id, user_id=user.id, role=MemberRole.OWNER)
        accounts.add_member(session, vendor_id=foreign.vendor_id, user_id=people[1].id, role=MemberRole.OWNER)
        now = database_now(session)
        tokens = [sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=now) for user in people]
    app = create_app(settings, module_database)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield House(client, season, other, foreign, *tokens)


def test_it_is_made_listed_shown_to_anybody_and_ended(house: House) -> None:
    made = house.make()
    fee = sum(event["share_minor"] for event in made["events"]) - 10_001
    assert (made["price_minor"], made["fee_minor"], made["total_minor"], made["state"]) == (10_001, fee, 10_001 + fee, "on_sale")
    assert made["singles_minor"] == 4_500 + 3_800 + 6_100 + fee
    assert [event["event_id"] for event in made["events"]] == [event["event_id"] for event in events_of(house.season)]
    assert all(event["on_sale"] for event in made["events"])
    assert house.ask("GET", "/api/packages").json()["packages"][0] == made
    anybody = house.client.get(f"/api/packages/{made['id']}", cookies={})
    assert (anybody.status_code, anybody.json()) == (200, made)
    ended = house.ask("PATCH", f"/api/packages/{made['id']}", {"ended": True}).json()
    assert ended == made | {"state": "ended", "ended_at": ended["ended_at"]}
    assert house.ask("PATCH", f"/api/packages/{made['id']}", {"ended": True}).json() == ended
    refused = house.ask("POST", f"/api/packages/{made['id']}/orders", {"quantity": 1}, who=house.buyer)
    problem(refused, 409, "package-not-on-sale")
    with house.season.database.transaction() as session:
        actions = session.execute(text("select action from audit_entry where subject_id = :id order by id"), {"id": made["id"]})
        assert actions.scalars().all() == ["package.created", "package.ended"]


def test_pages_follow_each_other(house: House) -> None:
    ids = [house.make(name=f"Season {number}")["id"] for number in range(4)]
    first = house.ask("GET", "/api/packages?limit=2").json()
    second = house.ask("GET", f"/api/packages?limit=2&cursor={first['next_cursor']}").json()
    assert [p["id"] for p in first["packages"] + second["packages"]] == ids[::-1]


def test_a_buyer_orders_it_and_a_repeat_says_so(house: House) -> None:
    made = house.make(percent=20, price=None)
    path, season = f"/api/packages/{made['id']}/orders", house.season
    missing = house.client.post(path, json={"quantity": 2}, headers={"Authorization": f"Bearer {house.buyer}"})
    problem(missing, 400, "idempotency-key-missing")
    order = house.ask("POST", path, {"quantity": 2}, who=house.buyer, key="order")
    assert (order.status_code, order.json()["channel"], order.json()["total_minor"]) == (201, "package", 2 * made["total_minor"])
    assert "idempotency-replayed" not in order.headers
    again = house.ask("POST", path, {"quantity": 2}, who=house.buyer, key="order")
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (order.json()["id"], "true")
    problem(house.ask("POST", path, {"quantity": 1}, who=house.buyer, key="order"), 422, "idempotency-key-reused")
    too_many = problem(house.ask("POST", path, {"quantity": 3}, who=house.buyer, key="more"), 409, "package-limit-reached")
    assert too_many["max_per_buyer"] == 4
    assert house.ask("DELETE", f"/api/orders/{order.json()['id']}", who=house.buyer, key="no").json()["state"] == "cancelled"
    counts = season.counts()
    assert {name: counts[name] for name in ("seats", "places", "allowances")} == dict.fromkeys(("seats", "places", "allowances"), 0)
    season.all_is_well()


@pytest.mark.parametrize("quantity", [0, -1, 21, 1.5, "many", None])
def test_for_how_many_people_is_a_count(house: House, quantity: Any) -> None:
    answer = house.ask("POST", f"/api/packages/{house.make()['id']}/orders", {"quantity": quantity}, who=house.buyer)
    assert (answer.status_code, [name for name in answer.json()["fields"] if "quantity" in name] != []) == (422, True)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "NUL\x00"}, "name"),
    ({"price": "0"}, "price"),
    ({"price": "-1"}, "price"),
    ({"price": "10.001"}, "price"),
    ({"price": "NaN"}, "price"),
    ({"price": "144.01"}, "price"),  # a cent more than the single tickets
    ({"price": None}, "price"),
    ({"percent": 10}, "price"),
    ({"price": None, "percent": 0}, "percent"),
    ({"price": None, "percent": 100}, "percent"),
    ({"currency": "XXY"}, "currency"),
    ({"currency": "USD"}, "events.0.event_id"),
    ({"events": []}, "events"),
    ({"max_per_buyer": 0}, "max_per_buyer"),
    ({"max_per_buyer": 21}, "max_per_buyer"),
    ({"sales_open_at": "2030-01-02T00:00:00Z", "sales_close_at": "2030-01-01T00:00:00Z"}, "sales_close_at"),
    ({"sales_close_at": "2001-01-01T00:00:00Z"}, "sales_close_at"),
    ({"sales_open_at": "2030-01-02T00:00:00"}, "sales_open_at"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED, ids=str)
def test_what_is_not_acceptable_is_named(house: House, change: dict[str, Any], field: str) -> None:
    answer = house.ask("POST", "/api/packages", house.body(**change))
    assert answer.status_code == 422, answer.text
    assert any(name.startswith(field) or name.endswith(field) for name in answer.json()["fields"]), answer.text


def test_events_that_do_not_go_together_are_named(house: House) -> None:
    mine, theirs, database = events_of(house.season), events_of(house.other), house.season.database

    def fields(*events: dict[str, str]) -> list[str]:
        answer = house.ask("POST", "/api/packages", house.body(events=list(events)))
        assert answer.status_code == 422, answer.text
        return list(answer.json()["fields"])

    assert fields(mine[0]) == ["events"]
    assert fields(mine[0], mine[1], mine[0]) == ["events.2.event_id"]
    assert fields(mine[0], theirs[0]) == ["events.1.event_id"]
    assert fields(mine[0], mine[1] | {"ticket_type_id": mine[0]["ticket_type_id"]}) == ["events.1.ticket_type_id"]
    assert fields(mine[0], mine[1] | {"ticket_type_id": theirs[0]["ticket_type_id"]}) == ["events.1.ticket_type_id"]
    with database.transaction() as session:
        vendor = session.get_one(Vendor, house.season.vendor_id)
        now = database_now(session)
        over = factories.make_event_on_sale(session, vendor=vendor, starts_at=now)
        draft = factories.make_event_on_sale(session, vendor=vendor, status="draft", published_at=None)
        yen = factories.make_event_on_sale(session, vendor=vendor, currency="JPY")
        closed = factories.make_event_on_sale(session, vendor=vendor)
        session.execute(text("update event set access_types = :t where id = :e"), {"t": [closed.seated_type.id], "e": closed.event.id})
    for sale in (over, draft, yen):
        assert fields(mine[0], *events_of(Season(database, (sale,)))) == ["events.1.event_id"]
    assert fields(mine[0], *events_of(Season(database, (closed,)))) == ["events.1.ticket_type_id"]


def test_another_vendors_package_is_not_there_and_one_that_is_not_public_is_the_vendor_s_alone(house: House) -> None:
    made = house.make()
    assert house.ask("PATCH", f"/api/packages/{made['id']}", {"ended": True}, who=house.other_owner).status_code == 404
    assert house.ask("GET", "/api/packages", who=house.other_owner).json()["packages"] == []
    theirs = house.body(vendor_id=str(house.season.vendor_id))
    assert house.ask("POST", "/api/packages", theirs, who=house.other_owner).status_code == 404
    with house.season.database.transaction() as session:
        session.execute(
            text("update event set visibility = 'public_from', public_at = now() + interval '1 day' where id = :e"),
            {"e": house.season.events[2].event.id},
        )
    assert house.ask("GET", f"/api/packages/{made['id']}", who=house.other_owner).status_code == 404
    assert house.ask("GET", f"/api/packages/{made['id']}", who=house.buyer).status_code == 404
    assert house.ask("GET", f"/api/packages/{made['id']}").json() == made


def test_a_price_in_yen_has_no_decimals(house: House) -> None:
    body = {"name": "Season", "currency": "JPY", "events": events_of(house.foreign), "vendor_id": str(house.foreign.vendor_id)}
    refused = house.ask("POST", "/api/packages", body | {"price": "900.5"}, who=house.other_owner)
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["price"])
    made = house.ask("POST", "/api/packages", body | {"price": "900"}, who=house.other_owner)
    assert (made.status_code, made.json()["price_minor"]) == (201, 900)
