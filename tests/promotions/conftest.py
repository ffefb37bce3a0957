"""A vendor's office over HTTP: its owner, a member without the right, another vendor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy.orm import Session

from tests import factories
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.tables import Vendor
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings


@dataclass
class Office:
    client: TestClient
    database: Database
    sale: factories.OnSale
    owner: str
    other: factories.OnSale
    other_owner: str

    def ask(self, method: str, path: str, body: Any = None, *, who: str | None = None) -> Response:
        answer: Response = self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {who or self.owner}"})
        return answer

    def make(self, **body: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/api/promotions", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


def _owner(session: Session, vendor: Vendor) -> str:
    user = factories.make_buyer(session)
    accounts.add_member(session, vendor_id=vendor.id, user_id=user.id, role=MemberRole.OWNER)
    return sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session))


@pytest.fixture
def office(settings: Settings, database: Database) -> Iterator[Office]:
    with database.transaction() as session:
        sale, other = factories.make_event_on_sale(session), factories.make_event_on_sale(session)
        owner, other_owner = _owner(session, sale.vendor), _owner(session, other.vendor)
    with TestClient(create_app(settings, database), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield Office(client, database, sale, owner, other, other_owner)
