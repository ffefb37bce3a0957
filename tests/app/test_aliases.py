"""Every alias, called for real beside what it stands for."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from tests import factories
from tests.app.test_api import guest, hold, keyed
from tests.photos.making import visit
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.access import Endpoint
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.aliases import ALIASES
from ticketing.authorisation import RULES
from ticketing.foundation.db import database_now
from ticketing.foundation.settings import Settings
from ticketing.payments.fake_provider.webhooks import sign

OF_THE_DESIGN: dict[Endpoint, Endpoint] = {
    ("POST", "/api/signUp"): ("POST", "/api/register"),
    ("POST", "/api/signIn"): ("POST", "/api/login"),
    ("POST", "/api/signOut"): ("POST", "/api/logout"),
    ("GET", "/api/currentUser"): ("GET", "/api/me"),
    ("GET", "/api/show"): ("GET", "/api/events"),
    ("GET", "/api/shows"): ("GET", "/api/events"),
    ("GET", "/api/shows/{}"): ("GET", "/api/events/{}"),
    ("POST", "/api/tickets/book"): ("POST", "/api/orders"),
    ("POST", "/api/shows/{}/tickets"): ("POST", "/api/orders"),
    ("POST", "/api/payment"): ("POST", "/api/payments"),
    ("POST", "/api/payment/callback"): ("POST", "/api/payments/webhooks/{}"),
    ("POST", "/api/tickets/refund"): ("POST", "/api/orders/{}/refunds"),
    ("GET", "/api/tickets?for_sale=true"): ("GET", "/api/listings"),
    ("POST", "/api/tickets"): ("POST", "/api/tickets/{}/listing"),
    ("PUT", "/api/tickets/{}"): ("PATCH", "/api/listings/{}"),
    ("GET", "/api/vendors/payment-methods"): ("GET", "/api/payment-methods"),
    ("POST", "/api/vendors/payment-methods"): ("POST", "/api/payment-methods"),
    ("PUT", "/api/vendors/payment-methods/{}"): ("PUT", "/api/payment-methods/{}"),
    ("DELETE", "/api/vendors/payment-methods/{}"): ("DELETE", "/api/payment-methods/{}"),
    ("POST", "/api/users/{}/upload-image"): ("POST", "/api/users/{}/images"),
}
"""Every alias of the HTTP surface's design, and what it stands for, whether that exists by now or not; ids are `{}`."""

NAMES = (
    "token|user_id|id|order_id|order_code|code|provider_ref|redirect_url|session_expires_at|payment_id|created_at|vendor_id|account_ref"
    "|buyer_id|placed_at|expires_at|seat_label|event_id|url"
)
VARYING = re.compile(rf'"({NAMES})":("[^"]*"|null)')


def unnamed(endpoint: Endpoint) -> Endpoint:
    """An endpoint without the names of its ids."""
    return endpoint[0], re.sub(r"\{\w+\}", "{}", endpoint[1])


def test_every_alias_of_the_design_is_served_once_its_target_exists() -> None:
    targets = {unnamed(endpoint) for endpoint in RULES}
    wanted = {alias: canonical for alias, canonical in OF_THE_DESIGN.items() if canonical in targets}
    served = {unnamed(alias): unnamed(canonical) for alias, canonical in ALIASES.items()}
    assert {alias: served.get(alias) for alias in wanted} == wanted
    assert served.keys() <= OF_THE_DESIGN.keys()
    assert len(wanted) >= 15


Call = tuple[str, dict[str, str], Any]
"""Address, headers, and the body: an object, bytes, or none."""


def call(client: TestClient, settings: Settings, endpoint: Endpoint, sale: factories.OnSale, *, seat: int) -> Call:
    """What one call of the endpoint needs, made anew."""
    _, path = endpoint
    who = keyed(guest(client))
    if path.endswith(("signUp", "register")):
        return path, who, {"email": f"{uuid4().hex}@example.org", "password": "correct horse", "display_name": "Ada"}
    if path.endswith(("signIn", "login")):
        body = {"email": f"{uuid4().hex}@example.org", "password": "correct horse", "display_name": "Ada"}
        assert client.post("/api/register", json=body).status_code == 201
        client.cookies.clear()
        return path, who, {name: body[name] for name in ("email", "password")}
    if path.endswith("/book"):
        return path, who, {"event_id": str(sale.event.id), "seats": [seat]}
    if path.endswith("/{event_id}/tickets"):
        return path.replace("{event_id}", str(sale.event.id)), who, {"best": {"quantity": 1}}
    if path.endswith("/orders"):
        return path, who, {"hold_ids": [hold(client, sale, who, [seat])["id"]]}
    if "payment-methods" in path:
        return for_payment_methods(client, endpoint)
    if "payment" in path:
        return for_payments(client, settings, path, sale, who, seat)
    return path.replace("{event_id}", str(sale.event.id)), who, None


