"""A vendor's webhooks over HTTP: added, listed, rotated, replayed, removed; and nothing of another vendor's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.webhooks_out.conftest import Office
from tests.webhooks_out.receivers import Receiver, verified
from ticketing.accounts.rules import Audience, MemberRole, UserKind
from ticketing.accounts.sessions import open_session
from ticketing.accounts.tables import VendorMember
from ticketing.app import create_app
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.settings import Settings
from ticketing.webhooks_out.deliver import DeliveryRun
from ticketing.webhooks_out.service import MOST_ENDPOINTS


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, database), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@dataclass
class Vendor:
    """A vendor with an event, and headers of one of its members."""

    id: UUID
    event_id: UUID
    headers: dict[str, str]


def member(database: Database, *vendor_ids: UUID, role: MemberRole = MemberRole.MANAGER) -> dict[str, str]:
    """Headers of a new member of these vendors."""
    with database.transaction() as session:
        user = factories.make_buyer(session, kind=UserKind.REGISTERED)
        session.add_all(VendorMember(vendor_id=vendor_id, user_id=user.id, role=role) for vendor_id in vendor_ids)
        session.flush()
        token = open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session))
    return {"Authorization": f"Bearer {token}"}


def vendor(database: Database) -> Vendor:
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session, seats=0)
        ids = sale.vendor.id, sale.event.id
    return Vendor(*ids, member(database, ids[0]))


@pytest.fixture
def mine(database: Database) -> Vendor:
    return vendor(database)


@pytest.fixture
def theirs(database: Database) -> Vendor:
    return vendor(database)


def problem(answer: Response, status: int, kind: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["type"] == f"/problems/{kind}"


def add(client: TestClient, of: Vendor, url: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/webhooks", json={"url": url, "events": ["event.published"], **more}, headers=of.headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def happen(office: Office, of: Vendor) -> None:
    with office.database.transaction() as session:
        enqueue(session, topic="event.published", subject_id=of.event_id)
    office.plan()


def test_a_webhook_is_added_told_listed_rotated_replayed_and_removed(
    client: TestClient, office: Office, mine: Vendor, receiver: Receiver
) -> None:
    made = add(client, mine, receiver.url)
    (listed,) = client.get("/api/webhooks", headers=mine.headers).json()["webhooks"]
    assert made["secret"].startswith("whsec_")
    assert listed == made | {"secret": None}
    happen(office, mine)
    assert office.deliver() == DeliveryRun(delivered=1)
    path = f"/api/webhooks/{made['id']}"
    (delivery,) = client.get(f"{path}/deliveries", headers=mine.headers).json()["deliveries"]
    assert (delivery["state"], delivery["event"], delivery["subject_id"]) == ("delivered", "event.published", str(mine.event_id))
    assert [(attempt["status"], attempt["answer"]) for attempt in delivery["log"]] == [(200, "ok")]
    rotated = client.post(f"{path}/secret", headers=mine.headers).json()
    assert rotated["secret"] not in (None, made["secret"])
    replayed = client.post(f"{path}/deliveries/{delivery['id']}/replay", headers=mine.headers)
    assert (replayed.status_code, replayed.json()["state"]) == (202, "pending")
    assert office.deliver() == DeliveryRun(delivered=1)
    assert [call.id for call in receiver.calls] == [delivery["event_id"]] * 2
    assert verified(rotated["secret"], receiver.calls[1].headers, receiver.calls[1].body)
    assert client.delete(path, headers=mine.headers).status_code == 204
    assert client.get("/api/webhooks", headers=mine.headers).json() == {"webhooks": []}
    problem(client.delete(path, headers=mine.headers), 404, "webhook-not-found")
    actions = office.query("select action from audit_entry where action like 'webhook%' order by id")
    assert [action for (action,) in actions] == [
        "webhook_endpoint.added",
        "webhook_endpoint.secret_rotated",
        "webhook_delivery.replayed",
        "webhook_endpoint.removed",
    ]


def test_nothing_of_one_vendor_reaches_another(
    client: TestClient, office: Office, mine: Vendor, theirs: Vendor, receiver: Receiver
) -> None:
    made = add(client, mine, receiver.url)
    other = add(client, theirs, receiver.url)
    happen(office, mine)
    assert office.deliver() == DeliveryRun(delivered=1)
    (delivery,) = client.get(f"/api/webhooks/{made['id']}/deliveries", headers=mine.headers).json()["deliveries"]
    assert str(theirs.event_id) not in receiver.calls[0].body.decode()
    listed = client.get("/api/webhooks", headers=theirs.headers).json()["webhooks"]
    assert [webhook["id"] for webhook in listed] == [other["id"]]
    assert client.get(f"/api/webhooks/{other['id']}/deliveries", headers=theirs.headers).json()["deliveries"] == []
    calls = [
        ("DELETE", ""),
        ("POST", "/secret"),
        ("POST", "/enable"),
        ("GET", "/deliveries"),
        ("POST", f"/deliveries/{delivery['id']}/replay"),
    ]
    for method, rest in calls:
        foreign = client.request(method, f"/api/webhooks/{made['id']}{rest}", headers=theirs.headers)
        absent = client.request(method, f"/api/webhooks/{uuid4()}{rest}", headers=theirs.headers)
        problem(foreign, 404, "webhook-not-found")
        assert {**foreign.json(), "webhook_id": ""} == {**absent.json(), "webhook_id": ""}
    replay = f"/api/webhooks/{other['id']}/deliveries/{delivery['id']}/replay"
    problem(client.post(replay, headers=theirs.headers), 404, "delivery-not-found")
    body = {"url": receiver.url, "events": ["event.published"], "vendor_id": str(mine.id)}
    problem(client.post("/api/webhooks", json=body, headers=theirs.headers), 404, "vendor-not-found")


def test_the_database_shows_a_vendor_its_own_rows_only(
    database: Database, client: TestClient, office: Office, mine: Vendor, theirs: Vendor, receiver: Receiver
) -> None:
    for of in (mine, theirs):
        add(client, of, receiver.url)
        happen(office, of)
    office.deliver()
    for table in ("webhook_endpoint", "webhook_event", "webhook_delivery", "webhook_attempt"):
        with database.transaction(Role.VENDOR, vendor_ids=[mine.id]) as session:
            assert session.execute(text(f"select vendor_id from {table}")).scalars().all() == [mine.id]
        with database.transaction(Role.VENDOR) as session:
            assert session.execute(text(f"select count(*) from {table}")).scalar_one() == 0
    with database.transaction(Role.VENDOR, vendor_ids=[mine.id]) as session:
        changed = session.execute(text("update webhook_endpoint set url = 'http://x' where vendor_id = :other"), {"other": theirs.id})
        assert changed.rowcount == 0  # type: ignore[attr-defined]


def test_owners_and_managers_may_and_others_may_not(client: TestClient, database: Database, mine: Vendor) -> None:
    for role in MemberRole:
        answer = client.get("/api/webhooks", headers=member(database, mine.id, role=role))
        assert answer.status_code == (200 if role in (MemberRole.OWNER, MemberRole.MANAGER) else 403), role
    assert client.get("/api/webhooks").status_code == 401
    problem(client.get("/api/webhooks", headers=member(database)), 403, "role-missing")


def test_whoever_acts_for_several_vendors_names_one(
    client: TestClient, database: Database, mine: Vendor, theirs: Vendor, receiver: Receiver
) -> None:
    both = Vendor(mine.id, mine.event_id, member(database, mine.id, theirs.id))
    unclear = client.post("/api/webhooks", json={"url": receiver.url, "events": ["event.published"]}, headers=both.headers)
    problem(unclear, 422, "vendor-unclear")
    made = [add(client, both, receiver.url, vendor_id=str(of.id)) for of in (mine, theirs)]
    assert [webhook["vendor_id"] for webhook in made] == [str(mine.id), str(theirs.id)]
    assert len(client.get("/api/webhooks", headers=both.headers).json()["webhooks"]) == 2
    assert len(client.get("/api/webhooks", headers=theirs.headers).json()["webhooks"]) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://me@127.0.0.1/",
        "ftp://127.0.0.1/",
        "not an address",
        "http://127.0.0.1/\x00",
        "http://nobody.invalid/",
    ],
)
def test_an_address_that_we_do_not_call_is_refused(client: TestClient, mine: Vendor, url: str) -> None:
    problem(client.post("/api/webhooks", json={"url": url, "events": ["event.published"]}, headers=mine.headers), 422, "address-refused")


def test_loopback_is_refused_outside_tests(settings: Settings, database: Database, mine: Vendor) -> None:
    outside_tests = settings.model_copy(update={"environment": "demo"})
    with TestClient(create_app(outside_tests, database), base_url="http://localhost") as client:
        for url in ("http://127.0.0.1:8000/", "http://localhost:8000/", "http://[::1]/"):
            answer = client.post("/api/webhooks", json={"url": url, "events": ["event.published"]}, headers=mine.headers)
            problem(answer, 422, "address-refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://127.0.0.1/"},
        {"url": "http://127.0.0.1/", "events": []},
        {"url": "http://127.0.0.1/", "events": ["order.invented"]},
        {"url": "http://127.0.0.1/", "events": ["event.published"], "more": 1},
        {"url": "http://127.0.0.1/" + "a" * 2_000, "events": ["event.published"]},
        {"url": 7, "events": ["event.published"]},
        {"url": "http://127.0.0.1/", "events": ["event.published"], "vendor_id": "x"},
    ],
)
def test_a_body_that_is_not_acceptable_is_refused_by_field(client: TestClient, mine: Vendor, body: dict[str, Any]) -> None:
    problem(client.post("/api/webhooks", json=body, headers=mine.headers), 422, "invalid")


def test_a_vendor_has_so_many_webhooks_and_no_more(client: TestClient, mine: Vendor, receiver: Receiver) -> None:
    for _ in range(MOST_ENDPOINTS):
        add(client, mine, receiver.url)
    body = {"url": receiver.url, "events": ["event.published"]}
    problem(client.post("/api/webhooks", json=body, headers=mine.headers), 409, "too-many-webhooks")


def test_deliveries_come_in_pages(client: TestClient, office: Office, mine: Vendor, receiver: Receiver) -> None:
    made = add(client, mine, receiver.url)
    for _ in range(5):
        happen(office, mine)
    path, seen, cursor = f"/api/webhooks/{made['id']}/deliveries", [], None
    for _ in range(3):
        page = client.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}), headers=mine.headers).json()
        seen += [delivery["id"] for delivery in page["deliveries"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    assert client.get(path, params={"limit": 0}, headers=mine.headers).status_code == 422
    assert client.get(path, params={"cursor": "x"}, headers=mine.headers).status_code == 422


def test_a_disabled_webhook_replays_nothing_until_it_is_enabled(
    client: TestClient, office: Office, mine: Vendor, receiver: Receiver
) -> None:
    made = add(client, mine, receiver.url)
    happen(office, mine)
    receiver.status = 410
    office.deliver()
    path = f"/api/webhooks/{made['id']}"
    (delivery,) = client.get(f"{path}/deliveries", headers=mine.headers).json()["deliveries"]
    problem(client.post(f"{path}/deliveries/{delivery['id']}/replay", headers=mine.headers), 409, "webhook-disabled")
    assert client.get("/api/webhooks", headers=mine.headers).json()["webhooks"][0]["active"] is False
    assert client.post(f"{path}/enable", headers=mine.headers).json()["active"] is True
    receiver.status = 200
    assert client.post(f"{path}/deliveries/{delivery['id']}/replay", headers=mine.headers).status_code == 202
    assert office.deliver() == DeliveryRun(delivered=1)
