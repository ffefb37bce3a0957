"""The buyer's path over HTTP: answers, replays, and problems that say what is wrong. The real application, the real provider."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from tests import factories
from tests.providers import FakeProviderProcess
from ticketing.foundation.settings import Settings
from ticketing.payments.fake_provider.webhooks import sign


def guest(client: TestClient) -> dict[str, str]:
    """Headers of a new guest."""
    answer = client.post("/api/guests", json={"email": "ada@example.org", "display_name": "Ada"})
    client.cookies.clear()
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def keyed(who: dict[str, str], key: str | None = None) -> dict[str, str]:
    return {**who, "Idempotency-Key": key or uuid4().hex}


def problem(answer: Response, status: int, kind: str) -> dict[str, Any]:
    """The problem an answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"/problems/{kind}"
    assert body["detail"]
    return body


def hold(client: TestClient, sale: factories.OnSale, who: dict[str, str], seats: list[int]) -> dict[str, Any]:
    answer = client.post(f"/api/events/{sale.event.id}/holds", json={"seats": seats}, headers=keyed(who))
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_guest_browses_holds_orders_pays_and_has_tickets(
    client: TestClient, on_sale: factories.OnSale, provider: FakeProviderProcess, settings: Settings
) -> None:
    listed = client.get("/api/events", params={"search": "evening"}).json()["events"]
    assert [event["title"] for event in listed] == ["Evening concert"]
    who = guest(client)
    held = hold(client, on_sale, who, [1, 2])
    order = client.post("/api/orders", json={"hold_ids": [held["id"]]}, headers=keyed(who)).json()
    payment = client.post("/api/payments", json={"order_id": order["id"]}, headers=keyed(who)).json()
    assert payment["redirect_url"].startswith("http://localhost:")
    body = (
        f'{{"id":"evt_1","type":"payment.captured","created":1,"data":{{"session":"{payment["provider_ref"]}",'
        f'"reference":"{payment["id"]}","amount_minor":{order["total_minor"]},"currency":"EUR","account":"a"}}}}'
    ).encode()
    signature = sign(settings.secrets.fake_provider_webhook_secrets[0], int(time.time()), body)
    told = client.post("/api/payments/webhooks/fake", content=body, headers={"Fake-Signature": signature})
    assert told.json() == {"settlement": "confirmed"}
    again = client.post("/api/payments/webhooks/fake", content=body, headers={"Fake-Signature": signature})
    assert again.json() == {"settlement": "repeated"}
    assert client.get(f"/api/orders/{order['id']}", headers=who).json()["state"] == "confirmed"
    tickets = client.get("/api/tickets", headers=who).json()["tickets"]
    assert [ticket["code"] for ticket in tickets] == [f"{order['code']}-1", f"{order['code']}-2"]
    assert client.head(f"/api/tickets/{tickets[0]['id']}", headers=who).headers["X-Ticket-State"] == "valid"
    assert client.get(f"/api/tickets/{tickets[0]['id']}/qr", headers=who).text.startswith("<svg")
    cancelled = client.delete(f"/api/orders/{order['id']}", headers=keyed(who))
    assert cancelled.json()["state"] == "cancelled"
    assert client.head(f"/api/tickets/{tickets[0]['id']}", headers=who).status_code == 410


