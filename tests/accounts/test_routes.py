"""Accounts over HTTP: what programs use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.factories import unique
from ticketing.accounts.http import ATTEMPTS_PER_ACCOUNT_AND_HOUR
from ticketing.accounts.rules import ContactKind
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def running(settings: Settings, module_database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, module_database), base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture
def client(running: TestClient) -> TestClient:
    running.cookies.clear()
    return running


def registration() -> dict[str, str]:
    return {"email": f"{unique('ada')}@example.org", "password": PASSWORD, "display_name": "Ada"}


def test_token_of_registering_opens_who_am_i_when_sent_as_bearer(client: TestClient) -> None:
    made = client.post("/api/register", json=registration())
    assert made.status_code == 201
    client.cookies.clear()
    me = client.get("/api/me", headers={"Authorization": f"Bearer {made.json()['token']}"}).json()
    assert (me["user_id"], me["display_name"], me["kind"], me["memberships"]) == (made.json()["user_id"], "Ada", "registered", [])


def test_who_am_i_is_refused_when_nobody_is_signed_in(client: TestClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "ticketing_session=nonsense"}):
        answer = client.get("/api/me", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_signing_in_answers_the_same_when_address_or_password_is_wrong(client: TestClient) -> None:
    account = registration()
    client.post("/api/register", json=account)
    right = client.post("/api/login", json={"email": account["email"].upper(), "password": PASSWORD})
    assert right.status_code == 200
    wrong = [
        client.post("/api/login", json={"email": email, "password": password})
        for email, password in ((account["email"], "wrong password"), ("nobody@example.org", PASSWORD))
    ]
    assert [answer.status_code for answer in wrong] == [401, 401]
    assert wrong[0].json() == wrong[1].json()


def test_session_is_over_when_signed_out(client: TestClient) -> None:
    token = client.post("/api/register", json=registration()).json()["token"]
    assert client.get("/api/me").status_code == 200  # by the cookie
    assert client.post("/api/logout").status_code == 204
    client.cookies.clear()
    assert client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_guest_is_signed_in_when_made(client: TestClient) -> None:
    made = client.post("/api/guests", json={"email": "ada@example.org", "display_name": "Ada", "phone": "+49 30 1234"})
    assert made.status_code == 201
    assert client.get("/api/me").json()["kind"] == "guest"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"email": "ada"}, 422),
        ({"password": "short"}, 422),
        ({"display_name": " "}, 422),
        ({"is_operator": True}, 422),
        ({"email": None}, 422),
    ],
)
def test_registration_is_refused_when_a_field_is_not_acceptable(client: TestClient, change: dict[str, object], status: int) -> None:
    answer = client.post("/api/register", json=registration() | change)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["fields"]


def test_attempts_at_an_account_are_counted_by_the_hour(running: TestClient) -> None:
    email = f"{unique('slow')}@example.org"
    state = running.app.state  # type: ignore[attr-defined]
    account = state.cipher.blind_index(ContactKind.EMAIL, email).hex()
    for _ in range(49):
        state.limits.spend("sign-in", ATTEMPTS_PER_ACCOUNT_AND_HOUR, "account and hour", account)
    answers = [running.post("/api/login", json={"email": email, "password": "a wrong password"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]
    assert int(answers[1].headers["retry-after"]) > 300
