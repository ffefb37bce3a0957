"""Profiles: a new address counts when it was proved, the old one is told, and nobody changes anybody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.messages.conftest import Desk, sink
from tests.sinks import Sink
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.messages.render import Composer

__all__ = ["sink"]

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@pytest.fixture
def desk(module_database: Database, settings: Settings) -> Desk:
    return Desk(module_database, Composer.from_settings(settings))


class Person:
    """Somebody with an account, signed in."""

    def __init__(self, app: FastAPI, **more: Any) -> None:
        self.client = TestClient(app, base_url="http://localhost")
        self.email = f"{uuid4().hex}@example.org"
        body = {"email": self.email, "password": PASSWORD, "display_name": "Ada"} | more
        self.answer = self.client.post("/api/register", json=body)
        assert self.answer.status_code == 201, self.answer.text
        self.id = UUID(self.answer.json()["user_id"])

    def put(self, **more: Any) -> Any:
        return self.client.put(f"/api/users/{self.id}", json={"display_name": "Ada", "locale": "en_GB"} | more)


@pytest.fixture
def ada(app: FastAPI) -> Person:
    return Person(app)


def link_to(desk: Desk, sink: Sink, address: str, path: str) -> str:
    """The token of the newest link to `path` that was mailed to an address."""
    desk.plan()
    desk.deliver(sink.mailer())
    tokens = []
    for mail in sink.mails():
        plain = mail.get_body(("plain",))
        if mail["To"] == address and plain is not None:
            tokens += re.findall(rf"{path}/([A-Za-z0-9_-]+)", plain.get_content())
    return str(tokens[-1])


def subjects(sink: Sink, address: str) -> list[str]:
    return [mail["Subject"] for mail in sink.mails() if mail["To"] == address]


def new_address() -> str:
    return f"{uuid4().hex}@example.com"


def test_name_and_locale_are_changed_and_kept(ada: Person) -> None:
    answer = ada.put(display_name=" Ada  Lovelace ", locale="de_DE")
    assert (answer.status_code, answer.json()["display_name"], answer.json()["locale"]) == (200, "Ada Lovelace", "de_DE")
    assert ada.client.get(f"/api/users/{ada.id}").json() == answer.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"display_name": " "}, "display_name"),
        ({"display_name": "A\x00"}, "display_name"),
        ({"locale": "xx_YY"}, "locale"),
        ({"locale": "\x00"}, "locale"),
        ({"email": "no address", "password": PASSWORD}, "email"),
        ({"is_operator": True}, "is_operator"),
    ],
)
def test_a_profile_that_is_not_acceptable_is_refused_by_field(ada: Person, change: dict[str, Any], field: str) -> None:
    answer = ada.put(**change)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])


def test_nobody_reads_or_changes_somebody_elses(ada: Person, app: FastAPI) -> None:
    other = Person(app)
    assert other.client.get(f"/api/users/{ada.id}").status_code == 404
    assert other.client.put(f"/api/users/{ada.id}", json={"display_name": "Eve", "locale": "en_GB"}).status_code == 404
    assert ada.client.get(f"/api/users/{ada.id}").json()["display_name"] == "Ada"


def test_new_address_counts_when_its_link_was_followed_and_the_old_one_is_told(ada: Person, desk: Desk, sink: Sink) -> None:
    new = new_address()
    asked = ada.put(email=new, password=PASSWORD).json()
    assert (asked["email"], asked["new_email"]) == (ada.email, new)
    token = link_to(desk, sink, new, "/new-address")
    assert "Your e-mail address is being changed" in subjects(sink, ada.email)
    assert "Confirm your new e-mail address" not in subjects(sink, ada.email)
    assert [login(ada, address) for address in (ada.email, new)] == [200, 401]
    assert ada.client.get(f"/new-address/{token}").status_code == 200  # looking changes nothing
    assert login(ada, new) == 401
    confirm = [ada.client.post("/api/email-changes/confirm", json={"token": token}).status_code for _ in range(2)]
    assert confirm == [204, 410]
    assert [login(ada, address) for address in (ada.email, new)] == [401, 200]
    profile = ada.client.get(f"/api/users/{ada.id}").json()
    assert (profile["email"], profile["email_verified"], profile["new_email"]) == (new, True, None)


def login(person: Person, email: str) -> int:
    client = TestClient(person.client.app, base_url="http://localhost")
    return int(client.post("/api/login", json={"email": email, "password": PASSWORD}).status_code)


def test_another_address_needs_the_password(ada: Person) -> None:
    for password in (None, "a wrong password"):
        answer = ada.put(email=new_address(), password=password)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/password-wrong")
    assert ada.put(email=ada.email.upper()).json()["new_email"] is None  # it is the present one


def test_a_new_password_stops_a_change_of_address(ada: Person, desk: Desk, sink: Sink) -> None:
    new = new_address()
    ada.put(email=new, password=PASSWORD)
    token = link_to(desk, sink, new, "/new-address")
    ada.client.post("/api/password-resets", json={"email": ada.email})
    reset = link_to(desk, sink, ada.email, "/reset")
    ada.client.post("/api/password-resets/confirm", json={"token": reset, "password": "another password"})
    assert ada.client.post("/api/email-changes/confirm", json={"token": token}).status_code == 410


def test_a_changed_address_ends_resets_that_went_to_the_old_one(ada: Person, desk: Desk, sink: Sink) -> None:
    new = new_address()
    ada.client.post("/api/password-resets", json={"email": ada.email})
    reset = link_to(desk, sink, ada.email, "/reset")
    ada.put(email=new, password=PASSWORD)
    ada.client.post("/api/email-changes/confirm", json={"token": link_to(desk, sink, new, "/new-address")})
    answer = ada.client.post("/api/password-resets/confirm", json={"token": reset, "password": "another password"})
    assert (answer.status_code, login(ada, new)) == (410, 200)


def test_an_address_with_an_account_is_refused_when_asked_for_and_when_confirmed(ada: Person, app: FastAPI, desk: Desk, sink: Sink) -> None:
    assert ada.put(email=Person(app).email, password=PASSWORD).json()["type"] == "/problems/address-taken"
    new = new_address()
    ada.put(email=new, password=PASSWORD)
    token = link_to(desk, sink, new, "/new-address")
    body = {"email": new, "password": PASSWORD, "display_name": "Faster"}
    assert TestClient(app, base_url="http://localhost").post("/api/register", json=body).status_code == 201
    answer = ada.client.post("/api/email-changes/confirm", json={"token": token})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/address-taken")
    assert login(ada, ada.email) == 200


def test_changing_back_to_an_earlier_address_works(ada: Person, desk: Desk, sink: Sink) -> None:
    new = new_address()
    for address in (new, ada.email):
        assert ada.put(email=address, password=PASSWORD).status_code == 200
        token = link_to(desk, sink, address, "/new-address")
        assert ada.client.post(f"/new-address/{token}").status_code == 200
    assert [login(ada, address) for address in (ada.email, new)] == [200, 401]


def test_guest_changes_an_address_without_a_password(app: FastAPI, desk: Desk, sink: Sink) -> None:
    client = TestClient(app, base_url="http://localhost")
    guest = client.post("/api/guests", json={"email": new_address(), "display_name": "Ada"}).json()
    new = new_address()
    body = {"display_name": "Ada", "locale": "en_GB", "email": new}
    assert client.put(f"/api/users/{guest['user_id']}", json=body).json()["new_email"] == new
    client.post("/api/email-changes/confirm", json={"token": link_to(desk, sink, new, "/new-address")})
    assert client.get(f"/api/users/{guest['user_id']}").json()["email"] == new


def test_registering_opens_a_vendor_that_the_account_owns(app: FastAPI, module_database: Database) -> None:
    slug = f"opera-{uuid4().hex[:8]}"
    vendor = {"slug": slug, "name": "Opera", "zone": "Europe/Berlin"}
    ada = Person(app, vendor=vendor)
    (membership,) = ada.client.get("/api/me").json()["memberships"]
    assert (membership["slug"], membership["role"]) == (slug, "owner")
    with module_database.transaction() as session:
        made = text("select actor_id from audit_entry where subject_id = :vendor order by id")
        assert set(session.execute(made, {"vendor": membership["vendor_id"]}).scalars()) == {ada.id}
    email = new_address()
    again = {"email": email, "password": PASSWORD, "display_name": "Eve", "vendor": vendor}
    taken = TestClient(app, base_url="http://localhost").post("/api/register", json=again)
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/slug-taken")
    assert login(ada, email) == 401  # no account without its vendor


@pytest.mark.parametrize("wrong", [{"slug": "Not a slug"}, {"slug": "opera\n"}, {"zone": "Mars/Olympus"}, {"name": "\x00"}])
def test_a_vendor_that_is_not_acceptable_is_refused(app: FastAPI, wrong: dict[str, str]) -> None:
    vendor = {"slug": f"v-{uuid4().hex[:8]}", "name": "Opera", "zone": "Europe/Berlin"} | wrong
    body = {"email": new_address(), "password": PASSWORD, "display_name": "Ada", "vendor": vendor}
    assert TestClient(app, base_url="http://localhost").post("/api/register", json=body).status_code == 422


def test_asking_for_a_link_does_the_same_whether_or_not_the_address_is_known(ada: Person, desk: Desk) -> None:
    """The same statements, and nothing is looked up: so it takes the same time."""
    written = []
    for address in (ada.email, new_address()):
        before = desk.query("select (select count(*) from link_request), (select count(*) from outbox), (select count(*) from audit_entry)")
        assert ada.client.post("/api/password-resets", json={"email": address}).status_code == 202
        after = desk.query("select (select count(*) from link_request), (select count(*) from outbox), (select count(*) from audit_entry)")
        written.append([b - a for a, b in zip(before[0], after[0], strict=True)])
    assert written == [[1, 0, 0], [1, 0, 0]]
    desk.plan()
    assert desk.query("select count(*) from link_request") == [(0,)]


def test_one_of_two_registrations_at_once_gets_address_and_vendor(app: FastAPI, desk: Desk) -> None:
    vendor = {"slug": f"v-{uuid4().hex[:8]}", "name": "Opera", "zone": "Europe/Berlin"}
    shared = new_address()

    def race(bodies: list[dict[str, Any]]) -> list[tuple[int, str | None]]:
        clients = [TestClient(app, base_url="http://localhost", raise_server_exceptions=False) for _ in bodies]
        with ThreadPoolExecutor(len(bodies)) as pool:
            answers = list(pool.map(lambda client, body: client.post("/api/register", json=body), clients, bodies))
        return sorted((answer.status_code, answer.json().get("type")) for answer in answers)

    person = {"password": PASSWORD, "display_name": "Ada"}
    assert race([person | {"email": shared}] * 6) == [(201, None)] + [(409, "/problems/address-taken")] * 5
    several = [person | {"email": new_address(), "vendor": vendor} for _ in range(6)]
    assert race(several) == [(201, None)] + [(409, "/problems/slug-taken")] * 5
    assert desk.query(f"select count(*) from vendor where slug = '{vendor['slug']}'") == [(1,)]
