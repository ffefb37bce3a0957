"""The OpenAPI document is something to learn from: every operation says what it is for, what it takes, answers and refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.app.test_aliases import owner
from tests.app.test_api import guest, problem
from ticketing import refusals
from ticketing.accounts.access import Role
from ticketing.aliases import ALIASES
from ticketing.app import create_app
from ticketing.authorisation import RULES
from ticketing.foundation.db import Database
from ticketing.foundation.errors import TicketingError
from ticketing.foundation.settings import Settings
from ticketing.storefront.reference_pages import NEXT

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> FastAPI:
    return create_app(settings, module_database)


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            yield method.upper(), path, operation


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, content of one media type) of everything that is sent or answered."""
    for method, path, operation in operations(document):
        parts = {"sent": operation.get("requestBody", {}), **operation["responses"]}
        for part, body in parts.items():
            for media, content in body.get("content", {}).items():
                yield f"{method} {path} {part} {media}", content


def examples(document: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    named = content.get("examples", {}).values()
    return [(document["components"]["examples"][item["$ref"].rpartition("/")[2]] if "$ref" in item else item)["value"] for item in named]


def test_the_document_has_every_endpoint_and_alias_and_nothing_else(document: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == RULES.keys() | ALIASES.keys()


def test_every_operation_says_what_it_is_for_who_may_call_it_and_what_it_answers(document: dict[str, Any]) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= described, where
        assert "security" in operation, where
        answers = {status: answer for status, answer in operation["responses"].items() if status < "400"}
        assert answers, where
        for status, answer in answers.items():
            assert answer["description"] not in ("", "Successful Response"), where
            told = [content["schema"] for content in answer.get("content", {}).values()]
            assert status in ("204", "302", "303", "304") or method == "HEAD" or (told and all(told)), f"{where}: no shape of {status}"


def test_every_operation_has_an_example_and_every_example_keeps_to_its_schema(document: dict[str, Any]) -> None:
    shown: set[str] = set()
    for where, content in bodies(document):
        for example in examples(document, content):
            shown.add(" ".join(where.split()[:2]))
            jsonschema_rs.validate({**content["schema"], "components": document["components"]}, example)
        if "json" in where or "form" in where:
            assert examples(document, content), where
    bare = {f"{method} {path}" for method, path, operation in operations(document) if method != "HEAD"} - shown
    assert bare == set()


NOT_THERE = frozenset({"layout_id", "payment_method_ids"})
"""Ids in bodies of which 422 says that there is no such thing."""


def test_bodies_of_examples_are_understood_by_the_endpoints(client: TestClient, document: dict[str, Any]) -> None:
    """They name what is not there, so they are refused; but never as something that can't be read, or breaks a rule for bodies."""
    people = {True: owner(client), False: guest(client)}
    misread: list[str] = []
    asked = 0
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        address = path.format(**{item["name"]: item["example"] for item in operation.get("parameters", ()) if item["in"] == "path"})
        for example in examples(document, content):
            headers = {**people["whoever" not in operation["description"]], "Idempotency-Key": uuid4().hex, "If-Match": '"3"'}
            answer = client.request(method, address, json=example, headers=headers)
            client.cookies.clear()
            asked += 1
            known = answer.status_code == 422 and answer.json().get("fields", {}).keys() <= NOT_THERE
            if answer.status_code in (400, 413, 415) or (answer.status_code == 422 and not known):
                misread.append(f"{method} {path} {example}: {answer.text}")
    assert [
        line for line in misread if "address-refused" not in line and "/webhooks/{provider}" not in line and "callback" not in line
    ] == []
    assert asked > 40


def test_every_endpoint_says_its_problems() -> None:
    adapted = refusals.BOOKING_AT_ONCE.keys()
    assert refusals.PROBLEMS.keys() - adapted == RULES.keys()
    assert adapted <= ALIASES.keys()


def test_refusals_are_documented_with_types_that_lead_to_pages(document: dict[str, Any]) -> None:
    known = document["x-problems"]
    for method, path, operation in operations(document):
        refused = {status: answer for status, answer in operation["responses"].items() if status >= "400" and "content" in answer}
        assert refused or method == "HEAD" or operation["security"] == [], f"{method} {path}"
        for status, answer in refused.items():
            ((media, content),) = answer["content"].items()
            types = content["schema"]["allOf"][1]["properties"]["type"]["enum"]
            assert media == "application/problem+json"
            shown = document["components"]["examples"]
            assert types == [shown[example["$ref"].rpartition("/")[2]]["value"]["type"] for example in content["examples"].values()]
            for kind in types:
                assert known[kind.removeprefix("/problems/")]["status"] == int(status)
                assert f"{method} {path}" in known[kind.removeprefix("/problems/")]["operations"] or operation.get("deprecated")


def test_every_type_of_problem_says_what_it_means_in_a_sentence(document: dict[str, Any]) -> None:
    for kind, known in document["x-problems"].items():
        assert known["sentence"].endswith("."), kind
        assert known["status"] in NEXT, kind
    classes = {error.kind(): error for rows in refusals.PROBLEMS.values() for error in rows}
    assert classes.keys() <= document["x-problems"].keys()
    assert all(document["x-problems"][kind]["status"] == error.status for kind, error in classes.items())


def test_two_errors_never_share_a_type() -> None:
    def below(kind: type[TicketingError]) -> Iterator[type[TicketingError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    named: dict[str, type[TicketingError]] = {}
    for error in below(TicketingError):
        assert named.setdefault(error.kind(), error) is error, f"{error} and {named[error.kind()]}"


def test_sign_in_and_headers_that_are_needed_are_told(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["session"]["scheme"], schemes["cookie"]["in"], schemes["oauth"]["type"]) == ("bearer", "cookie", "oauth2")
    scopes = schemes["oauth"]["flows"]["authorizationCode"]["scopes"]
    for method, path, operation in operations(document):
        rule = RULES[ALIASES.get((method, path), (method, path))]
        ways = {name: needed for way in operation["security"] for name, needed in way.items()}
        if Role.ANYONE in rule.roles:
            assert ways == {}
            continue
        assert ways.keys() >= {"session", "cookie"}
        assert ways.get("oauth") == ([rule.scope.value] if rule.scope else None), f"{method} {path}"
        assert set(ways.get("oauth", ())) <= scopes.keys()
    for method, path, header in (
        ("post", "/api/events/{id}/holds", "Idempotency-Key"),
        ("delete", "/api/tickets/{ticket_id}", "Idempotency-Key"),
        ("post", "/api/tickets/book", "Idempotency-Key"),
        ("put", "/api/events/{event_id}", "if-match"),
    ):
        parameters = {item["name"]: item for item in document["paths"][path][method]["parameters"]}
        assert parameters[header]["required"], f"{method} {path}"
        assert parameters[header]["description"]


def test_fields_have_the_words_of_the_code(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["HoldView"]["properties"]["total_minor"]["description"] == "All-in: prices and fees of all places."
    assert schemas["OrderView"]["description"].startswith("Amounts in minor units")
    assert "previous_secret_until" in schemas["EndpointView"]["properties"]


def test_pages_show_the_api_and_each_type_of_problem(client: TestClient) -> None:
    page = client.get("/api/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)
    assert all(f'<code class="path">{path}</code>' in page.text for _, path in RULES)
    table = client.get("/problems").text
    refused = problem(client.post("/api/orders", json={"hold_ids": []}), 401, "unauthenticated")
    assert f'<a href="{refused["type"]}">' in table
    explained = client.get(refused["type"])
    assert "Nobody is signed in." in explained.text
    assert client.get("/problems/nonsense").status_code == 404
