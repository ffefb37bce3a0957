"""A past event, somebody who was there, somebody who was not, and members of its vendor and of another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy.orm import Session

from tests import factories
from tests.buying import buy
from tests.photos import pictures
from tests.photos.making import begin
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole, UserKind
from ticketing.accounts.tables import Vendor
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.photos.store import PhotoStore


@dataclass
class Person:
    id: UUID
    token: str


@dataclass
class Hall:
    """The application with one event that has begun two hours ago."""

    client: TestClient
    database: Database
    directory: Path
    """Where its photos lie."""
    sale: factories.OnSale
    guest: Person
    """Was there."""
    stranger: Person
    moderator: Person
    """Manager of the event's vendor."""
    other_moderator: Person
    """Owner of another vendor."""

    def person(self, **overrides: Any) -> Person:
        with self.database.transaction() as session:
            return a_person(session, **overrides)

    def ticket(self, who: Person, sale: factories.OnSale | None = None) -> None:
        """A ticket to an event that is still to come."""
        buy(self.client.app.state.booking, sale or self.sale, who.id, places=1)  # type: ignore[attr-defined]

    def past_event(self, who: Person, **overrides: Any) -> factories.OnSale:
        """One more event of the vendor where this person was."""
        with self.database.transaction() as session:
            sale = factories.make_event_on_sale(session, vendor=session.get_one(Vendor, self.sale.vendor.id), **overrides)
        self.ticket(who, sale)
        begin(self.database, sale.event.id)
        return sale

    def ask(self, method: str, path: str, who: Person | None = None, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {who.token}"} if who else {}
        answer: Response = self.client.request(method, path, headers=headers, **more)
        return answer

    def send(self, who: Person, data: bytes | None = None, *, event_id: object = None, to: UUID | None = None) -> Response:
        file = {"image": ("../../evil.exe", pictures.jpeg() if data is None else data, "text/html")}
        form = {"event_id": str(event_id or self.sale.event.id)}
        return self.ask("POST", f"/api/users/{to or who.id}/images", who, data=form, files=file)

    def sent(self, who: Person | None = None, **more: Any) -> dict[str, Any]:
        answer = self.send(who or self.guest, **more)
        assert answer.status_code == 201, answer.text
        photo: dict[str, Any] = answer.json()
        return photo

    def decide(self, photo: dict[str, Any], word: str, who: Person | None = None) -> Response:
        return self.ask("POST", f"/api/images/{photo['id']}/{word}", who or self.moderator)

    def approved(self, **more: Any) -> dict[str, Any]:
        answer = self.decide(self.sent(**more), "approve")
        assert answer.status_code == 200, answer.text
        photo: dict[str, Any] = answer.json()
        return photo

    def listed(self, path: str, who: Person | None = None) -> list[str]:
        answer = self.ask("GET", path, who)
        assert answer.status_code == 200, answer.text
        return [photo["id"] for photo in answer.json()["images"]]

    def files(self) -> set[str]:
        return {path.name for path in self.directory.iterdir()} if self.directory.exists() else set()


def a_person(session: Session, **overrides: Any) -> Person:
    user = factories.make_buyer(session, **({"kind": UserKind.REGISTERED} | overrides))
    return Person(user.id, sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session)))


def a_member(session: Session, vendor_id: UUID, role: MemberRole) -> Person:
    person = a_person(session)
    accounts.add_member(session, vendor_id=vendor_id, user_id=person.id, role=role)
    return person


@pytest.fixture(scope="module")
def stage(settings: Settings, module_database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings, module_database), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def hall(stage: TestClient, module_database: Database, tmp_path: Path) -> Hall:
    """With people, vendors and a directory of this test's own."""
    database = module_database
    stage.app.state.photos = PhotoStore(tmp_path / "photos")  # type: ignore[attr-defined]
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session)
        other = factories.make_vendor(session)
        people = [a_person(session), a_person(session)]
        people += [a_member(session, sale.vendor.id, MemberRole.MANAGER), a_member(session, other.id, MemberRole.OWNER)]
    hall = Hall(stage, database, tmp_path / "photos", sale, *people)
    hall.ticket(hall.guest)
    begin(database, sale.event.id)
    return hall
