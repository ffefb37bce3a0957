"""Secrets and card-like numbers, planted wherever somebody can send something: none of them turns up in logs, refusals or records.

Every endpoint is asked, as everybody who may, with secrets in each header, in the query, in the address and in each text of its body.
"""

from __future__ import annotations

import copy
import io
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from starlette.requests import Request

from tests.security.asking import somebody_who_may
from tests.security.test_authorisation import ENDS_THE_ASKER, Scene, scene
from ticketing.accounts.access import Endpoint
from ticketing.app import create_app
from ticketing.authorisation import RULES
from ticketing.foundation.db import Database
from ticketing.foundation.db import Role as DatabaseRole
from ticketing.foundation.settings import Settings

__all__ = ["scene"]

SECRET = "S3cr3t-planted-hunter2"
CARD = "4111111111111111"
SPACED = "4111 1111 1111 1111"
PLANTED = (SECRET, CARD, SPACED)
ADDRESS = "planted.person@example.org"
PHONE = "+4915112345678"
HEADERS = ("Cookie", "User-Agent", "Referer", "Idempotency-Key", "If-Match", "If-None-Match", "Accept", "Fake-Signature", "X-Planted")


class Ears(logging.Handler):
    """Every record of every logger, formatted with its traceback as a handler of an installation would."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard = io.StringIO()
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in ("httpx", "httpcore"):  # the asking side's own
            self.heard.write(self.format(record) + "\n")


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(ears)
    root.setLevel(logging.INFO)
    yield ears
    root.removeHandler(ears)
    root.setLevel(level)


def planted_in(body: Any) -> Iterator[Any]:
    """The body again and again, each time with a secret instead of one of its values; and once with one beside them."""
    if isinstance(body, dict):
        for name in body:
            for inner in planted_in(body[name]):
                yield body | {name: inner}
        yield body | {"card": CARD, "note": SECRET}
    elif isinstance(body, list):
        for at, item in enumerate(body):
            for inner in planted_in(item):
                yield [*body[:at], inner, *body[at + 1 :]]
    else:
        yield SECRET
        yield SPACED


def ask_with_secrets(scene: Scene, endpoint: Endpoint, who: str) -> Iterator[tuple[str, Any]]:
    """(what was asked, its answer); refusals must not repeat what was not in the address."""
    path, body = scene.examples[endpoint]
    client = TestClient(scene.app, base_url="http://localhost", raise_server_exceptions=False, cookies={})
    sign_in = {"Authorization": f"Bearer {scene.tokens[who]}"}
    keyed = sign_in | {"Idempotency-Key": uuid4().hex}
    yield "token", client.request(endpoint[0], path, json=body, headers={"Authorization": f"Bearer {SECRET}", "Idempotency-Key": CARD})
    for name in HEADERS:
        value = f"ticketing_session={SECRET}" if name == "Cookie" else SECRET
        yield name, client.request(endpoint[0], path, json=body, headers=(keyed if name != "Cookie" else {}) | {name: value})
    yield "query", client.request(endpoint[0], f"{path}?q={SECRET}&search={CARD}&cursor={SECRET}&limit={SECRET}", headers=keyed)
    if body is not None:
        for changed in planted_in(copy.deepcopy(body)):
            yield f"{changed}", client.request(endpoint[0], path, json=changed, headers=sign_in | {"Idempotency-Key": uuid4().hex})
        raw = f'{{"password": "{SECRET}", "card": "{CARD}"'.encode()
        yield "cut off", client.request(endpoint[0], path, content=raw, headers=keyed | {"Content-Type": "application/json"})


@pytest.mark.parametrize("endpoint", sorted(RULES.keys() - ENDS_THE_ASKER), ids=" ".join)
def test_what_is_sent_is_not_repeated_by_logs_or_refusals(scene: Scene, endpoint: Endpoint, ears: Ears) -> None:
    for how, answer in ask_with_secrets(scene, endpoint, somebody_who_may(endpoint)):
        assert answer.status_code < 500, (how, answer.text)
        if answer.status_code >= 400 and how != "query":
            assert not [secret for secret in PLANTED if secret in answer.text], (how, answer.text)
    scene.app.state.access_log.flush()
    heard = ears.heard.getvalue() + scene.app.state.settings.access_log_path.read_text()
    assert not [secret for secret in PLANTED if secret in heard], heard
    assert not [token for token in scene.tokens.values() if token in heard]


def everything(database: Database) -> dict[str, str]:
    """Each table's rows as text; bytes as they are, not in hexadecimal."""
    with database.transaction(DatabaseRole.READER) as session:
        tables = session.execute(text("select tablename from pg_tables where schemaname = 'public'")).scalars().all()
        session.execute(text("set local bytea_output = 'escape'"))
        return {table: "\n".join(session.execute(text(f"select t::text from {table} t")).scalars()) for table in tables}


