"""Links in mails: they arrive, work once and for their time, for nothing but their purpose, and tell nobody whether an address is known."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.accounts.links import LinkSigner
from ticketing.accounts.rules import ContactKind, LinkPurpose
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.messages.render import Composer
from ticketing.messages.service import DeliveryRun

PASSWORD, OTHER = "correct horse battery", "a different password"


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost")


@pytest.fixture
def desk(app: FastAPI, module_database: Database, settings: Settings) -> Desk:
    return Desk(module_database, Composer.from_settings(settings))


@pytest.fixture
def email(client: TestClient) -> str:
    """Of somebody who has just registered, with a mail under way."""
    address = f"{uuid4().hex}@example.org"
    answer = client.post("/api/register", json={"email": address, "password": PASSWORD, "display_name": "Ada"})
    assert answer.status_code == 201
    client.cookies.clear()
    return address


def tokens(desk: Desk, sink: Sink, email: str, path: str) -> list[str]:
    """Of the links to `path` in this person's mails, after what is due was sent."""
    desk.plan()
    desk.deliver(sink.mailer())
    found = []
    for mail in sink.mails():
        if mail["To"] == email:
            plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
            assert plain is not None
            assert html is not None
            for token in re.findall(rf"http://localhost:8000{path}/([A-Za-z0-9_-]+)", plain.get_content()):
                assert token in html.get_content()
                found.append(token)
    return found


def sign_in(client: TestClient, email: str, password: str) -> int:
    answer = client.post("/api/login", json={"email": email, "password": password})
    client.cookies.clear()
    return int(answer.status_code)


def verified(desk: Desk, email: str) -> bool:
    index = desk.composer.cipher.blind_index(ContactKind.EMAIL, email)
    with desk.database.transaction() as session:
        found = text("select verified_at is not null from user_contact where blind_index = :index")
        return bool(session.execute(found, {"index": index}).scalar_one())


def test_the_link_of_a_registration_confirms_the_address_once(client: TestClient, desk: Desk, sink: Sink, email: str) -> None:
    (token,) = tokens(desk, sink, email, "/verify")
    assert not verified(desk, email)
    assert client.get(f"/verify/{token}").status_code == 200  # looking does not use it up
    assert not verified(desk, email)
    assert "confirmed" in client.post(f"/verify/{token}").text
    assert verified(desk, email)
    again = client.post("/api/email-verifications/confirm", json={"token": token})
    assert (again.status_code, again.json()["type"]) == (410, "/problems/link-not-valid")


def test_a_new_password_counts_and_ends_every_session(client: TestClient, desk: Desk, sink: Sink, email: str) -> None:
    session = client.post("/api/login", json={"email": email, "password": PASSWORD}).json()["token"]
    client.cookies.clear()
    assert client.post("/api/password-resets", json={"email": email.upper()}).status_code == 202
    (token,) = tokens(desk, sink, email, "/reset")
    assert client.post("/api/password-resets/confirm", json={"token": token, "password": "short"}).status_code == 422
    assert client.post("/api/password-resets/confirm", json={"token": token, "password": OTHER}).status_code == 204
    assert client.get("/api/me", headers={"Authorization": f"Bearer {session}"}).status_code == 401
    assert [sign_in(client, email, password) for password in (PASSWORD, OTHER)] == [401, 200]
    assert client.post("/api/password-resets/confirm", json={"token": token, "password": PASSWORD}).status_code == 410


