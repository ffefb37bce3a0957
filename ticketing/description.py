"""The OpenAPI document, put together: what the routes say, who may call them, what they refuse, and examples to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ticketing import aliases, problems
from ticketing.accounts.access import Endpoint, Role, Rule
from ticketing.accounts.access_tokens import FOR_CLIENTS_THEMSELVES, Scope
from ticketing.examples import VALUES
from ticketing.foundation.openapi import PROBLEM, problem_answers, problem_example, say_headers
from ticketing.foundation.openapi_examples import add_examples
from ticketing.foundation.openapi_links import add_links
from ticketing.foundation.openapi_words import add_field_words, hints_of, shapes_of
from ticketing.inventory import seat_routes
from ticketing.orders import description as orders
from ticketing.refusals import PROBLEMS
from ticketing.storefront.consent_pages import MEANINGS

INTRODUCTION = """\
Browse events, hold places, order, pay, and fetch tickets; as a vendor set events up, watch sales and be told of them by webhooks.

**Signing in.** `POST /api/guests` (enough to buy), `/api/register` or `/api/login` answer with a token: send it as
`Authorization: Bearer …`. Browsers get the same as the HttpOnly cookie `ticketing_session`. Programs that act for others use OAuth 2.0:
access tokens last ten minutes and are good for their scopes. What may be called with which scope stands with each operation.

**Problems.** Every refusal is `application/problem+json` (RFC 9457). Its `type` is stable, and an address that explains it: `/problems`
lists them all. Sentences may change; programs look at `type`.

**Retries.** Calls that move seats or money need an `Idempotency-Key`. The same key and body give the same answer, with
`Idempotency-Replayed: true`; so after a timeout or a 503 send the same request again. 429 and 503 say in `Retry-After` when.

**Changes.** An event is changed by who names the version they have seen: its `ETag`, as `If-Match`. Answers with an `ETag` are not sent
again to who has them: send it as `If-None-Match`, and be answered 304.

**Lists** come in pages: follow `next_cursor` as `cursor` until it is null.

**Amounts** are in minor units of the currency that stands beside them (`total_minor` 4500, `EUR`: 45 euros). Instants are UTC; fields
named `local_…` are wall time in the `zone` beside them.
"""

TAGS: Mapping[str, str] = {
    "accounts": "Register, sign in and out, prove an address, your profile and sessions.",
    "events": "Browse what is on, see what is free; as a vendor make, publish, postpone, clone and withdraw events, and block seats.",
    "booking": "Hold places, and order them.",
    "box office": "A vendor's staff sell at the door, give tickets away, and print them.",
    "payments": "Pay an order with a provider; the provider's callbacks.",
    "tickets": "Your tickets: QR code, PDF, receipt, cancelling.",
    "waiting room": "Queues before events that many want to buy at once.",
    "waiting list": "Waiting for places that are sold out: what becomes free is held for who waits.",
    "recommendations": "Events you may like, and why.",
    "privacy": "Everything that is kept on you, and being forgotten.",
    "venues": "Venues, their configurations and layouts, and new seats for those whose seats a new layout takes away.",
    "preferences": "What you are told, by which ways, and when not.",
    "OAuth": "OAuth 2.0: programs of vendors, tokens, and signing in with other providers.",
    "members": "Who acts for a vendor, in which role.",
    "payment methods": "How a vendor is paid.",
    "promotions": "Discount, access and affiliate codes, and tracking links.",
    "packages": "One price for places at several events: season tickets.",
    "sales": "A vendor's figures from the published warehouse.",
    "webhooks": "Signed notices to a vendor's own programs, their deliveries and replays.",
    "photos": "Pictures of events that people were at.",
    "aliases": "Other names of endpoints, for integrators of earlier designs. Use the canonical ones.",
}

SIGN_IN: Mapping[str, Any] = {
    "session": {"type": "http", "scheme": "bearer", "description": "The token of POST /api/login, /api/register or /api/guests."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "ticketing_session",
        "description": "The same for browsers. It is HttpOnly; other sites' pages can't use it.",
    },
    "oauth": {
        "type": "oauth2",
        "description": "Access tokens of ten minutes, sent as `Authorization: Bearer`. The code flow is with PKCE (S256). Scopes: "
        + "; ".join(f"`{scope.value}`, to {MEANINGS[scope]}" for scope in Scope)
        + ".",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/oauth/authorize",
                "tokenUrl": "/api/oauth/token",
                "refreshUrl": "/api/oauth/token",
                "scopes": {scope.value: MEANINGS[scope] for scope in Scope},
            },
            "clientCredentials": {
                "tokenUrl": "/api/oauth/token",
                "scopes": {scope.value: MEANINGS[scope] for scope in Scope if scope in FOR_CLIENTS_THEMSELVES},
            },
        },
    },
}
METHODS = ("get", "head", "post", "put", "patch", "delete")
Operation = dict[str, Any]


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` is: the document, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    return openapi


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document. `app.state.rules` says who may call what, aliases included."""
    openapi = get_openapi(title=app.title, version=app.version, routes=app.routes, description=INTRODUCTION)
    orders.describe(openapi)
    seat_routes.describe(openapi)
    _add_components(openapi)
    rules: Mapping[Endpoint, Rule] = app.state.rules
    for endpoint, operation in _operations(openapi):
        say_headers(operation)
        _say_who(operation, rules[endpoint])
    aliases.describe(openapi)
    for endpoint, operation in _operations(openapi):
        _say_problems(operation, endpoint, rules[endpoint])
    bodies = (adapter.body for adapter in aliases.ADAPTERS.values())
    add_field_words(openapi, shapes_of([*hints_of(app.routes), *orders.SHAPES, *seat_routes.SHAPES, *bodies]))
    add_examples(openapi, VALUES)
    add_links(openapi)
    known = {tag for _, operation in _operations(openapi) for tag in operation["tags"]}
    openapi["tags"] = [{"name": name, "description": words} for name, words in TAGS.items() if name in known]
    openapi["x-problems"] = _catalogue(openapi, rules)
    openapi["components"]["examples"] = {
        kind: {"summary": known["sentence"], "value": problem_example(kind, known["status"], known["sentence"])}
        for kind, known in openapi["x-problems"].items()
    }
    return openapi


