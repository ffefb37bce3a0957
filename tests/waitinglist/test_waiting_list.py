"""Waiting for sold-out places: who is offered what, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.buying import buy, captured, place_order, start_payment
from tests.messages.conftest import Desk, desk, sink
from tests.sinks import Sink
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.inventory.claim import SeatsTaken
from ticketing.inventory.rules import HoldState
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel
from ticketing.waitinglist.offer import offer_everywhere

__all__ = ["desk", "sink"]


@dataclass
class Hall:
    """A sold-out event: seats 0 to 9 in one row, of which `owners` have two each; ten places on the floor."""

    client: TestClient
    database: Database
    booking: Booking
    sale: factories.OnSale
    orders: list[UUID]
    owners: list[UUID]
    floor: UUID
    _tokens: dict[UUID, str] = field(default_factory=dict)

    def newcomer(self) -> UUID:
        with self.database.transaction() as session:
            return factories.make_buyer(session).id

    def ask(self, who: UUID, method: str, path: str, body: Any = None) -> Response:
        if who not in self._tokens:
            with self.database.transaction() as session:
                self._tokens[who] = sessions.open_session(session, user_id=who, audience=Audience.SHOP, now=database_now(session))
        answer: Response = self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {self._tokens[who]}"})
        return answer

    def wait(self, who: UUID, **wish: Any) -> Any:
        answer = self.ask(who, "POST", f"/api/events/{self.sale.event.id}/waiting-list", {"quantity": 2} | wish)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def entry(self, who: UUID) -> Any:
        return self.ask(who, "GET", "/api/waiting-list").json()["entries"][0]

    def cancel(self, number: int) -> None:
        """The owner of seats 2·number and 2·number + 1 gives them back."""
        cancel = self.booking.cancel_order(order_id=self.orders[number], buyer_id=self.owners[number], key=uuid4().hex, digest=b"")
        self.booking.wait(cancel)

    def step(self) -> None:
        connection = self.database.connect(autocommit=True)
        offer_everywhere(self.database, connection)
        connection.close()

    def seats(self, entry: Any) -> list[int]:
        with self.database.transaction() as session:
            lines = session.execute(
                text("select seat_no from hold_line where hold_id = :hold order by seat_no"), {"hold": entry["hold_id"]}
            )
            return list(lines.scalars())


@pytest.fixture
def hall(settings: Settings, database: Database, booking: Booking, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session, seats=10, places=10, max_per_buyer=4)
        owners = factories.buyer_ids(session, 8)
    orders = [buy(booking, sale, owner, seats=(2 * number, 2 * number + 1)).id for number, owner in enumerate(owners[:5])]
    orders += [buy(booking, sale, owner, places=places).id for owner, places in zip(owners[5:], (4, 4, 2), strict=True)]
    assert sale.pool.section_id
    app = create_app(settings, database)
    monkeypatch.setattr(app.state.waiting_lists, "start", lambda: None)  # the tests take the steps
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield Hall(client, database, booking, sale, orders, owners, sale.pool.section_id)


def test_who_came_first_is_offered_what_becomes_free_and_buys_it(hall: Hall) -> None:
    first, second = hall.newcomer(), hall.newcomer()
    assert hall.wait(first)["ahead"] == 0
    assert hall.wait(second)["ahead"] == 1
    hall.step()
    assert hall.entry(first)["state"] == "waiting"
    hall.cancel(1)
    hall.step()
    offered = hall.entry(first)
    assert (offered["state"], hall.seats(offered)) == ("offered", [2, 3])
    assert (hall.entry(second)["state"], hall.entry(second)["ahead"]) == ("waiting", 0)
    order = hall.booking.wait(
        hall.booking.place_order(hold_ids=[UUID(offered["hold_id"])], buyer_id=first, key=uuid4().hex, digest=b"", channel=Channel.WEB)
    )
    hall.booking.wait(hall.booking.settle(captured(start_payment(hall.booking, order))))
    hall.step()
    assert hall.entry(first)["state"] == "bought"
    hall.cancel(2)
    hall.step()
    assert hall.seats(hall.entry(second)) == [4, 5]


def test_an_offer_that_is_not_taken_goes_to_the_next(hall: Hall) -> None:
    first, second = hall.newcomer(), hall.newcomer()
    hall.wait(first)
    hall.wait(second)
    hall.cancel(0)
    hall.step()
    hold = UUID(hall.entry(first)["hold_id"])
    with hall.database.transaction() as session:
        left = session.execute(text("select expires_at - app_now() from hold where id = :hold"), {"hold": hold}).scalar_one()
        assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    hall.booking.wait(hall.booking.release_hold(hold_id=hold, buyer_id=first))
    hall.step()
    assert (hall.entry(first)["state"], hall.seats(hall.entry(second))) == ("lapsed", [0, 1])


def test_an_offer_whose_time_is_up_lapses_without_the_sweeper(hall: Hall) -> None:
    first, second = hall.newcomer(), hall.newcomer()
    hall.wait(first)
    hall.wait(second)
    hall.cancel(0)
    hall.step()
    with hall.database.transaction() as session:
        session.execute(text("update hold set expires_at = app_now() where state = 'active'"))
        session.execute(text("update event_seat set held_until = app_now() where state = 'held'"))
    hall.step()
    assert (hall.entry(first)["state"], hall.entry(second)["state"]) == ("lapsed", "offered")
    assert hall.seats(hall.entry(second)) == [0, 1]


def test_wishes_for_party_section_and_price_are_kept(hall: Hall) -> None:
    four, floor, cheap, any_two = (hall.newcomer() for _ in range(4))
    hall.wait(four, quantity=4)
    hall.wait(floor, quantity=1, section_ids=[str(hall.floor)])
    hall.wait(cheap, quantity=1, max_price="30.00")
    hall.wait(any_two)
    hall.cancel(0)
    hall.step()
    assert [hall.entry(who)["state"] for who in (four, floor, cheap, any_two)] == ["waiting", "waiting", "waiting", "offered"]
    hall.cancel(7)  # two places on the floor, at half the price
    hall.step()
    assert [hall.entry(who)["state"] for who in (four, floor, cheap)] == ["waiting", "offered", "offered"]
    hall.cancel(2)
    hall.step()
    assert hall.entry(four)["state"] == "waiting"  # two free here …
    hall.cancel(3)
    hall.step()
    assert hall.seats(hall.entry(four)) == [4, 5, 6, 7]  # … and two beside them


def test_more_is_never_offered_than_is_free_when_two_processes_step_and_buyers_race(hall: Hall) -> None:
    waiting = [hall.newcomer() for _ in range(6)]
    for who in waiting:
        hall.wait(who)
    rival = hall.newcomer()
    hall.cancel(0)
    hall.cancel(3)

    def grab() -> None:
        with suppress(SeatsTaken):  # the seats may have been offered
            place_order(hall.booking, hall.sale, rival, seats=(0, 1))

    work: list[Callable[[], None]] = [hall.step, hall.step, grab]
    threads = [Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hall.step()
    offered = [hall.entry(who) for who in waiting if hall.entry(who)["state"] == "offered"]
    held = [seat for entry in offered for seat in hall.seats(entry)]
    assert len(held) == len(set(held))
    assert set(held) <= {0, 1, 6, 7}
    assert offered[0]["id"] == hall.entry(waiting[0])["id"]
    with hall.database.transaction() as session:
        free = session.execute(text("select count(*) from event_seat where state = 'free'")).scalar_one()
    assert free == 0


def test_who_has_as_many_as_one_may_is_passed_over(hall: Hall) -> None:
    second = hall.newcomer()
    hall.wait(hall.owners[0], quantity=3)
    hall.wait(second, quantity=1)
    hall.cancel(1)
    hall.cancel(2)
    hall.step()
    assert hall.entry(hall.owners[0])["state"] == "lapsed"
    assert hall.entry(second)["state"] == "offered"


def test_nothing_is_offered_while_sales_are_paused(hall: Hall) -> None:
    who = hall.newcomer()
    hall.wait(who)
    hall.cancel(0)
    with hall.database.transaction() as session:
        session.execute(text("update event set sales_paused_at = app_now() where id = :event"), {"event": hall.sale.event.id})
    hall.step()
    assert hall.entry(who)["state"] == "waiting"
    with hall.database.transaction() as session:
        session.execute(text("update event set sales_paused_at = null where id = :event"), {"event": hall.sale.event.id})
    hall.step()
    assert hall.entry(who)["state"] == "offered"


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 5}, "quantity"),
        ({"section_ids": [str(uuid4())]}, "section_ids"),
        ({"max_price": "10.001"}, "max_price"),
        ({"max_price": "0"}, "max_price"),
        ({"max_price": "1.2.3"}, "max_price"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_with_a_wish_is_named(hall: Hall, wish: dict[str, Any], name: str) -> None:
    answer = hall.ask(hall.newcomer(), "POST", f"/api/events/{hall.sale.event.id}/waiting-list", {"quantity": 2} | wish)
    assert answer.status_code == 422
    assert name in answer.json()["fields"]


def test_who_can_buy_need_not_wait_and_nobody_waits_twice(hall: Hall) -> None:
    who, path = hall.newcomer(), f"/api/events/{hall.sale.event.id}/waiting-list"
    entry = hall.wait(who)
    again = problem(hall.ask(who, "POST", path, {"quantity": 1}), 409, "already-waiting")
    assert again["entry_id"] == entry["id"]
    assert hall.ask(hall.newcomer(), "DELETE", f"/api/waiting-list/{entry['id']}").status_code == 404
    for _ in range(2):
        assert hall.ask(who, "DELETE", f"/api/waiting-list/{entry['id']}").status_code == 204
    hall.cancel(0)
    problem(hall.ask(who, "POST", path, {"quantity": 2}), 409, "places-available")
    hall.wait(who, quantity=4)
    problem(hall.ask(who, "POST", f"/api/events/{uuid4()}/waiting-list", {"quantity": 1}), 404, "event-not-listed")


def test_a_guest_joins_on_the_page_and_follows_the_mailed_link_to_checkout(hall: Hall, desk: Desk, sink: Sink) -> None:
    shop = TestClient(hall.client.app, base_url="http://localhost", follow_redirects=False, cookies={})
    page = shop.get(f"/events/{hall.sale.event.id}/waiting-list").text
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    form = {"key": key[1], "quantity": "2", "email": "waits@example.org"}
    assert "free now" not in page
    joined = shop.post(f"/events/{hall.sale.event.id}/waiting-list", data=form)
    assert joined.headers["location"] == "/waiting"
    assert "0 before you" in shop.get("/waiting").text
    hall.cancel(0)
    hall.step()
    desk.plan()
    desk.deliver(sink.mailer())
    mail = next(mail for mail in sink.mails() if mail["To"] == "waits@example.org")
    assert mail["Subject"] == "Places for you: Evening concert"
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"/offers/[A-Za-z0-9_-]+", body.get_content())
    assert link
    elsewhere = TestClient(hall.client.app, base_url="http://localhost", follow_redirects=False, cookies={})
    assert "2 places are held for you" in elsewhere.get(link[0]).text
    checkout = elsewhere.post(link[0]).headers["location"]
    assert "Evening concert" in elsewhere.get(checkout).text
    assert elsewhere.get("/offers/" + "A" * 43).status_code == 410
    hall.booking.wait(hall.booking.release_hold(hold_id=UUID(checkout.rsplit("/", 1)[1]), buyer_id=_buyer_of(hall)))
    hall.step()
    assert "This offer is over" in elsewhere.get(link[0]).text


def _buyer_of(hall: Hall) -> UUID:
    with hall.database.transaction() as session:
        found = session.execute(text("select buyer_id from hold where state = :active"), {"active": HoldState.ACTIVE.value})
        buyer: UUID = found.scalar_one()
        return buyer
