"""The waiting room over HTTP: enter, look, hold when it is your turn; and what those see who run it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from tests import factories
from tests.app.test_api import guest, keyed, problem
from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.sessions import open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.orders.eager import PATIENCE
from ticketing.waitingroom.watch import QueueWatch


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, database), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def manager(database: Database, on_sale: factories.OnSale) -> dict[str, str]:
    """Headers of a manager of the event's vendor."""
    return _member(database, on_sale)


def _member(database: Database, sale: factories.OnSale) -> dict[str, str]:
    with database.transaction() as session:
        user = factories.make_buyer(session)
        accounts.add_member(session, vendor_id=sale.vendor.id, user_id=user.id, role=MemberRole.MANAGER)
        token = open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session))
    return {"Authorization": f"Bearer {token}"}


def set_queue(client: TestClient, sale: factories.OnSale, who: dict[str, str], **changes: Any) -> Any:
    opens_at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    body = {"opens_at": opens_at, "most_shoppers": 1, **changes}
    return client.put(f"/api/events/{sale.event.id}/queue", json=body, headers=who)


def look(client: TestClient, token: str, state: str) -> dict[str, Any]:
    """The place, once the process has looked at the queues again."""
    for _ in range(100):
        place: dict[str, Any] = client.get(f"/api/queue/{token}").json()
        if place["state"] == state:
            return place
        time.sleep(0.05)
    raise AssertionError(place)


def test_buyers_wait_their_turn_when_an_event_has_a_queue(client: TestClient, on_sale: factories.OnSale, manager: dict[str, str]) -> None:
    assert set_queue(client, on_sale, manager).status_code == 200
    queue = f"/api/events/{on_sale.event.id}/queue"
    first, second = guest(client), guest(client)
    refused = client.post(f"/api/events/{on_sale.event.id}/holds", json={"seats": [1]}, headers=keyed(first))
    assert problem(refused, 409, "not-your-turn")["queue"] == queue
    tokens = [client.post(queue, json={}, headers=who).json()["token"] for who in (first, second)]
    assert client.post(queue, json={}, headers=first).json()["token"] == tokens[0]
    look(client, tokens[0], "your_turn")
    waiting = look(client, tokens[1], "waiting")
    assert (waiting["position"], waiting["ahead"]) == (2, 0)
    held = client.post(f"/api/events/{on_sale.event.id}/holds", json={"seats": [1]}, headers=keyed(first))
    assert held.status_code == 201
    again = client.post(f"/api/events/{on_sale.event.id}/holds", json={"seats": [2]}, headers=keyed(first))
    assert problem(again, 409, "one-hold-at-a-time")["hold_id"] == held.json()["id"]
    assert client.delete(f"/api/queue/{tokens[0]}").status_code == 204
    look(client, tokens[0], "over")
    look(client, tokens[1], "your_turn")


def test_draw_reaches_those_who_came_before_the_opening(
    client: TestClient, on_sale: factories.OnSale, manager: dict[str, str], database: Database
) -> None:
    opens_at = datetime.now(UTC) + timedelta(seconds=2)
    set_queue(client, on_sale, manager, opens_at=opens_at.isoformat(), most_shoppers=2)
    queue = f"/api/events/{on_sale.event.id}/queue"
    places = [client.post(queue, json={}, headers=guest(client)).json() for _ in range(3)]
    assert {place["state"] for place in places} == {"before_opening"}
    assert {place["position"] for place in places} == {None}
    for _ in range(100):
        found = [client.get(f"/api/queue/{place['token']}").json() for place in places]
        if sum(place["state"] == "your_turn" for place in found) == 2:
            break
        time.sleep(0.1)
    assert sorted(place["position"] for place in found) == [1, 2, 3]
    assert [place["position"] for place in found if place["state"] == "waiting"] == [3]


def test_forged_and_strange_tokens_are_not_found(client: TestClient, on_sale: factories.OnSale, manager: dict[str, str]) -> None:
    set_queue(client, on_sale, manager, most_shoppers=1)
    queue = f"/api/events/{on_sale.event.id}/queue"
    token = client.post(queue, json={}, headers=guest(client)).json()["token"]
    raw = bytearray(base64.urlsafe_b64decode(token + "="))
    raw[39] ^= 1  # the position
    forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    for strange in (forged, token[:-1], token + "A", "x", "%00", "ü" * 75):
        problem(client.get(f"/api/queue/{strange}"), 404, "no-such-place")
        problem(client.delete(f"/api/queue/{strange}"), 404, "no-such-place")