def test_no_table_holds_passwords_tokens_or_readable_addresses(settings: Settings, database: Database, ears: Ears) -> None:
    """A person registers, signs in, resets, buys as a guest: what proves who they are and how to reach them is nowhere in plain."""
    app = create_app(settings, database)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        body = {"email": ADDRESS, "password": SECRET, "display_name": "Ada"}
        made = client.post("/api/register", json=body)
        assert made.status_code == 201, made.text
        client.cookies.clear()
        signed_in = client.post("/api/login", json={"email": ADDRESS, "password": SECRET})
        assert signed_in.status_code == 200, signed_in.text
        client.cookies.clear()
        assert client.post("/api/login", json={"email": ADDRESS, "password": SECRET + "x"}).status_code == 401
        assert client.post("/api/password-resets", json={"email": ADDRESS}).status_code == 202
        guest = client.post("/api/guests", json={"email": "guest." + ADDRESS, "phone": PHONE, "display_name": "Guest"})
        assert guest.status_code == 201, guest.text
        app.state.access_log.flush()
    tokens = [answer.json()["token"] for answer in (made, signed_in, guest)]
    never = [SECRET, ADDRESS, PHONE, PHONE.removeprefix("+"), *tokens]
    rows = everything(database)
    assert rows["user_contact"].strip()
    assert {(table, secret) for table, content in rows.items() for secret in never if secret in content} == set()
    heard = ears.heard.getvalue() + settings.access_log_path.read_text()
    assert [secret for secret in never if secret in heard] == []
    for answer in (made, signed_in, guest):
        assert SECRET not in answer.text


@pytest.fixture
def breaking(settings: Settings, database: Database) -> FastAPI:
    """With endpoints that fail as ours might: the words of each error hold what was sent."""
    app = create_app(settings, database)

    @app.get("/api/broken/{kind}")
    def broken(kind: str, request: Request) -> None:
        given = request.headers["x-planted"]
        if kind == "value":
            int(given)
        if kind == "key":
            {}[given]  # type: ignore[index]
        if kind == "cause":
            try:
                raise RuntimeError(given)
            except RuntimeError as error:
                raise LookupError("outer") from error
        with database.transaction() as session:
            session.execute(text("select cast(:given as integer)"), {"given": given})

    return app


@pytest.mark.parametrize("kind", ["value", "key", "cause", "database"])
def test_a_fault_is_logged_with_its_place_and_not_with_its_words(breaking: FastAPI, ears: Ears, kind: str) -> None:
    with TestClient(breaking, base_url="http://localhost", raise_server_exceptions=False) as client:
        answer = client.get(f"/api/broken/{kind}", headers={"X-Planted": SECRET, "X-Request-Id": "look-me-up"})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    heard = ears.heard.getvalue()
    assert "look-me-up" in heard
    assert "test_planted_secrets.py" in heard
    assert {"value": "ValueError", "key": "KeyError", "cause": "builtins.RuntimeError", "database": "SQLSTATE 22P02"}[kind] in heard
    assert SECRET not in heard
