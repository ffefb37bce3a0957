"""Somebody whose name, addresses and phone stand in every table that takes them, and the application they use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.buying import buy
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.links import LinkSigner
from ticketing.accounts.rules import Audience, LinkPurpose
from ticketing.accounts.sessions import open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.settings import Settings
from ticketing.messages.service import plan_messages
from ticketing.webhooks_out import service as webhooks
from ticketing.webhooks_out.plan import plan_deliveries
from ticketing.webhooks_out.rules import WebhookEventKind

PASSWORD = "correct horse battery"
NAME, EMAIL, PHONE = "Ottilie Vanderbeek", "ottilie.vanderbeek@example.org", "+49 30 5550199"
PLANTED = (NAME, EMAIL, PHONE, "ottilie", "vanderbeek")
PUSH_ENDPOINT = "https://127.0.0.1/push/ottilie"

PLANT = (
    "update message_attempt set detail = '250 kept for <ottilie.vanderbeek@example.org>'",
    "update webhook_attempt set answer = 'thank you, Ottilie Vanderbeek', detail = 'ottilie'",
    "update provider_event set body = convert_to('{\"payer\": \"Ottilie Vanderbeek\"}', 'UTF8')",
    "update ticket_order set referrer = 'mail to ottilie.vanderbeek@example.org' where buyer_id = any(:ids)",
    "update user_session set user_agent = 'Ottilie''s phone' where user_id = any(:ids)",
    "insert into identity (provider, subject, user_id, created_at) values ('github', 'ottilie', :user, now())",
    "insert into idempotency_key (actor_id, key, request_digest, kind, resource_id) values (:user, 'ottilie-1', '', 'cancel', :user)",
    "update payment set redirect_url = 'https://pay.example.org/?for=ottilie'",
)


@dataclass
class Scene:
    """The application with one person who has bought as a guest and with an account."""

    app: FastAPI
    database: Database
    sale: factories.OnSale
    user_id: UUID = field(default_factory=uuid4)
    guest_id: UUID = field(default_factory=uuid4)
    token: str = ""

    def client(self, token: str | None = None) -> TestClient:
        """Somebody signed in with this token; the person, unless one is given."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return TestClient(self.app, base_url="http://localhost", headers=headers)

    def query(self, select: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.transaction(Role.READER) as session:
            return [tuple(row) for row in session.execute(text(select), parameters).all()]

    def execute(self, *statements: str, **parameters: Any) -> None:
        with self.database.transaction() as session:
            for statement in statements:
                session.execute(text(statement), parameters)

    def operator(self) -> str:
        """The token of one."""
        with self.database.transaction() as session:
            user = factories.make_buyer(session, is_operator=True)
            return open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session))

    def sign_in_long_ago(self) -> None:
        self.execute("update user_session set created_at = now() - interval '1 hour'")

    def pass_events(self) -> None:
        """What the person has bought is over."""
        self.execute("update event set starts_at = now() - interval '1 day'")

    def erase(self, body: dict[str, Any] | None = None, *, token: str | None = None, user_id: UUID | None = None) -> Response:
        """Ask for it, as the person unless another token is given."""
        path = f"/api/users/{user_id or self.user_id}"
        answer: Response = self.client(token).request("DELETE", path, json={"password": PASSWORD} if body is None else body)
        return answer

    def found(self, words: tuple[str, ...]) -> list[tuple[str, str]]:
        """(table, word) wherever one of the words stands: every row of every table as text, bytes as hex."""
        tables = self.query("select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")
        hits = []
        for (table,) in tables:
            rows = self.query(f'select lower(t::text) from "{table}" t')
            content = "\n".join(row[0] for row in rows)
            hits += [(table, word) for word in words if word.lower() in content or word.encode().hex() in content]
        return hits


@pytest.fixture
def scene(settings: Settings, database: Database) -> Iterator[Scene]:
    """A guest's paid order, claimed by an account that has bought, too; an order that was not paid; all for an event to come."""
    app = create_app(settings, database)
    with TestClient(app):
        with database.transaction() as session:
            sale = factories.make_event_on_sale(session)
            actor = factories.make_buyer(session).id
        with database.transaction(Role.VENDOR, vendor_ids=[sale.vendor.id]) as session:
            webhooks.add_endpoint(
                session,
                vendor_id=sale.vendor.id,
                url="https://127.0.0.1/hook",
                events=list(WebhookEventKind),
                actor_id=actor,
                key=settings.secrets.derive("webhook-secret"),
                now=database_now(session),
            )
        yield _live(Scene(app, database, sale))


def _live(scene: Scene) -> Scene:
    """What somebody does in a shop."""
    stranger = TestClient(scene.app, base_url="http://localhost")
    guest = stranger.post("/api/guests", json={"email": EMAIL, "display_name": NAME, "phone": PHONE}).json()
    scene.guest_id = UUID(guest["user_id"])
    buy(scene.app.state.booking, scene.sale, scene.guest_id, seats=[0, 1])
    told = {"email": EMAIL, "password": PASSWORD, "display_name": NAME}
    account = TestClient(scene.app, base_url="http://localhost").post("/api/register", json=told).json()
    scene.user_id, scene.token = UUID(account["user_id"]), account["token"]
    client = scene.client()
    _verify(scene)
    buy(scene.app.state.booking, scene.sale, scene.user_id, places=1)
    assert client.put("/api/preferences", json={"kinds": {"your_turn": False}}).status_code == 200
    scene.execute("insert into push_subscription select uuidv7(), :user, 'push', 'x', :value, :key, now()", **_push(scene))
    with scene.database.transaction() as session:
        now = database_now(session)
        plan_messages(session, now=now)
        plan_deliveries(session, now=now)
    scene.execute(
        "insert into message_attempt (message_id, attempt, started_at) select id, 1, now() from message",
        "insert into webhook_attempt (delivery_id, attempt, vendor_id, started_at) select id, 1, vendor_id, now() from webhook_delivery",
        """insert into link_request select uuidv7(), blind_index, 'find_orders', now() from user_contact where user_id = :user limit 1""",
        user=scene.user_id,
    )
    everybody: dict[str, Any] = {"ids": [scene.user_id, scene.guest_id], "user": scene.user_id}
    for statement in PLANT:
        scene.execute(statement, **{name: value for name, value in everybody.items() if f":{name}" in statement})
    return scene


def _push(scene: Scene) -> dict[str, Any]:
    cipher: ContactCipher = scene.app.state.cipher
    value, key = cipher.encrypt(json.dumps({"endpoint": PUSH_ENDPOINT, "p256dh": "", "auth": ""}))
    return {"user": scene.user_id, "value": value, "key": key}


def _verify(scene: Scene) -> None:
    """Follow the link that proves the address: the guest's purchases are the account's."""
    links: LinkSigner = scene.app.state.links
    ((link_id,),) = scene.query("select id from account_link where user_id = :user", user=scene.user_id)
    token = links.token(link_id, LinkPurpose.VERIFY_EMAIL)
    assert scene.client().post("/api/email-verifications/confirm", json={"token": token}).status_code < 300
    assert scene.query("select claimed_by_id from user_account where id = :guest", guest=scene.guest_id) == [(scene.user_id,)]
