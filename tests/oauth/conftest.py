"""An owner of a vendor, a buyer with a browser, a program of the vendor's, and what they do."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from tests import factories
from ticketing.accounts import service as accounts
from ticketing.accounts.access_tokens import AccessTokens
from ticketing.accounts.rules import MemberRole
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

BACK = "https://app.example.org/back?x=1"
PASSWORD = "a long password"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@dataclass
class Town:
    """An owner of a vendor, a buyer with a browser, a program of the vendor's, an event on sale."""

    database: Database
    app: Any
    browser: TestClient
    buyer_id: str
    owner: Mapping[str, str]
    sale: factories.OnSale
    program: dict[str, Any]

    @property
    def tokens(self) -> AccessTokens:
        tokens: AccessTokens = self.app.state.access_tokens
        return tokens

    def client(self) -> TestClient:
        return TestClient(self.app, base_url="http://localhost", cookies={}, follow_redirects=False)

    def add_program(self, **changes: Any) -> dict[str, Any]:
        body = {"name": "App", "redirect_uris": [BACK], "scopes": ["profile", "buy", "events"]} | changes
        answer = self.client().post(f"/api/vendors/{self.sale.vendor.id}/clients", json=body, headers=self.owner)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def wish(self, **changes: str) -> dict[str, str]:
        return {
            "response_type": "code",
            "client_id": self.program["id"],
            "redirect_uri": BACK,
            "scope": "profile buy",
            "state": "s/1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes

    def code(self, **changes: str) -> str:
        answer = self.browser.post("/oauth/authorize", data=self.wish(**changes) | {"decision": "allow"})
        assert answer.status_code == 303, answer.text
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        assert back["state"] == ["s/1"]
        code: str = back["code"][0]
        return code

    def token(self, **form: str) -> Response:
        who = {"client_id": self.program["id"], "client_secret": self.program["secret"]}
        answer: Response = self.client().post("/api/oauth/token", data=who | form)
        return answer

    def redeem(self, code: str, /, **changes: str) -> Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return self.token(**(form | changes))

    def renew(self, token: str) -> Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def me(self, access: str) -> Response:
        answer: Response = self.client().get("/api/me", headers={"Authorization": f"Bearer {access}"})
        return answer

    def hold(self, access: str, seat: int) -> Response:
        headers = {"Authorization": f"Bearer {access}", "Idempotency-Key": uuid4().hex}
        answer: Response = self.client().post(f"/api/events/{self.sale.event.id}/holds", json={"seats": [seat]}, headers=headers)
        return answer


@pytest.fixture
def town(settings: Settings, database: Database) -> Iterator[Town]:
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session)
    app = create_app(settings.model_copy(update={"public_url": "http://localhost"}), database)
    with TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False) as browser:
        owner = browser.post("/api/register", json={"email": "owner@example.org", "password": PASSWORD, "display_name": "Owner"}).json()
        with database.transaction() as session:
            accounts.add_member(session, vendor_id=sale.vendor.id, user_id=UUID(owner["user_id"]), role=MemberRole.OWNER)
        browser.cookies.clear()
        buyer = browser.post("/api/register", json={"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"}).json()
        town = Town(database, app, browser, buyer["user_id"], {"Authorization": f"Bearer {owner['token']}"}, sale, {})
        town.program = town.add_program()
        yield town
