"""The payment provider is down: what a buyer is answered, what stays, and that the same request goes on when it is back."""

from __future__ import annotations

from uuid import uuid4

from fastapi.testclient import TestClient

from tests.factories import OnSale
from tests.providers import start_fake_provider
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.payments.fake import FAILURES_BEFORE_REST


def test_starting_a_payment_says_when_to_come_back_and_the_hold_stays(settings: Settings, database: Database, on_sale: OnSale) -> None:
    port = free_port()
    app = create_app(settings.model_copy(update={"fake_provider_url": f"http://127.0.0.1:{port}"}), database)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        token = client.post("/api/guests", json={"email": "ada@example.org", "display_name": "Ada"}).json()["token"]
        client.cookies.clear()
        who = {"Authorization": f"Bearer {token}"}

        def keyed(key: str) -> dict[str, str]:
            return {**who, "Idempotency-Key": key}

        held = client.post(f"/api/events/{on_sale.event.id}/holds", json={"seats": [1]}, headers=keyed(uuid4().hex)).json()
        order = client.post("/api/orders", json={"hold_ids": [held["id"]]}, headers=keyed(uuid4().hex)).json()
        body = {"order_id": order["id"]}
        for _ in range(2):
            down = client.post("/api/payments", json=body, headers=keyed("one"))
            assert (down.status_code, down.headers["content-type"]) == (503, "application/problem+json")
            assert int(down.headers["Retry-After"]) > 0
        assert client.get(f"/api/holds/{held['id']}", headers=who).json()["state"] == "active"
        assert client.get(f"/api/orders/{order['id']}", headers=who).json()["state"] == "pending"
        assert client.get("/api/events").status_code == 200
        assert FAILURES_BEFORE_REST > 2 * 3  # the circuit is still closed: the next call is let through
        with start_fake_provider(settings, port=port):
            resumed = client.post("/api/payments", json=body, headers=keyed("one"))
            assert resumed.status_code in (200, 201), resumed.text
            assert resumed.json()["redirect_url"]