def test_a_repeated_key_gives_the_same_answer_and_says_so(client: TestClient, on_sale: factories.OnSale) -> None:
    who = guest(client)
    path, headers = f"/api/events/{on_sale.event.id}/holds", keyed(who, "k")
    first = client.post(path, json={"seats": [1]}, headers=headers)
    again = client.post(path, json={"seats": [1]}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    problem(client.post(path, json={"seats": [2]}, headers=headers), 422, "idempotency-key-reused")


def test_every_refusal_names_what_is_wrong(client: TestClient, on_sale: factories.OnSale) -> None:
    who, other = guest(client), guest(client)
    path = f"/api/events/{on_sale.event.id}/holds"
    problem(client.post(path, json={"seats": [1]}, headers={"Idempotency-Key": "k"}), 401, "unauthenticated")
    problem(client.post(path, json={"seats": [1]}, headers={"Authorization": "Bearer x", "Idempotency-Key": "k"}), 401, "unauthenticated")
    problem(client.post(path, json={"seats": [1]}, headers=who), 400, "idempotency-key-missing")
    problem(client.post(path, content=b"{", headers={**keyed(who), "Content-Type": "application/json"}), 400, "malformed")
    problem(client.post(path, content=b"seats=1", headers=keyed(who)), 400, "malformed")
    assert "seats.0" in problem(client.post(path, json={"seats": ["x"]}, headers=keyed(who)), 422, "invalid")["fields"]
    problem(client.post(path, json={"seats": [1, 1]}, headers=keyed(who)), 422, "invalid")
    problem(client.post(path, json={"seats": list(range(101))}, headers=keyed(who)), 422, "invalid")
    problem(client.post(path, json={"seats": [999]}, headers=keyed(who)), 404, "seat-not-found")
    problem(client.post(f"/api/events/{uuid4()}/holds", json={"seats": [1]}, headers=keyed(who)), 404, "event-not-found")
    problem(client.post("/api/events/nonsense/holds", json={"seats": [1]}, headers=keyed(who)), 404, "not-found")
    held = hold(client, on_sale, who, [1])
    assert problem(client.post(path, json={"seats": [1, 2]}, headers=keyed(other)), 409, "seats-taken")["seats"] == [1]
    problem(client.get(f"/api/holds/{held['id']}", headers=other), 404, "hold-not-found")
    problem(client.delete(f"/api/holds/{held['id']}", headers=other), 404, "hold-not-found")
    problem(client.post("/api/orders", json={"hold_ids": [held["id"]]}, headers=keyed(other)), 404, "hold-not-found")
    order = client.post("/api/orders", json={"hold_ids": [held["id"]]}, headers=keyed(who)).json()
    problem(client.get(f"/api/orders/{order['id']}", headers=other), 404, "order-not-found")
    problem(client.post("/api/orders", json={"hold_ids": [held["id"]]}, headers=keyed(who)), 409, "hold-ordered")
    problem(
        client.post("/api/payments", json={"order_id": order["id"], "provider": "none"}, headers=keyed(who)), 409, "provider-not-offered"
    )
    problem(client.post("/api/payments", json={"order_id": order["id"]}, headers=keyed(other)), 404, "order-not-found")
    problem(client.get("/api/nothing"), 404, "not-found")


def test_a_webhook_is_refused_when_its_signature_is_not_the_providers(client: TestClient, settings: Settings) -> None:
    secret = settings.secrets.fake_provider_webhook_secrets[0]
    now, body = int(time.time()), b'{"id":"evt","type":"payment.captured","data":{}}'
    for signature in ("", "t=1", f"t={now},v1=00", sign("another secret", now, body), sign(secret, now - 3600, body)):
        answer = client.post("/api/payments/webhooks/fake", content=body, headers={"Fake-Signature": signature})
        problem(answer, 403, "bad-signature")
    problem(client.post("/api/payments/webhooks/fake", content=body, headers={"Fake-Signature": sign(secret, now, body)}), 400, "malformed")
    problem(client.post("/api/payments/webhooks/unknown", content=body), 409, "provider-not-offered")


def test_availability_is_told_by_head(client: TestClient, on_sale: factories.OnSale) -> None:
    path = f"/api/events/{on_sale.event.id}/tickets"
    before = client.head(path)
    assert (before.status_code, before.headers["X-Available"]) == (200, "150")
    assert client.get(path, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    hold(client, on_sale, guest(client), [1, 2, 3])
    assert client.head(path).headers["X-Available"] == "147"


def test_every_answer_carries_security_headers_and_the_description_lists_the_hot_routes(client: TestClient) -> None:
    answer = client.get("/api/openapi.json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    document = answer.json()
    operation = document["paths"]["/api/events/{id}/holds"]["post"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {"id", "Idempotency-Key"}
    assert client.get("/api/docs").status_code == 200


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    client.post("/api/guests", json={"email": "ada@example.org", "display_name": "Ada"})  # keeps the cookie
    answer = client.post("/api/logout", headers={"Origin": "http://elsewhere.example"})
    problem(answer, 403, "other-site")
    assert client.get("/api/me").status_code == 200


def test_orders_are_read_page_by_page_newest_first(client: TestClient, on_sale: factories.OnSale) -> None:
    who = guest(client)
    made = []
    for seat in range(3):
        order = client.post("/api/orders", json={"hold_ids": [hold(client, on_sale, who, [seat])["id"]]}, headers=keyed(who))
        made.append(order.json()["id"])
    first = client.get("/api/orders", params={"limit": 2}, headers=who).json()
    assert [order["id"] for order in first["orders"]] == made[:0:-1]
    second = client.get("/api/orders", params={"limit": 2, "cursor": first["next_cursor"]}, headers=who).json()
    assert ([order["id"] for order in second["orders"]], second["next_cursor"]) == ([made[0]], None)
    problem(client.get("/api/orders", params={"cursor": "x"}, headers=who), 400, "malformed")
    for limit in ("0", "101", "x", "-1", "99999", "١"):
        problem(client.get("/api/orders", params={"limit": limit}, headers=who), 422, "invalid")


def test_best_available_seats_are_held_when_asked_for(client: TestClient, on_sale: factories.OnSale) -> None:
    who = guest(client)
    answer = client.post(f"/api/events/{on_sale.event.id}/holds", json={"best": {"quantity": 3}}, headers=keyed(who))
    assert answer.status_code == 201
    seats = sorted(line["seat_no"] for line in answer.json()["lines"])
    assert seats == list(range(seats[0], seats[0] + 3))
    both = client.post(f"/api/events/{on_sale.event.id}/holds", json={"best": {"quantity": 1}, "seats": [1]}, headers=keyed(who))
    problem(both, 422, "invalid")
    many = client.post(f"/api/events/{on_sale.event.id}/holds", json={"best": {"quantity": 90}}, headers=keyed(who))
    problem(many, 410, "no-adjacent-seats")


@pytest.mark.parametrize("odd", ["Ada\0", "\0", "Ada\x1b[31m", "\u202eadA"])
def test_names_that_cannot_be_shown_are_refused(client: TestClient, odd: str) -> None:
    problem(client.post("/api/guests", json={"email": "ada@example.org", "display_name": odd}), 422, "invalid")


def test_a_referrer_that_cannot_be_stored_is_refused(client: TestClient, on_sale: factories.OnSale) -> None:
    who = guest(client)
    held = hold(client, on_sale, who, [0])["id"]
    answer = client.post("/api/orders", json={"hold_ids": [held], "referrer": "a\0b"}, headers=keyed(who))
    problem(answer, 422, "invalid")
