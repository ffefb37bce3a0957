"""Guests' purchases become those of the account that proves their address; what happened is not rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import factories
from tests.accounts.conftest import NOW
from tests.buying import buy
from tests.messages.conftest import Desk, sink
from tests.sinks import Sink
from ticketing.accounts import service as accounts
from ticketing.accounts.claims import claim_purchases, persons_of
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.links import LinkSigner
from ticketing.accounts.rules import LinkPurpose
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import run_all
from ticketing.messages.render import Composer

__all__ = ["sink"]

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@dataclass
class Bought:
    guest: TestClient
    guest_id: UUID
    email: str
    order_id: UUID


@pytest.fixture
def bought(app: FastAPI, module_database: Database) -> Bought:
    """A guest with a paid order."""
    email = f"{uuid4().hex}@example.org"
    guest = TestClient(app, base_url="http://localhost")
    guest_id = UUID(guest.post("/api/guests", json={"email": email, "display_name": "Ada"}).json()["user_id"])
    with module_database.transaction() as session:
        sale = factories.make_event_on_sale(session)
    order = buy(app.state.booking, sale, guest_id, seats=[0, 1])
    return Bought(guest, guest_id, email, order.id)


def register(app: FastAPI, email: str) -> TestClient:
    client = TestClient(app, base_url="http://localhost")
    answer = client.post("/api/register", json={"email": email, "password": PASSWORD, "display_name": "Ada"})
    assert answer.status_code == 201
    return client


def verify(client: TestClient, database: Database, links: LinkSigner) -> None:
    """Follow the newest link of the person's first address."""
    user_id = client.get("/api/me").json()["user_id"]
    with database.transaction() as session:
        newest = text("select id from account_link where user_id = :user and used_at is null order by id desc limit 1")
        link_id = session.execute(newest, {"user": user_id}).scalar_one()
    token = links.token(link_id, LinkPurpose.VERIFY_EMAIL)
    assert client.post("/api/email-verifications/confirm", json={"token": token}).status_code == 204


def order_ids(client: TestClient) -> list[str]:
    return [order["id"] for order in client.get("/api/orders").json()["orders"]]


def test_orders_and_tickets_are_the_accounts_when_the_address_is_proved(app: FastAPI, bought: Bought, module_database: Database) -> None:
    ada = register(app, bought.email.upper())
    assert (order_ids(ada), ada.get("/api/tickets").json()["tickets"]) == ([], [])
    assert ada.get(f"/api/orders/{bought.order_id}").status_code == 404
    verify(ada, module_database, app.state.links)
    assert order_ids(ada) == [str(bought.order_id)]
    assert ada.get(f"/api/orders/{bought.order_id}").status_code == 200
    tickets = ada.get("/api/tickets").json()["tickets"]
    assert len(tickets) == 2
    assert ada.get(f"/api/tickets/{tickets[0]['id']}").status_code == 200
    with module_database.transaction() as session:
        kept = session.execute(text("select buyer_id from ticket_order where id = :order"), {"order": bought.order_id}).scalar_one()
        claimed = text("select actor_id from audit_entry where action = 'user.purchases_claimed' and subject_id = :guest")
        actor = session.execute(claimed, {"guest": bought.guest_id}).scalar_one()
    assert (kept, str(actor)) == (bought.guest_id, ada.get("/api/me").json()["user_id"])


def test_somebody_elses_purchases_stay_theirs(app: FastAPI, bought: Bought, module_database: Database) -> None:
    eve = register(app, f"{uuid4().hex}@example.org")
    verify(eve, module_database, app.state.links)
    assert order_ids(eve) == []
    assert eve.delete(f"/api/orders/{bought.order_id}", headers={"Idempotency-Key": uuid4().hex}).status_code == 404


def test_claimed_order_is_cancelled_by_the_account_and_every_invariant_holds(
    app: FastAPI, bought: Bought, module_database: Database
) -> None:
    ada = register(app, bought.email)
    verify(ada, module_database, app.state.links)
    key = {"Idempotency-Key": uuid4().hex}
    for replayed in (None, "true"):
        answer = ada.delete(f"/api/orders/{bought.order_id}", headers=key)
        assert (answer.status_code, answer.json()["state"], answer.headers.get("Idempotency-Replayed")) == (200, "cancelled", replayed)
    with module_database.transaction() as session:
        who = text("select actor_id from audit_entry where action = 'order.cancelled' and subject_id = :order")
        actor = session.execute(who, {"order": bought.order_id}).scalar_one()
    assert str(actor) == ada.get("/api/me").json()["user_id"]
    assert [result for result in run_all(module_database) if result.broken] == []


