"""What is recommended to whom, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests import factories
from tests.buying import buy
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.orders.booking import Booking
from ticketing.recommendations.popular import PopularShelf


@dataclass
class Town:
    client: TestClient
    database: Database
    booking: Booking
    sales: list[factories.OnSale]
    """Of the same city."""
    away: factories.OnSale
    buyers: list[UUID]

    def ask(self, buyer: UUID, path: str = "/api/recommendations", method: str = "GET") -> Any:
        self.client.app.state.popular = PopularShelf(self.database)  # type: ignore[attr-defined]
        answer = self.client.request(method, path, headers={"Authorization": f"Bearer {self.token(buyer)}"})
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def token(self, buyer: UUID) -> str:
        with self.database.transaction() as session:
            return sessions.open_session(session, user_id=buyer, audience=Audience.SHOP, now=database_now(session))

    def named(self, answer: Any) -> list[int | str]:
        names: dict[str, int | str] = {str(sale.event.id): number for number, sale in enumerate(self.sales)}
        names[str(self.away.event.id)] = "away"
        return [names[one["event"]["id"]] for one in answer["recommendations"]]


@pytest.fixture
def town(settings: Settings, database: Database, booking: Booking) -> Iterator[Town]:
    with database.transaction() as session:
        sales = [factories.make_event_on_sale(session, seats=4, places=2) for _ in range(3)]
        away = factories.make_event_on_sale(session)
        buyers = factories.buyer_ids(session, 6)
        session.execute(text("update venue set city = 'Elsewhere' where id = :venue"), {"venue": away.event.venue_id})
    with TestClient(create_app(settings, database), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield Town(client, database, booking, sales, away, buyers)


def test_what_sells_most_in_the_buyers_city_comes_first_and_what_was_bought_is_left_out(town: Town) -> None:
    me, *others = town.buyers
    buy(town.booking, town.sales[0], me, seats=(1,))
    buy(town.booking, town.sales[2], others[0], seats=(1, 2))
    buy(town.booking, town.sales[1], others[1], seats=(1,))
    for number in (1, 2, 3):
        buy(town.booking, town.away, others[number], seats=(number,))
    mine = town.ask(me)
    assert town.named(mine) == [2, 1, "away"]
    assert (mine["source"], mine["model"], mine["city"]) == ("popular", None, mine["recommendations"][0]["event"]["city"])
    assert [one["reason"]["kind"] for one in mine["recommendations"]] == ["popular_in_city", "popular_in_city", "popular"]
    assert town.named(town.ask(me, "/api/recommendations?city=Elsewhere&limit=2")) == ["away", 2]


def test_without_a_purchase_it_is_what_sells_most_anywhere_and_then_what_comes_soon(town: Town) -> None:
    me, other, *_ = town.buyers
    buy(town.booking, town.away, other, seats=(1,))
    answer = town.ask(me)
    assert town.named(answer)[0] == "away"
    assert [one["reason"]["kind"] for one in answer["recommendations"]] == ["popular", "soon", "soon", "soon"]
    assert answer["city"] is None


def test_sold_out_past_and_hidden_events_are_not_recommended(town: Town) -> None:
    me, *others = town.buyers
    buy(town.booking, town.sales[0], others[0], seats=(0, 1, 2, 3), places=2)
    with town.database.transaction() as session:
        session.execute(text("update event set visibility = 'hidden' where id = :event"), {"event": town.sales[1].event.id})
        session.execute(text("update event set sales_close_at = app_now() where id = :event"), {"event": town.away.event.id})
    assert town.named(town.ask(me)) == [2]


def test_what_sold_more_than_two_weeks_ago_does_not_count(town: Town) -> None:
    me, other, another, *_ = town.buyers
    buy(town.booking, town.sales[0], other, seats=(1, 2, 3))
    buy(town.booking, town.sales[1], another, seats=(1,))
    with town.database.transaction() as session:
        old = datetime.now(UTC) - timedelta(days=15)
        session.execute(text("update ticket set issued_at = :old where event_id = :event"), {"old": old, "event": town.sales[0].event.id})
    assert town.named(town.ask(me))[0] == 1


def test_who_opts_out_gets_none_until_they_opt_in_again(town: Town) -> None:
    me = town.buyers[0]
    for _ in range(2):
        town.ask(me, "/api/recommendations/opt-out", "POST")
    assert town.ask(me) == {"recommendations": [], "source": "opted_out", "model": None, "city": None}
    assert town.ask(town.buyers[1])["source"] == "popular"
    for _ in range(2):
        town.ask(me, "/api/recommendations/opt-out", "DELETE")
    assert town.ask(me)["source"] == "popular"
    with town.database.transaction() as session:
        actions = session.execute(text("select action from audit_entry where action like 'recommendations%' order by id")).scalars()
        assert list(actions) == ["recommendations.opted_out", "recommendations.opted_in"]


def test_a_database_that_is_too_slow_is_not_waited_for(town: Town) -> None:
    me = town.buyers[0]
    assert town.ask(me)["source"] == "popular"
    token = town.token(me)
    with town.database.transaction() as session:
        session.execute(text("lock table recommendation_opt_out in access exclusive mode"))
        answers = [town.client.get("/api/recommendations", headers={"Authorization": f"Bearer {token}"}).json() for _ in range(6)]
        assert {answer["source"] for answer in answers} == {"fallback"}
        assert len(answers[-1]["recommendations"]) == 4
        assert town.client.app.state.popular.circuit.state.state == "opened"  # type: ignore[attr-defined]