def test_one_used_link_ends_the_others_of_its_purpose(client: TestClient, desk: Desk, sink: Sink, email: str) -> None:
    for _ in range(2):
        client.post("/forgot", data={"email": email})
    first, second = tokens(desk, sink, email, "/reset")
    assert "is set" in client.post(f"/reset/{second}", data={"password": OTHER}).text
    assert client.post(f"/reset/{first}", data={"password": PASSWORD}).status_code == 410


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: TestClient, desk: Desk, sink: Sink, email: str) -> None:
    known = client.post("/api/password-resets", json={"email": email})
    unknown = client.post("/api/password-resets", json={"email": "nobody@example.org"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    tokens(desk, sink, email, "/reset")
    assert not [mail for mail in sink.mails() if mail["To"] == "nobody@example.org"]


def forged(token: str) -> list[str]:
    raw = base64.urlsafe_b64decode(token + "=")
    other_link = base64.urlsafe_b64encode(uuid4().bytes + raw[16:]).decode().rstrip("=")
    other_digest = base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode().rstrip("=")
    return [other_link, other_digest, token[:-4], "x", "é", "%00", "A" * 100]


def test_links_that_are_not_ours_are_refused(client: TestClient, desk: Desk, sink: Sink, email: str) -> None:
    (token,) = tokens(desk, sink, email, "/verify")
    for bad in forged(token):
        answer = client.post("/api/email-verifications/confirm", json={"token": bad})
        assert (answer.status_code, answer.json()["type"]) == (410, "/problems/link-not-valid"), bad
    wrong_purpose = client.post("/api/password-resets/confirm", json={"token": token, "password": OTHER})
    assert wrong_purpose.status_code == 410
    assert client.post("/api/email-verifications/confirm", json={"token": token}).status_code == 204


def test_a_link_is_refused_when_its_time_is_over_or_its_account_is_disabled(
    client: TestClient, desk: Desk, sink: Sink, email: str, module_database: Database
) -> None:
    (token,) = tokens(desk, sink, email, "/verify")
    desk.run("update account_link set expires_at = now() - interval '1 second'")
    assert client.post("/api/email-verifications/confirm", json={"token": token}).status_code == 410
    client.post("/api/password-resets", json={"email": email})
    (reset,) = tokens(desk, sink, email, "/reset")
    desk.run("update user_account set disabled_at = now()")
    assert client.post("/api/password-resets/confirm", json={"token": reset, "password": OTHER}).status_code == 410
    before = len(sink.mails())
    client.post("/api/password-resets", json={"email": email})
    desk.plan()
    assert desk.deliver(sink.mailer()) == DeliveryRun()
    assert len(sink.mails()) == before
    desk.run("update user_account set disabled_at = null")


def test_a_mail_whose_link_is_too_old_is_not_sent(client: TestClient, desk: Desk, sink: Sink, email: str) -> None:
    desk.plan()
    desk.run("update account_link set expires_at = now() - interval '1 second'")
    assert desk.deliver(sink.mailer()) == DeliveryRun(suppressed=1)


def test_a_token_is_bound_to_its_purpose_and_key(settings: Settings) -> None:
    ours, link = LinkSigner.from_secrets(settings.secrets), uuid4()
    token = ours.token(link, LinkPurpose.RESET_PASSWORD)
    assert ours.read(token, LinkPurpose.RESET_PASSWORD) == link
    assert token != LinkSigner(b"another key").token(link, LinkPurpose.RESET_PASSWORD)
    assert len(token) == 43


def test_asking_is_slowed_down(client: TestClient) -> None:
    address: dict[str, Any] = {"email": f"{uuid4().hex}@example.org"}
    statuses = [client.post("/api/password-resets", json=address).status_code for _ in range(11)]
    assert statuses == [202] * 10 + [429]


def test_what_was_done_stands_in_the_audit(client: TestClient, desk: Desk, sink: Sink, email: str, module_database: Database) -> None:
    (token,) = tokens(desk, sink, email, "/verify")
    client.post("/api/email-verifications/confirm", json={"token": token})
    with module_database.transaction() as session:
        user: UUID = session.execute(text("select user_id from user_contact order by id desc limit 1")).scalar_one()
        actions = (
            session.execute(text("select action from audit_entry where subject_id = :user order by id"), {"user": user}).scalars().all()
        )
    assert actions == ["user.registered", "user.verify_email_asked", "session.opened", "user.email_verified"]
