"""A vendor's office over HTTP, with a hall in which events are made, sold and moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import factories
from tests.buying import captured, start_payment
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.tables import Vendor
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.db import Role as DatabaseRole
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import Severity, run_all
from ticketing.orders.booking import Booking
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel


@dataclass
class Office:
    client: TestClient
    database: Database
    vendor_id: UUID
    owner: str
    owner_id: UUID
    other: str
    """The owner of another vendor."""
    booking: Booking

    def ask(self, method: str, path: str, body: Any = None, *, who: str | None = None, **headers: str) -> Response:
        headers = {"Authorization": f"Bearer {who or self.owner}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        answer: Response = self.client.request(method, path, json=body, headers=headers)
        return answer

    def made(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.ask(method, path, body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def configuration(self, *, kind: str = "mixed") -> str:
        venue = self.made(
            "POST", "/api/venues", {"name": factories.unique("Hall"), "city": "Berlin", "country": "DE", "zone": "Europe/Berlin"}
        )
        made = self.made("POST", f"/api/venues/{venue['id']}/configurations", {"name": "Seated", "kind": kind})
        return str(made["id"])

    def publish(self, configuration: str, plan: dict[str, Any], query: str = "") -> dict[str, Any]:
        """What publishing a new version answers."""
        layout = self.made("POST", f"/api/configurations/{configuration}/layouts{query}", plan)
        return self.made("POST", f"/api/layouts/{layout['id']}/publish")

    def event(self, layout_id: str, *, publish: bool = True, prices: Sequence[tuple[str, str]] = (("Stalls", "50.00"),)) -> str:
        body = {
            "layout_id": layout_id,
            "title": factories.unique("Concert"),
            "category": "concert",
            "local_start": "2099-03-20T20:00:00",
            "zone": "Europe/Berlin",
            "sales_open_at": "2020-03-20T20:00:00+01:00",
            "currency": "EUR",
            "prices": [{"category": name, "price": price} for name, price in prices],
        }
        event = self.made("POST", "/api/events", body)
        if publish:
            self.made("POST", f"/api/events/{event['id']}/publish")
        return str(event["id"])

    def number(self, event: str, guid: str) -> int:
        """The number of the seat that the plan calls so."""
        with self.database.transaction(DatabaseRole.READER) as session:
            sql = "select ls.seat_no from event e join layout_seat ls on ls.layout_id = e.layout_id where e.id = :e and ls.guid = :g"
            return int(session.execute(text(sql), {"e": event, "g": guid}).scalar_one())

    def buyer(self) -> UUID:
        with self.database.transaction() as session:
            return factories.make_buyer(session).id

    def hold(self, event: str, *guids: str, places: int = 0, buyer: UUID | None = None) -> Any:
        seats = [self.number(event, guid) for guid in guids]
        pools = [(self.pool(event), places)] if places else []
        who = buyer or self.buyer()
        return self.booking.wait(
            self.booking.hold(event_id=UUID(event), buyer_id=who, key=uuid4().hex, digest=b"", seats=seats, places=pools)
        )

    def pool(self, event: str) -> UUID:
        with self.database.transaction(DatabaseRole.READER) as session:
            found = session.execute(text("select id from pool where event_id = :e"), {"e": event}).scalar_one()
            assert isinstance(found, UUID)
            return found

    def order(self, event: str, *guids: str, places: int = 0, buyer: UUID | None = None) -> OrderView:
        """Not yet paid."""
        hold = self.hold(event, *guids, places=places, buyer=buyer)
        placing = self.booking.place_order(hold_ids=[hold.id], buyer_id=hold.buyer_id, key=uuid4().hex, digest=b"", channel=Channel.WEB)
        order: OrderView = self.booking.wait(placing)
        return order

    def sell(self, event: str, *guids: str, places: int = 0, buyer: UUID | None = None) -> OrderView:
        """A paid order."""
        order = self.order(event, *guids, places=places, buyer=buyer)
        self.booking.wait(self.booking.settle(captured(start_payment(self.booking, order))))
        return order

    def seats_of(self, order: OrderView) -> list[str]:
        """The plan's names of the seats of an order's valid tickets, as the event's layout has them now."""
        sql = """
            select ls.guid from ticket t join event e on e.id = t.event_id
            join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = t.seat_no
            where t.order_id = :o and t.state = 'valid' order by t.code
        """
        with self.database.transaction(DatabaseRole.READER) as session:
            return list(session.execute(text(sql), {"o": order.id}).scalars())

    def plan_of(self, event: str) -> dict[str, Any]:
        """The newest plan of an event."""
        found: dict[str, Any] = self.made("GET", f"/api/events/{event}/reseatings")["reseatings"][0]
        return found

    def apply(self, plan_id: str, *, key: str | None = None, who: str | None = None) -> Response:
        return self.ask("POST", f"/api/reseatings/{plan_id}/apply", who=who, Idempotency_Key=key or uuid4().hex)

    def check(self) -> None:
        """Nothing contradicts anything else."""
        results = {result.code: result for result in run_all(self.database) if result.severity is Severity.SAFETY}
        assert {"S1", "S2", "S3", "S4", "T1"} <= results.keys()
        assert {code: result.violations for code, result in results.items() if not result.holds} == {}


def _owner(session: Session, vendor: Vendor) -> tuple[str, UUID]:
    user = factories.make_buyer(session)
    accounts.add_member(session, vendor_id=vendor.id, user_id=user.id, role=MemberRole.OWNER)
    return sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=database_now(session)), user.id


@pytest.fixture(scope="module")
def office(settings: Settings, module_database: Database) -> Iterator[Office]:
    database = module_database
    with database.transaction() as session:
        vendor = factories.make_vendor(session)
        owner, owner_id = _owner(session, vendor)
        other, _ = _owner(session, factories.make_vendor(session))
    app = create_app(settings, database)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield Office(client, database, vendor.id, owner, owner_id, other, app.state.booking)
