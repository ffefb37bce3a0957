"""A disabled account opens nothing: each session it had, each way to a new one, each link that was mailed to it before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.security.asking import client_of
from ticketing.accounts.http import COOKIES
from ticketing.accounts.links import make_link, people_of_link
from ticketing.accounts.rules import Audience, LinkPurpose
from ticketing.accounts.sessions import find_session, open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@dataclass
class Ada:
    """With a session of each audience, and a link of each purpose under way."""

    id: UUID
    email: str
    tokens: dict[Audience, str]
    links: dict[LinkPurpose, str]


@pytest.fixture
def ada(app: FastAPI, module_database: Database) -> Ada:
    email = f"{uuid4().hex}@example.org"
    vendor = {"slug": f"v-{uuid4().hex[:8]}", "name": "Opera", "zone": "Europe/Berlin"}
    body = {"email": email, "password": PASSWORD, "display_name": "Ada", "vendor": vendor}
    answer = client_of(app).post("/api/register", json=body)
    assert answer.status_code == 201, answer.text
    user_id = UUID(answer.json()["user_id"])
    with module_database.transaction() as session:
        now = database_now(session)
        tokens = {audience: open_session(session, user_id=user_id, audience=audience, now=now) for audience in Audience}
        contact = session.execute(text("select id from user_contact where user_id = :user"), {"user": user_id}).scalar_one()
        for purpose in LinkPurpose:
            make_link(session, user_id=user_id, contact_id=contact, purpose=purpose, now=now)
        made = session.execute(text("select id, purpose from account_link where user_id = :user order by id"), {"user": user_id}).tuples()
        links = {LinkPurpose(purpose): app.state.links.token(link, LinkPurpose(purpose)) for link, purpose in made}
    return Ada(user_id, email, tokens, links)


def ok(status: int) -> bool:
    return status not in (401, 403, 410)


def by_cookie(ada: Ada) -> dict[str, str]:
    return {"Cookie": f"{COOKIES[Audience.SHOP]}={ada.tokens[Audience.SHOP]}"}


def as_bearer(ada: Ada) -> dict[str, str]:
    return {"Authorization": f"Bearer {ada.tokens[Audience.SHOP]}", "Idempotency-Key": uuid4().hex}


def sign_in(app: FastAPI, ada: Ada, **form: str) -> bool:
    """On the page."""
    return bool(client_of(app).post("/sign-in", data={"email": ada.email, "password": PASSWORD} | form).status_code == 303)


def confirm(app: FastAPI, ada: Ada, path: str, purpose: LinkPurpose, **more: str) -> bool:
    return ok(client_of(app).post(f"/api/{path}/confirm", json={"token": ada.links[purpose]} | more).status_code)


def at_desk(app: FastAPI, ada: Ada) -> bool:
    with app.state.database.transaction() as session:
        token, now = ada.tokens[Audience.DESK], database_now(session)
        return find_session(session, token=token, audience=Audience.DESK, now=now) is not None


def is_found(app: FastAPI, ada: Ada) -> bool:
    """Whether the link to one's orders shows those of the account."""
    with app.state.database.transaction() as session:
        link_id = app.state.links.read(ada.links[LinkPurpose.FIND_ORDERS], LinkPurpose.FIND_ORDERS)
        return ada.id in people_of_link(session, link_id=link_id, now=database_now(session))


WAYS: dict[str, Callable[[FastAPI, Ada], bool]] = {
    "session by cookie": lambda app, ada: ok(client_of(app).get("/api/me", headers=by_cookie(ada)).status_code),
    "page by cookie": lambda app, ada: client_of(app).get("/account", headers=by_cookie(ada)).status_code == 200,
    "session as bearer": lambda app, ada: ok(client_of(app).get("/api/me", headers=as_bearer(ada)).status_code),
    "holding": lambda app, ada: ok(
        client_of(app).post(f"/api/events/{uuid4()}/holds", json={"seats": [1]}, headers=as_bearer(ada)).status_code
    ),
    "session of the dashboards": at_desk,
    "password": lambda app, ada: ok(client_of(app).post("/api/login", json={"email": ada.email, "password": PASSWORD}).status_code),
    "password on the page": sign_in,
    "password for the dashboards": lambda app, ada: sign_in(app, ada, desk="yes"),
    "link to orders": is_found,
    "link that proves": lambda app, ada: confirm(app, ada, "email-verifications", LinkPurpose.VERIFY_EMAIL),
    "link to a new address": lambda app, ada: confirm(app, ada, "email-changes", LinkPurpose.CHANGE_EMAIL),
    "link to a new password": lambda app, ada: confirm(
        app, ada, "password-resets", LinkPurpose.RESET_PASSWORD, password="another password"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_way_leads_in_while_the_account_stands(app: FastAPI, ada: Ada, way: str) -> None:
    """The control of the test below."""
    assert WAYS[way](app, ada)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_in_when_the_account_is_disabled(app: FastAPI, ada: Ada, module_database: Database, way: str) -> None:
    """Its sessions and links are left as they were, to see that each way looks at the account itself."""
    with module_database.transaction() as session:
        session.execute(text("update user_account set disabled_at = app_now() where id = :id"), {"id": ada.id})
    assert not WAYS[way](app, ada)
