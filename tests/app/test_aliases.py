"""Every alias, called for real beside what it stands for."""

from __future__ import annotations

import re
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
from ticketing.foundation.db import database_now

NAMES = (
    "token|user_id|id|order_id|order_code|code|provider_ref|redirect_url|session_expires_at|payment_id|created_at|vendor_id|account_ref"
    "|event_id|url"
)
VARYING = re.compile(rf'"({NAMES})":("[^"]*"|null)')


def ask(client: TestClient, endpoint: Endpoint, sale: factories.OnSale, *, seat: int) -> Any:
    """One call of the endpoint, with everything it needs made anew."""
    method, path = endpoint
    if path.endswith(("/images", "/upload-image")):
        return visit(client.app).send(client, path)  # type: ignore[arg-type]
    who = guest(client)
    body: dict[str, Any] | None = None
    if path.endswith(("signUp", "register")):
        body = {"email": f"{uuid4().hex}@example.org", "password": "correct horse", "display_name": "Ada"}
    elif path.endswith(("signIn", "login")):
        body = {"email": f"{uuid4().hex}@example.org", "password": "correct horse", "display_name": "Ada"}
        assert client.post("/api/register", json=body).status_code == 201
        client.cookies.clear()
        del body["display_name"]
    elif path.endswith(("payment", "payments")):
        order = client.post("/api/orders", json={"hold_ids": [hold(client, sale, who, [seat])["id"]]}, headers=keyed(who))
        body = {"order_id": order.json()["id"]}
    elif "payment-methods" in path:
        who = owner(client)
        if method != "GET":
            body = {"kind": "cash", "instructions": "At the door."}
        if "{method_id}" in path:
            made = client.post("/api/payment-methods", json=body, headers=keyed(who))
            path, body = path.replace("{method_id}", made.json()["id"]), {"label": "Cash"}
    answer = client.request(method, path.replace("{event_id}", str(sale.event.id)), json=body, headers=keyed(who))
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
def test_alias_answers_like_what_it_stands_for(client: TestClient, on_sale: factories.OnSale, alias: Endpoint) -> None:
    theirs, ours = ask(client, alias, on_sale, seat=1), ask(client, ALIASES[alias], on_sale, seat=2)
    assert theirs.status_code == ours.status_code < 300
    assert VARYING.sub('"\\1":"…"', theirs.text) == VARYING.sub('"\\1":"…"', ours.text)
    assert theirs.headers["content-type"] == ours.headers["content-type"] if ours.text else theirs.text == ""


@pytest.mark.parametrize("alias", ALIASES, ids=" ".join)
def test_alias_refuses_whom_its_endpoint_refuses(client: TestClient, alias: Endpoint) -> None:
    statuses = []
    for method, path in (alias, ALIASES[alias]):
        statuses.append(client.request(method, path.replace("{event_id}", str(uuid4())), json={}).status_code)
    assert statuses[0] == statuses[1]


def test_aliases_are_marked_as_deprecated(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    for method, path in ALIASES:
        assert paths[path][method.lower()]["deprecated"] is True