def _operations(openapi: Mapping[str, Any]) -> Iterator[tuple[Endpoint, Operation]]:
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            yield (method.upper(), path), operation


def _add_components(openapi: dict[str, Any]) -> None:
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    openapi["components"]["securitySchemes"] = SIGN_IN


def _say_who(operation: Operation, rule: Rule) -> None:
    """Summary, description and sign-in."""
    words = " ".join(operation.get("description", "").split())
    operation["summary"] = words.partition(". ")[0].removesuffix(".")
    if Role.ANYONE in rule.roles:
        operation["description"] = words
        operation["security"] = []
        return
    roles = "whoever is signed in" if Role.BUYER in rule.roles else ", ".join(sorted(role.value for role in rule.roles))
    tokens = f"access tokens need the scope `{rule.scope.value}`" if rule.scope else "not for access tokens"
    operation["description"] = f"{words}\n\nFor: {roles}; {tokens}."
    operation["security"] = [{"session": []}, {"cookie": []}, *([{"oauth": [rule.scope.value]}] if rule.scope else [])]


def _say_problems(operation: Operation, endpoint: Endpoint, rule: Rule) -> None:
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own, which we never give
    for status, answer in responses.items():
        answer["description"] = answer["description"].replace("Successful Response", HTTPStatus(int(status)).phrase)
    canonical = endpoint if endpoint in PROBLEMS else aliases.ALIASES.get(endpoint, endpoint)
    found = problems.problems_of(canonical, rule, operation)
    refused = problem_answers((problem.kind, problem.status, problem.sentence) for problem in found)
    if endpoint[0] == "HEAD":  # headers alone
        refused = {status: {"description": answer["description"]} for status, answer in refused.items()}
        responses = {status: {name: part for name, part in answer.items() if name != "content"} for status, answer in responses.items()}
    operation["responses"] = responses | refused


def _catalogue(openapi: Mapping[str, Any], rules: Mapping[Endpoint, Rule]) -> dict[str, Any]:
    """Every type of problem: what it is called, its status, what it means, and which operations give it."""
    found: dict[problems.Problem, list[str]] = {problem: [] for problem in problems.EVERYWHERE}
    for endpoint, operation in _operations(openapi):
        if operation.get("deprecated"):
            continue
        for problem in problems.problems_of(endpoint, rules[endpoint], operation):
            found.setdefault(problem, []).append(" ".join(endpoint))
    ordered = sorted(found.items(), key=lambda item: (item[0].status, item[0].kind))
    return {problem.kind: {**asdict(problem), "operations": operations} for problem, operations in ordered}