def test_a_turn_is_the_buyers_own_when_its_token_is_known_to_somebody_else(
    client: TestClient, on_sale: factories.OnSale, manager: dict[str, str]
) -> None:
    set_queue(client, on_sale, manager)
    queue = f"/api/events/{on_sale.event.id}/queue"
    look(client, client.post(queue, json={}, headers=guest(client)).json()["token"], "your_turn")
    refused = client.post(f"/api/events/{on_sale.event.id}/holds", json={"seats": [1]}, headers=keyed(guest(client)))
    problem(refused, 409, "not-your-turn")


def test_who_asks_out_of_turn_again_and_again_is_told_to_wait(
    client: TestClient, on_sale: factories.OnSale, manager: dict[str, str]
) -> None:
    set_queue(client, on_sale, manager)
    robot, holds = guest(client), f"/api/events/{on_sale.event.id}/holds"
    for _ in range(PATIENCE):
        problem(client.post(holds, json={"seats": [1]}, headers=keyed(robot)), 409, "not-your-turn")
    refused = client.post(holds, json={"best": {"quantity": 1}}, headers=keyed(robot))
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    problem(refused, 429, "too-many-requests")
    problem(client.post(f"/api/shows/{on_sale.event.id}/tickets", json={"seats": [1]}, headers=keyed(robot)), 429, "too-many-requests")
    problem(client.post(holds, json={"seats": [1]}, headers=keyed(guest(client))), 409, "not-your-turn")


def test_queue_is_run_by_its_vendor_alone(
    client: TestClient, on_sale: factories.OnSale, manager: dict[str, str], database: Database
) -> None:
    with database.transaction() as session:
        elsewhere = factories.make_event_on_sale(session)
    stranger = _member(database, elsewhere)
    assert set_queue(client, on_sale, manager).status_code == 200
    queue = f"/api/events/{on_sale.event.id}/queue"
    client.post(queue, json={}, headers=guest(client))
    paused = client.post(f"{queue}/pause", headers=manager).json()
    assert paused["paused_at"] is not None
    assert client.post(f"{queue}/pause", headers=manager).json()["paused_at"] == paused["paused_at"]
    assert client.post(f"{queue}/resume", headers=manager).json()["paused_at"] is None
    numbers = client.get(queue, headers=manager).json()
    assert numbers["waiting"] + numbers["admitted"] == 1
    for answer in (
        set_queue(client, on_sale, stranger),
        client.get(queue, headers=stranger),
        client.post(f"{queue}/pause", headers=stranger),
    ):
        problem(answer, 404, "queue-not-found")
    problem(set_queue(client, on_sale, manager, opens_at="2030-01-01T00:00:00Z"), 409, "queue-has-opened")
    problem(client.post(f"/api/events/{uuid4()}/queue", json={}, headers=guest(client)), 404, "no-queue")


@pytest.mark.parametrize(
    "change",
    [{"most_shoppers": 0}, {"opens_at": "2027-03-01T09:00:00"}, {"grace_seconds": 1}, {"per_minute": -1}, {"colour": "red"}],
    ids=str,
)
def test_settings_are_refused_by_field_when_they_make_no_sense(
    client: TestClient, on_sale: factories.OnSale, manager: dict[str, str], change: dict[str, Any]
) -> None:
    answer = set_queue(client, on_sale, manager, **change)
    assert set(problem(answer, 422, "invalid")["fields"]) == set(change)


def test_another_process_goes_on_when_the_leader_dies(
    client: TestClient, on_sale: factories.OnSale, manager: dict[str, str], database: Database
) -> None:
    first, second = QueueWatch(database), QueueWatch(database)
    set_queue(client, on_sale, manager, most_shoppers=50)
    client.app.state.places.watch.stop()  # type: ignore[attr-defined]
    first.start()
    wait_until(lambda: first.has_queue(on_sale.event.id))
    second.start()
    wait_until(lambda: second.has_queue(on_sale.event.id))
    first.stop()
    second.queue(uuid4())  # somebody asks for a queue it does not know: it looks at once, and finds nobody leading
    queue = f"/api/events/{on_sale.event.id}/queue"
    assert client.post(queue, json={}, headers=guest(client)).status_code == 201

    def admitted() -> int:
        watched = second.queue(on_sale.event.id)
        return watched.counter.admitted_upto if watched else 0

    wait_until(lambda: admitted() == 1)
    second.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(150):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about within 15 s")