def for_payment_methods(client: TestClient, endpoint: Endpoint) -> Call:
    method, path = endpoint
    who = keyed(owner(client))
    body = {"kind": "cash", "instructions": "At the door."}
    if "{method_id}" in path:
        made = client.post("/api/payment-methods", json=body, headers=who)
        return path.replace("{method_id}", made.json()["id"]), who, {"label": "Cash"}
    return path, who, None if method == "GET" else body


def for_payments(client: TestClient, settings: Settings, path: str, sale: factories.OnSale, who: dict[str, str], seat: int) -> Call:
    order = client.post("/api/orders", json={"hold_ids": [hold(client, sale, who, [seat])["id"]]}, headers=keyed(who)).json()
    if not path.endswith(("callback", "{provider}")):
        return path, who, {"order_id": order["id"]}
    payment = client.post("/api/payments", json={"order_id": order["id"]}, headers=keyed(who)).json()
    paid = {"session": payment["provider_ref"], "reference": payment["id"], "amount_minor": order["total_minor"], "currency": "EUR"}
    notice = {"id": uuid4().hex, "type": "payment.captured", "created": 1, "data": paid | {"account": payment["account_ref"]}}
    body = json.dumps(notice).encode()
    signature = sign(settings.secrets.fake_provider_webhook_secrets[0], int(time.time()), body)
    return path.replace("{provider}", "fake"), {"Fake-Signature": signature}, body


def ask(client: TestClient, settings: Settings, endpoint: Endpoint, sale: factories.OnSale, *, seat: int) -> Any:
    """One call of the endpoint."""
    if endpoint[1].endswith(("/images", "/upload-image")):
        return visit(client.app).send(client, endpoint[1])  # type: ignore[arg-type]
    path, headers, body = call(client, settings, endpoint, sale, seat=seat)
    client.cookies.clear()
    sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = client.request(endpoint[0], path, headers=headers, **sent)
    client.cookies.clear()
    return answer


def owner(client: TestClient) -> dict[str, str]:
    """Headers of the owner of a new vendor."""
    with client.app.state.database.transaction() as session:  # type: ignore[attr-defined]
        vendor, user = factories.make_vendor(session), factories.make_buyer(session)
        accounts.add_member(session, vendor_id=vendor.id, user_id=user.id, role=MemberRole.OWNER)
        token = sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session))
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("alias", ALIASES, ids=" ".join)
def test_alias_answers_like_what_it_stands_for(client: TestClient, settings: Settings, on_sale: factories.OnSale, alias: Endpoint) -> None:
    theirs, ours = ask(client, settings, alias, on_sale, seat=1), ask(client, settings, ALIASES[alias], on_sale, seat=2)
    assert theirs.status_code == ours.status_code < 300, (theirs.text, ours.text)
    assert VARYING.sub('"\\1":"…"', theirs.text) == VARYING.sub('"\\1":"…"', ours.text)
    assert theirs.headers["content-type"] == ours.headers["content-type"] if ours.text else theirs.text == ""


@pytest.mark.parametrize("alias", ALIASES, ids=" ".join)
def test_alias_refuses_whom_its_endpoint_refuses(client: TestClient, alias: Endpoint) -> None:
    statuses = []
    for method, path in (alias, ALIASES[alias]):
        path = path.replace("{event_id}", str(uuid4())).replace("{provider}", "fake")
        statuses.append(client.request(method, path, json={}).status_code)
    assert statuses[0] == statuses[1]


def test_aliases_are_marked_as_deprecated(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    for method, path in ALIASES:
        assert paths[path][method.lower()]["deprecated"] is True
