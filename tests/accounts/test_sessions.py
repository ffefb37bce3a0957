"""Sessions over HTTP: listed, ended one by one and everywhere, never taken over; accounts that are shut out; imported passwords."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import text

from ticketing.accounts import service
from ticketing.accounts.passwords import HashingLane, SignInsBusy, hash_password, verify_password
from ticketing.accounts.rules import Audience
from ticketing.accounts.sessions import open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


class Person:
    """Somebody with an account, on as many devices as they like."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.email = f"{uuid4().hex}@example.org"
        answer = self.ask("POST", "/api/register", json={"email": self.email, "password": PASSWORD, "display_name": "Ada"})
        self.id = UUID(answer.json()["user_id"])
        self.first = str(answer.json()["token"])

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return TestClient(self._app, base_url="http://localhost").request(method, path, headers=headers, **options)

    def sign_in(self, password: str = PASSWORD, **options: Any) -> Any:
        return self.ask("POST", "/api/login", json={"email": self.email, "password": password}, **options)


@pytest.fixture
def ada(app: FastAPI) -> Person:
    return Person(app)


@pytest.fixture
def operator(app: FastAPI, module_database: Database) -> Person:
    person = Person(app)
    with module_database.transaction() as session:
        session.execute(text("update user_account set is_operator = true where id = :id"), {"id": person.id})
    return person


def test_sessions_are_listed_with_what_helps_to_recognise_them(ada: Person) -> None:
    token = ada.sign_in(headers={"User-Agent": "Phone " + "x" * 300}).json()["token"]
    listed = ada.ask("GET", "/api/sessions", token).json()["sessions"]
    assert [session["current"] for session in listed] == [True, False]
    assert listed[0]["user_agent"] == ("Phone " + "x" * 300)[:200]
    assert "token" not in str(listed)


def test_one_session_ends_when_its_owner_ends_it(ada: Person) -> None:
    other = ada.sign_in().json()["token"]
    mine = next(session for session in ada.ask("GET", "/api/sessions", other).json()["sessions"] if not session["current"])
    assert ada.ask("DELETE", f"/api/sessions/{mine['id']}", other).status_code == 204
    assert ada.ask("GET", "/api/me", ada.first).status_code == 401
    assert ada.ask("GET", "/api/me", other).status_code == 200
    again = ada.ask("DELETE", f"/api/sessions/{mine['id']}", other)
    assert (again.status_code, again.json()["type"]) == (404, "/problems/session-not-found")


def test_nobody_ends_the_session_of_somebody_else(ada: Person, app: FastAPI) -> None:
    eve = Person(app)
    mine = ada.ask("GET", "/api/sessions", ada.first).json()["sessions"][0]["id"]
    assert eve.ask("DELETE", f"/api/sessions/{mine}", eve.first).status_code == 404
    assert ada.ask("GET", "/api/me", ada.first).status_code == 200


def test_all_sessions_end_when_their_owner_signs_out_everywhere(ada: Person) -> None:
    other = ada.sign_in().json()["token"]
    assert ada.ask("DELETE", "/api/sessions", other).status_code == 204
    assert [ada.ask("GET", "/api/me", token).status_code for token in (ada.first, other)] == [401, 401]


def test_the_session_that_was_brought_along_ends_at_sign_in(ada: Person) -> None:
    """Whoever planted a session in somebody's browser holds nothing once they sign in."""
    answer = ada.sign_in(token=ada.first)
    assert answer.json()["token"] != ada.first
    assert ada.ask("GET", "/api/me", ada.first).status_code == 401


def test_a_disabled_account_is_refused_on_every_path(ada: Person, operator: Person) -> None:
    assert operator.ask("POST", f"/api/users/{ada.id}/disable", operator.first).status_code == 204
    assert ada.ask("GET", "/api/me", ada.first).status_code == 401
    refused = ada.sign_in()
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/wrong-credentials")  # as for an unknown one
    form = {"email": ada.email, "password": PASSWORD}
    assert ada.ask("POST", "/sign-in", data=form, follow_redirects=False).status_code == 401
    assert ada.ask("POST", f"/api/events/{uuid4()}/holds", ada.first, json={"seats": [1]}).status_code == 401
    assert operator.ask("POST", f"/api/users/{ada.id}/enable", operator.first).status_code == 204
    assert ada.ask("GET", "/api/me", ada.first).status_code == 401  # what was ended stays ended
    assert ada.sign_in().status_code == 200


def test_only_operators_shut_people_out(ada: Person, operator: Person) -> None:
    assert ada.ask("POST", f"/api/users/{operator.id}/disable", ada.first).json()["type"] == "/problems/role-missing"
    assert operator.ask("POST", f"/api/users/{uuid4()}/disable", operator.first).status_code == 404


