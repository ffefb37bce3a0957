"""Somebody who was at an event, for tests that need a photo."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.buying import buy
from tests.photos import pictures
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience
from ticketing.accounts.tables import Vendor
from ticketing.foundation.db import Database, Role, database_now


@dataclass(frozen=True)
class Visit:
    """Of one person to one event, which has begun two hours ago."""

    user_id: UUID
    token: str
    event_id: UUID

    def send(self, client: TestClient, path: str = "/api/users/{user_id}/images") -> Response:
        """A photo of it."""
        answer: Response = client.post(
            path.replace("{user_id}", str(self.user_id)),
            data={"event_id": str(self.event_id)},
            files={"image": ("photo.jpg", pictures.jpeg())},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        return answer


def begin(database: Database, event_id: UUID) -> None:
    """Let an event have begun two hours ago."""
    with database.transaction(Role.OWNER) as session:
        sql = "update event set starts_at = app_now() - interval '2 hours', local_start = app_now() - interval '2 hours' where id = :e"
        session.execute(text(sql), {"e": event_id})


def visit(app: FastAPI, *, vendor_id: UUID | None = None) -> Visit:
    """Somebody new buys a ticket to a new event, of this vendor or of a new one, and is there."""
    database = app.state.database
    with database.transaction() as session:
        vendor = session.get_one(Vendor, vendor_id) if vendor_id else None
        sale = factories.make_event_on_sale(session, vendor=vendor)
        user = factories.make_buyer(session)
        token = sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session))
    buy(app.state.booking, sale, user.id, places=1)
    begin(database, sale.event.id)
    return Visit(user.id, token, sale.event.id)
