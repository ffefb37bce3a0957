"""Whether an address is known: neither the answer tells, nor the work that is done for it, and so its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import event, text

from tests.security.asking import client_of
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

PASSWORD = "a long password"
LINKS = ("/api/password-resets", "/api/email-verifications", "/api/order-lookups")
FORMS = ("/forgot", "/find")


@dataclass
class Addresses:
    app: FastAPI
    database: Database
    known: str
    disabled: str

    def ask(self, path: str, email: str) -> Response:
        """With a password that is nobody's, where one is asked for."""
        body: dict[str, Any] = {"email": email} | ({"password": "not the password"} if path in ("/api/login", "/sign-in") else {})
        client = client_of(self.app)
        answer: Response = client.post(path, json=body) if path.startswith("/api/") else client.post(path, data=body)
        return answer

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """The statements that go to the database."""
        heard: list[str] = []

        def hear(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            heard.append(statement)

        engine = self.database.engine()
        event.listen(engine, "before_cursor_execute", hear)
        try:
            yield heard
        finally:
            event.remove(engine, "before_cursor_execute", hear)


@pytest.fixture(scope="module")
def addresses(settings: Settings, module_database: Database) -> Iterator[Addresses]:
    app = create_app(settings, module_database)
    with TestClient(app, base_url="http://localhost") as client:
        known, disabled = f"{uuid4().hex}@example.org", f"{uuid4().hex}@example.org"
        for email in (known, disabled):
            body = {"email": email, "password": PASSWORD, "display_name": "Ada"}
            user = client.post("/api/register", json=body).json()["user_id"]
        with module_database.transaction() as session:
            session.execute(text("update user_account set disabled_at = app_now() where id = :id"), {"id": user})
        yield Addresses(app, module_database, known, disabled)


@pytest.mark.parametrize("path", ["/api/login", "/sign-in", *LINKS, *FORMS])
def test_known_disabled_and_unknown_addresses_get_the_same_answer_by_the_same_statements(addresses: Addresses, path: str) -> None:
    seen = []
    for email in (addresses.known, addresses.disabled, f"{uuid4().hex}@example.org"):
        with addresses.listening() as statements:
            answer = addresses.ask(path, email)
        text_of_answer = answer.text.replace(email, "somebody")
        seen.append((answer.status_code, text_of_answer, sorted(answer.headers.keys()), statements))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][3], "nothing was heard"


def test_signing_in_takes_as_long_when_nobody_has_the_address(addresses: Addresses) -> None:
    def least_seconds(emails: list[str]) -> float:
        seconds = []
        for email in emails:
            started = time.process_time()
            assert addresses.ask("/api/login", email).status_code == 401
            seconds.append(time.process_time() - started)
        return min(seconds)

    known = least_seconds([addresses.known] * 5)
    unknown = least_seconds([f"{uuid4().hex}@example.org" for _ in range(5)])
    assert 0.5 < unknown / known < 2