def test_what_is_bought_as_guest_later_is_claimed_with_the_next_link(app: FastAPI, bought: Bought, module_database: Database) -> None:
    ada = register(app, bought.email)
    verify(ada, module_database, app.state.links)
    guest = TestClient(app, base_url="http://localhost")
    guest_id = UUID(guest.post("/api/guests", json={"email": bought.email, "display_name": "Ada"}).json()["user_id"])
    with module_database.transaction() as session:
        sale = factories.make_event_on_sale(session)
    later = buy(app.state.booking, sale, guest_id, places=1)
    assert order_ids(ada) == [str(bought.order_id)]
    ada.post("/api/email-verifications", json={"email": bought.email})
    Desk(module_database, Composer.from_settings(app.state.settings)).plan()
    verify(ada, module_database, app.state.links)
    assert set(order_ids(ada)) == {str(bought.order_id), str(later.id)}


def account(session: Session, cipher: ContactCipher, email: str) -> UUID:
    """A registered account that has proved its address."""
    user_id = accounts.register(session, email=email, password_hash="x", display_name="Ada", cipher=cipher, now=NOW)
    session.execute(text("update user_contact set verified_at = :now where user_id = :user"), {"now": NOW, "user": user_id})
    return user_id


def guest(session: Session, cipher: ContactCipher, email: str) -> UUID:
    return accounts.create_guest(session, email=email, display_name="Ada", cipher=cipher, now=NOW)


def test_only_enabled_guests_with_a_proven_address_are_claimed_and_once(session: Session, cipher: ContactCipher) -> None:
    mine, other, disabled = (guest(session, cipher, email) for email in ("Ada@example.org", "eve@example.org", "ada@example.org"))
    session.execute(text("update user_account set disabled_at = :now where id = :guest"), {"now": NOW, "guest": disabled})
    unproved = accounts.register(session, email="eve@example.org", password_hash="x", display_name="Eve", cipher=cipher, now=NOW)
    assert claim_purchases(session, user_id=unproved) == []
    ada = account(session, cipher, "ada@example.org")
    assert claim_purchases(session, user_id=ada) == [mine]
    assert claim_purchases(session, user_id=ada) == []
    assert claim_purchases(session, user_id=other) == []  # a guest claims nothing
    assert persons_of(session, user_id=ada) == {ada, mine}


def test_an_address_that_changed_hands_claims_only_what_was_bought_since(session: Session, cipher: ContactCipher) -> None:
    before = guest(session, cipher, "ada@example.org")
    first = account(session, cipher, "ada@example.org")
    assert claim_purchases(session, user_id=first) == [before]
    session.execute(text("update user_contact set in_use = false, is_login = false where user_id = :user"), {"user": first})
    second, since = account(session, cipher, "ada@example.org"), guest(session, cipher, "ada@example.org")
    assert claim_purchases(session, user_id=first) == []  # it is not their address any more
    assert claim_purchases(session, user_id=second) == [since]


def test_mails_about_a_claimed_order_go_to_the_accounts_address(
    app: FastAPI, bought: Bought, module_database: Database, sink: Sink
) -> None:
    ada = register(app, bought.email)
    verify(ada, module_database, app.state.links)
    desk = Desk(module_database, Composer.from_settings(app.state.settings))
    with module_database.transaction() as session:
        cipher, new = desk.composer.cipher, f"{uuid4().hex}@example.com"
        encrypted, key_id = cipher.encrypt(new)
        changed = "update user_contact set value_encrypted = :value, key_id = :key where user_id = :user and kind = 'email'"
        session.execute(text(changed), {"value": encrypted, "key": key_id, "user": ada.get("/api/me").json()["user_id"]})
        assert database_now(session)
    ada.delete(f"/api/orders/{bought.order_id}", headers={"Idempotency-Key": uuid4().hex})
    desk.plan()
    desk.deliver(sink.mailer())
    assert any(mail["To"] == new and mail["Subject"].startswith("Cancelled") for mail in sink.mails())