def test_an_imported_bcrypt_hash_is_verified_once_and_replaced(ada: Person, module_database: Database) -> None:
    imported = BcryptHasher(rounds=4).hash(PASSWORD)
    with module_database.transaction() as session:
        session.execute(text("update user_credential set password_hash = :hash where user_id = :id"), {"hash": imported, "id": ada.id})
    assert ada.sign_in("wrong password").status_code == 401
    assert ada.sign_in().status_code == 200
    with module_database.transaction() as session:
        stored = session.execute(text("select password_hash from user_credential where user_id = :id"), {"id": ada.id}).scalar_one()
    assert stored.startswith("$argon2id$")
    assert ada.sign_in().status_code == 200


def test_a_long_password_is_verified_against_bcrypt_as_bcrypt_saw_it() -> None:
    imported = BcryptHasher(rounds=4).hash("x" * 72)
    right, better = verify_password("x" * 100, imported)
    assert right
    assert better is not None
    assert better.startswith("$argon2id$")
    assert verify_password("x" * 71, imported) == (False, None)


@pytest.mark.parametrize("damaged", ["plain text", "$2b$broken", "$2b$12$short", "$argon2id$v=19$broken", "$"])
def test_a_damaged_hash_lets_nobody_in(damaged: str) -> None:
    assert verify_password(PASSWORD, damaged) == (False, None)


def check(app: FastAPI, email: str) -> service.Verified:
    """The first half of a sign-in: the password was right when it was looked at."""
    with app.state.database.transaction() as session:
        credential = service.find_credential(session, email=email, cipher=app.state.cipher)
    return service.check_password(credential, PASSWORD)


def test_a_sign_in_is_refused_when_the_password_was_reset_meanwhile(app: FastAPI, ada: Person) -> None:
    verified = check(app, ada.email)
    with app.state.database.transaction() as session:
        changed = text("update user_credential set password_hash = :hash where user_id = :id")
        session.execute(changed, {"hash": hash_password("a new password"), "id": ada.id})
    stale = replace(verified, better_hash=hash_password(PASSWORD))
    for late in (verified, stale):
        with pytest.raises(service.WrongCredentials), app.state.database.transaction() as session:
            service.confirm_credential(session, verified=late)
    assert [ada.sign_in(password).status_code for password in (PASSWORD, "a new password")] == [401, 200]


def test_a_sign_in_is_refused_when_the_account_was_disabled_meanwhile(app: FastAPI, ada: Person, operator: Person) -> None:
    verified = check(app, ada.email)
    operator.ask("POST", f"/api/users/{ada.id}/disable", operator.first)
    with pytest.raises(service.WrongCredentials), app.state.database.transaction() as session:
        service.confirm_credential(session, verified=verified)


def test_disabling_waits_for_a_sign_in_under_way_and_ends_its_session(app: FastAPI, ada: Person, operator: Person) -> None:
    verified = check(app, ada.email)
    with ThreadPoolExecutor(1) as pool:
        with app.state.database.transaction() as session:
            service.confirm_credential(session, verified=verified)
            disabling = pool.submit(operator.ask, "POST", f"/api/users/{ada.id}/disable", operator.first)
            with pytest.raises(TimeoutError):
                disabling.result(timeout=0.3)
            token = open_session(session, user_id=ada.id, audience=Audience.SHOP, now=database_now(session))
        assert disabling.result(timeout=10).status_code == 204
    operator.ask("POST", f"/api/users/{ada.id}/enable", operator.first)
    assert ada.ask("GET", "/api/me", token).status_code == 401


def test_hashing_refuses_more_when_its_lane_is_full() -> None:
    hold = threading.Event()

    async def crowd() -> list[Any]:
        lane = HashingLane(threads=1, most_waiting=2)
        waiting = [asyncio.ensure_future(lane.run(hold.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(SignInsBusy) as busy:
            await lane.run(hold.wait)
        assert busy.value.details["retry_after_seconds"] == 5
        with pytest.raises(SignInsBusy):
            lane.check_room()
        hold.set()
        answers = await asyncio.gather(*waiting)
        answers.append(await lane.run(hold.wait))
        lane.close()
        return answers

    assert asyncio.run(crowd()) == [True, True, True]


def test_sign_in_leaves_an_audit_entry_and_no_password(ada: Person, module_database: Database) -> None:
    ada.sign_in()
    with module_database.transaction() as session:
        entries = session.execute(text("select action from audit_entry where subject_id = :id order by id"), {"id": ada.id}).scalars().all()
        credential = service.find_credential(session, email=ada.email, cipher=ada._app.state.cipher)
    assert entries == ["user.registered", "user.verify_email_asked", "session.opened", "session.opened"]
    assert credential.password_hash is not None
    assert PASSWORD not in credential.password_hash
