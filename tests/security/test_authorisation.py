"""The table of who may call what, cell by cell: every endpoint asked by everybody.

What the table allows must not be answered with 401 or 403, and what it does not allow must be; somebody else's thing is not
found, whoever asks. An endpoint without an example here fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests import factories
from tests.buying import buy, place_order, start_payment
from tests.security.examples import (
    ACCOUNTS,
    EVENT_LIFE,
    PAYMENT_METHODS,
    PROMOTIONS,
    RECOMMENDATIONS,
    STAFF_SALES,
    VENUES,
    WAITING_LIST,
    WAITING_ROOM,
    WEBHOOKS,
    Example,
    booking_examples,
    package_examples,
    people_examples,
    photo_examples,
    privacy_examples,
    vendor_examples,
)
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.access import Endpoint, Reach, Role
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.app import create_app
from ticketing.authorisation import RULES
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings


@dataclass(frozen=True)
class Scene:
    app: FastAPI
    tokens: Mapping[str, str]
    """By who: `nobody` has none."""
    examples: Mapping[Endpoint, Example]


def tickets_of(app: FastAPI, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = TestClient(app, base_url="http://localhost").get("/api/tickets", headers=headers)
    tickets: list[dict[str, Any]] = answer.json()["tickets"]
    return tickets


@pytest.fixture(scope="module")
def scene(settings: Settings, module_database: Database) -> Iterator[Scene]:
    database = module_database
    app = create_app(settings, database)
    with TestClient(app):
        with database.transaction() as session:
            now = database_now(session)
            sale = factories.make_event_on_sale(session)
            second = factories.make_event_on_sale(session, vendor=sale.vendor)
            other = factories.make_vendor(session)
            people = {name: factories.make_buyer(session) for name in ("buyer", "stranger", "operator", "analyst")}
            people["operator"].is_operator = True
            people["analyst"].is_analyst = True
            for role in MemberRole:
                for vendor, where in ((sale.vendor, "own"), (other, "other")):
                    people[f"{role.value} of {where}"] = member = factories.make_buyer(session)
                    accounts.add_member(session, vendor_id=vendor.id, user_id=member.id, role=role)
            leaver = factories.make_buyer(session)
            accounts.add_member(session, vendor_id=sale.vendor.id, user_id=leaver.id, role=MemberRole.SCANNER)
            tokens = {
                name: sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=now) for name, user in people.items()
            }
            buyer = people["buyer"].id
        booking = app.state.booking
        order = buy(booking, sale, buyer, seats=[0])
        payment = start_payment(booking, place_order(booking, sale, buyer, seats=[1]))
        hold = booking.wait(booking.hold(event_id=sale.event.id, buyer_id=buyer, key="h", digest=b"", seats=[9]))
        ticket = tickets_of(app, {"Authorization": f"Bearer {tokens['buyer']}"})[0]["id"]
        examples = (
            ACCOUNTS
            | WEBHOOKS
            | WAITING_ROOM
            | WAITING_LIST
            | PAYMENT_METHODS
            | EVENT_LIFE
            | STAFF_SALES
            | PROMOTIONS
            | RECOMMENDATIONS
            | VENUES
            | package_examples(events={night.event.id: night.seated_type.id for night in (sale, second)})
            | vendor_examples(vendor=sale.vendor.id)
            | privacy_examples(user=buyer)
            | photo_examples(user=buyer, vendor=sale.vendor.id, event=sale.event.id)
            | people_examples(user=buyer, vendor=sale.vendor.id, member=leaver.id)
            | booking_examples(event=sale.event.id, hold=hold.id, order=order.id, payment=payment.id, ticket=ticket)
        )
        yield Scene(app, tokens, examples)


NOBODY = "nobody"
EVERYBODY = (
    NOBODY,
    "buyer",
    "stranger",
    "operator",
    "analyst",
    *(f"{role.value} of {where}" for role in MemberRole for where in ("own", "other")),
)


def expected(endpoint: Endpoint, who: str) -> str:
    """What the table says: allowed, sign in first, or not for your role."""
    roles = RULES[endpoint].roles
    if Role.ANYONE in roles:
        return "allowed"
    if who == NOBODY:
        return "401"
    mine = {Role.BUYER, *([Role(who)] if who in ("operator", "analyst") else []), *([Role(who.split()[0])] if " of " in who else [])}
    return "allowed" if roles & mine else "403"


def ask(scene: Scene, endpoint: Endpoint, who: str) -> Any:
    path, body = scene.examples[endpoint]
    headers = {"Idempotency-Key": uuid4().hex}
    if who != NOBODY:
        headers["Authorization"] = f"Bearer {scene.tokens[who]}"
    client = TestClient(scene.app, base_url="http://localhost", raise_server_exceptions=False, cookies={})
    return client.request(endpoint[0], path, json=body, headers=headers)


def test_every_endpoint_has_an_example(scene: Scene) -> None:
    assert scene.examples.keys() == RULES.keys()


ENDS_THE_ASKER = {("POST", "/api/logout"), ("POST", "/api/guests"), ("DELETE", "/api/sessions")}
"""They end the session that asks, which the other cells need: tests of accounts ask them."""

ASKS_FOR_A_CLIENT = {("POST", "/api/oauth/token"), ("POST", "/api/oauth/revoke")}
"""Open to anybody's programs, which they ask for their secret: people are not looked at."""

KEEPERS = {("DELETE", "/api/holds/{id}"), ("DELETE", "/api/orders/{id}"), ("DELETE", "/api/tickets/{ticket_id}")}
"""What would end a hold, order or ticket that the other cells need: only asked by those it does not belong to."""


@pytest.mark.parametrize("endpoint", sorted(RULES.keys() - ENDS_THE_ASKER), ids=" ".join)
def test_everybody_gets_what_the_table_says(scene: Scene, endpoint: Endpoint) -> None:
    for who in EVERYBODY:
        if endpoint in KEEPERS and who == "buyer":
            continue
        answer = ask(scene, endpoint, who)
        wanted = expected(endpoint, who)
        if endpoint in ASKS_FOR_A_CLIENT:
            assert answer.json()["error"] == "invalid_client"
        elif wanted == "allowed":
            assert answer.status_code not in (401, 403), (who, answer.status_code, answer.text)
            assert answer.status_code < 500, (who, answer.text)
        else:
            assert str(answer.status_code) == wanted, (who, answer.status_code, answer.text)


OWNED = sorted(
    endpoint
    for endpoint, rule in RULES.items()
    if rule.reach is Reach.SELF and endpoint[1].count("{") == 1 and "/events/" not in endpoint[1]
)


@pytest.mark.parametrize("endpoint", OWNED, ids=" ".join)
def test_somebody_elses_thing_is_not_found(scene: Scene, endpoint: Endpoint) -> None:
    for who in EVERYBODY:
        if who in (NOBODY, "buyer"):
            continue
        answer = ask(scene, endpoint, who)
        assert answer.status_code == 404, (who, answer.status_code, answer.text)
        if endpoint[0] != "HEAD":
            unknown = answer.json()
            assert set(unknown) <= {
                "type",
                "title",
                "status",
                "detail",
                "order_id",
                "hold_id",
                "ticket_id",
                "payment_id",
                "package_id",
                "entry_id",
                "session_id",
                "user_id",
                "id",
                "hold_ids",
            }


def test_the_owner_reaches_them(scene: Scene) -> None:
    """The control: what is not found by others is there."""
    for endpoint in OWNED:
        if endpoint[0] in ("GET", "HEAD"):
            answer = ask(scene, endpoint, "buyer")
            assert answer.status_code == 200, (endpoint, answer.text)
