"""A vendor's sales over HTTP: the published figures, dated, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from sql.snapshot import open_snapshot
from sql.warehouse import Warehouse
from tests import factories
from tests.sql.market import Market
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.app import create_app
from ticketing.export.roll_up import roll_up
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATE_ON_TUESDAY = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
"""Wednesday in Berlin."""


class Shop:
    """Two vendors who have sold, and one vendor's people."""

    def __init__(self, client: TestClient, database: Database, settings: Settings) -> None:
        self.client, self.settings = client, settings
        market = Market(database)
        self.concert = market.open_event(title="Concert", price_minor=9_000)
        self.matinee = market.open_event(title="Matinee", vendor=self.concert.vendor, currency="JPY", price_minor=4_000)
        self.other = market.open_event(title="Not mine")
        with database.connect() as connection:
            market.sell(connection, self.concert, quantity=2, at=MONDAY)
            order = market.sell(connection, self.concert, quantity=1, at=LATE_ON_TUESDAY)
            market.pay_back(connection, market.cancel(connection, order, at=LATE_ON_TUESDAY), at=LATE_ON_TUESDAY)
            market.sell(connection, self.matinee, quantity=4, at=MONDAY)
            market.sell(connection, self.other, quantity=8, at=MONDAY)
        with database.transaction() as session:
            now = database_now(session)
            self.tokens = {}
            for role in MemberRole:
                user = factories.make_buyer(session)
                accounts.add_member(session, vendor_id=self.concert.vendor.id, user_id=user.id, role=role)
                self.tokens[role] = sessions.open_session(session, user_id=user.id, audience=Audience.SHOP, now=now)
        self.database = database

    def publish(self) -> None:
        with Warehouse(self.settings.warehouse_path) as warehouse:
            roll_up(self.database, warehouse)

    def ask(self, query: str = "", *, role: MemberRole = MemberRole.OWNER, vendor: Any = None) -> Response:
        path = f"/api/vendors/{vendor or self.concert.vendor.id}/sales{query}"
        answer: Response = self.client.get(path, headers={"Authorization": f"Bearer {self.tokens[role]}"})
        return answer


@pytest.fixture(scope="module")
def shop(settings: Settings, module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    own = settings.model_copy(update={"home": tmp_path_factory.mktemp("reports"), "secrets_file": settings.secrets_path})
    with TestClient(create_app(own, module_database), base_url="http://localhost", raise_server_exceptions=False) as client:
        shop = Shop(client, module_database, own)
        before = shop.ask().json()
        assert (before["as_of"], before["totals"], before["by_day"]) == (None, [], [])  # nothing published yet
        shop.publish()
        yield shop


def test_totals_are_by_currency_event_type_and_day(shop: Shop) -> None:
    report = shop.ask().json()
    assert report["as_of"] == open_snapshot(shop.settings.warehouse_path).captured_at.isoformat()
    assert [(t["currency"], t["tickets"], t["cancelled_tickets"], t["sold"]) for t in report["totals"]] == [
        ("EUR", 3, 1, 2),
        ("JPY", 4, 0, 4),
    ]
    euros = report["totals"][0]
    assert euros["gross_minor"] == 3 * (4_500 + shop.concert.standing_type.fee_minor)
    assert (euros["refund_minor"], euros["net_minor"]) == (4_500, euros["gross_minor"] - 4_500)
    assert {e["title"]: e["sold"] for e in report["by_event"]} == {"Concert": 2, "Matinee": 4}
    assert {t["ticket_type_id"]: t["sold"] for t in report["by_type"]} == {
        str(shop.concert.standing_type.id): 2,
        str(shop.matinee.standing_type.id): 4,
    }
    days = [(d["day"], d["currency"], d["tickets"], d["sold"]) for d in report["by_day"]]
    assert days == [("2026-03-02", "EUR", 2, 2), ("2026-03-02", "JPY", 4, 4), ("2026-03-04", "EUR", 1, 0)]


def test_days_and_event_narrow_all_of_it(shop: Shop) -> None:
    wednesday = shop.ask("?from_day=2026-03-03").json()
    assert [(t["currency"], t["tickets"]) for t in wednesday["totals"]] == [("EUR", 1)]
    assert [e["title"] for e in wednesday["by_event"]] == ["Concert"]
    monday = shop.ask(f"?to_day=2026-03-03&event_id={shop.matinee.event.id}").json()
    assert [(t["currency"], t["tickets"]) for t in monday["totals"]] == [("JPY", 4)]
    assert [d["day"] for d in monday["by_day"]] == ["2026-03-02"]


def test_nothing_of_another_vendor_is_in_it(shop: Shop) -> None:
    assert shop.ask(vendor=shop.other.vendor.id).status_code == 404
    narrowed = shop.ask(f"?event_id={shop.other.event.id}").json()
    assert (narrowed["totals"], narrowed["by_event"], narrowed["by_type"], narrowed["by_day"]) == ([], [], [], [])
    assert str(shop.other.event.id) not in shop.ask().text


@pytest.mark.parametrize("role", MemberRole)
def test_who_sees_figures(shop: Shop, role: MemberRole) -> None:
    allowed = role in (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.FINANCE)
    assert shop.ask(role=role).status_code == (200 if allowed else 403)


@pytest.mark.parametrize("query", ["?from_day=yesterday", "?to_day=2026-02-30", "?event_id=x"])
def test_what_is_no_day_or_event_is_refused(shop: Shop, query: str) -> None:
    assert shop.ask(query).status_code == 422
