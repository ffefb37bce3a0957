"""Sales of an event close and reopen, it is postponed and cloned; its ticket types change."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.buying import buy, captured, place_order, start_payment
from tests.inventory.test_vendor_routes import Office, office
from ticketing.catalog.rules import EVENT_TRANSITIONS, EventStatus
from ticketing.foundation.errors import TicketingError
from ticketing.invariants.runner import run_all
from ticketing.inventory.claim import NotOnSale, SoldOut, TicketTypeNotOnSale
from ticketing.inventory.holds import HoldView
from ticketing.orders.settle import Settlement

__all__ = ["office"]


def path_of(office: Office, suffix: str = "") -> str:
    return f"/api/events/{office.sale.event.id}{suffix}"


def buyer(office: Office) -> UUID:
    with office.database.transaction() as session:
        return factories.make_buyer(session).id


def hold(office: Office, event_id: UUID, **places: Any) -> HoldView | TicketingError:
    """A hold of a new buyer, or why there is none."""
    booking = office.booking
    try:
        return booking.wait(booking.hold(event_id=event_id, buyer_id=buyer(office), key=uuid4().hex, digest=b"", **places))
    except TicketingError as error:
        return error


def rows(office: Office, sql: str, **values: Any) -> list[Any]:
    with office.database.transaction() as session:
        return list(session.execute(text(sql), values).all())


def fields_of(answer: Response) -> dict[str, str]:
    """What a 422 says of each field."""
    assert answer.status_code == 422, answer.text
    fields: dict[str, str] = answer.json()["fields"]
    return fields


def verified(office: Office) -> None:
    assert [result for result in run_all(office.database) if result.broken] == []


def test_closed_sales_sell_nothing_and_take_the_money_of_holds_that_were_made(office: Office) -> None:
    booking, event = office.booking, office.sale.event
    order = place_order(booking, office.sale, buyer(office), seats=[1])
    payment = start_payment(booking, order)
    closed = office.ask("POST", path_of(office, "/close-sales"))
    assert (closed.status_code, closed.json()["version"], closed.headers["etag"]) == (200, 2, '"2"')
    assert closed.json()["sales_paused_at"] is not None
    assert office.client.get(path_of(office)).json()["on_sale"] is False
    assert isinstance(hold(office, event.id, seats=[2]), NotOnSale)
    assert booking.wait(booking.settle(captured(payment))) is Settlement.CONFIRMED
    again = office.ask("POST", path_of(office, "/close-sales"))
    assert again.json() == closed.json()
    reopened = office.ask("POST", path_of(office, "/reopen-sales"), match='"2"')
    assert (reopened.json()["sales_paused_at"], reopened.json()["version"]) == (None, 3)
    assert isinstance(hold(office, event.id, seats=[2]), HoldView)
    actions = rows(office, "select action, actor_id is not null from audit_entry where subject_id = :e order by id", e=event.id)
    assert actions == [("event.sales_closed", True), ("event.sales_reopened", True)]
    verified(office)


def test_nothing_is_held_once_closing_was_answered(office: Office) -> None:
    """Buyers race with the vendor: a hold that began after the answer is refused, whoever was in the queue."""
    event, closed, late = office.sale.event.id, threading.Event(), []
    people = [buyer(office) for _ in range(40)]

    def buy_one(number: int) -> None:
        after = closed.is_set()
        booking = office.booking
        try:
            booking.wait(booking.hold(event_id=event, buyer_id=people[number], key=str(number), digest=b"", seats=[number]))
        except NotOnSale:
            return
        if after:
            late.append(number)

    def close() -> None:
        assert office.ask("POST", path_of(office, "/close-sales")).status_code == 200
        closed.set()

    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(buy_one, number) for number in range(10)]
        closing = pool.submit(close)
        others = [pool.submit(buy_one, number) for number in range(10, 30)]
        for work in (*first, closing, *others):
            work.result()
        for work in [pool.submit(buy_one, number) for number in range(30, 40)]:
            work.result()
    assert late == []
    assert rows(office, "select count(*) from event_seat where event_id = :e and state = 'held'", e=event)[0][0] <= 30


def test_sales_are_not_closed_or_reopened_when_there_are_none(office: Office) -> None:
    draft = office.make()
    for action in ("close-sales", "reopen-sales"):
        problem(office.ask("POST", f"/api/events/{draft['id']}/{action}"), 409, "nothing-on-sale")
        problem(office.ask("POST", path_of(office, f"/{action}"), match='"9"'), 412, "event-version-changed")
        problem(office.ask("POST", path_of(office, f"/{action}"), who=office.stranger), 404, "event-unknown")
    rows(office, "update event set sales_close_at = now() - interval '1 hour' where id = :e returning 1", e=office.sale.event.id)
    problem(office.ask("POST", path_of(office, "/reopen-sales")), 409, "sales-over")


def test_a_postponed_event_keeps_its_tickets_and_sells_again_when_reopened(office: Office) -> None:
    booking, event = office.booking, office.sale.event
    order = buy(booking, office.sale, buyer(office), seats=[4, 5])
    answer = office.ask("POST", path_of(office, "/postpone"), {"local_start": "2031-05-01T21:00:00"}, match='"1"')
    assert answer.status_code == 200, answer.text
    moved = answer.json()
    assert (moved["status"], moved["local_start"], moved["starts_at"]) == ("postponed", "2031-05-01T21:00:00", "2031-05-01T19:00:00+00:00")
    assert moved["sales_close_at"] == moved["starts_at"]  # they ended with the start, and still do
    assert moved["refund_policy"] == event.refund_policy
    assert isinstance(hold(office, event.id, seats=[6]), NotOnSale)
    assert rows(office, "select distinct state from ticket where order_id = :o", o=order.id) == [("valid",)]
    assert office.client.get(path_of(office)).json()["status"] == "postponed"
    problem(office.ask("POST", path_of(office, "/close-sales")), 409, "nothing-on-sale")
    again = office.ask("POST", path_of(office, "/postpone"), {"local_start": "2031-06-01T21:00:00"}, match=answer.headers["etag"])
    assert (again.json()["status"], again.json()["version"]) == ("postponed", 3)
    assert office.ask("POST", path_of(office, "/reopen-sales")).json()["status"] == "published"
    assert isinstance(hold(office, event.id, seats=[6]), HoldView)
    told = rows(office, "select o.topic from outbox o join event_postponement p on p.id = o.subject_id where p.event_id = :e", e=event.id)
    assert told == [("event.postponed",)] * 2
    verified(office)


def test_doors_keep_their_distance_from_the_start_and_what_is_named_is_set(office: Office) -> None:
    event = office.make(doors_at="2030-03-20T18:00:00Z", sales_close_at="2030-03-20T12:00:00Z")
    path = f"/api/events/{event['id']}"
    office.ask("POST", f"{path}/publish")
    body = {"local_start": "2030-07-01T20:00:00"}
    moved = office.ask("POST", f"{path}/postpone", body, match="*").json()
    assert (moved["doors_at"], moved["starts_at"]) == ("2030-07-01T17:00:00+00:00", "2030-07-01T18:00:00+00:00")
    assert moved["sales_close_at"] == "2030-03-20T12:00:00+00:00"
    named = body | {"local_start": "2030-07-02T20:00:00", "doors_at": "2030-07-02T17:30:00Z", "sales_close_at": "2030-07-02T12:00:00Z"}
    moved = office.ask("POST", f"{path}/postpone", named, match="*").json()
    assert (moved["doors_at"], moved["sales_close_at"]) == ("2030-07-02T17:30:00+00:00", "2030-07-02T12:00:00+00:00")


UNTIMELY: list[tuple[dict[str, Any], str]] = [
    ({"local_start": "2031-03-30T02:30:00"}, "local_start"),
    ({"local_start": "2020-03-30T12:30:00"}, "local_start"),
    ({"local_start": "2031-04-30T20:00:00+02:00"}, "local_start"),
    ({"local_start": "2031-04-30T20:00:00", "doors_at": "2031-04-30T20:00:00Z"}, "doors_at"),
    ({"local_start": "2031-04-30T20:00:00", "sales_close_at": "2020-04-30T20:00:00Z"}, "sales_open_at"),
    ({}, "local_start"),
]


def test_a_new_time_that_can_not_be_is_named(office: Office) -> None:
    for body, field in UNTIMELY:
        assert field in fields_of(office.ask("POST", path_of(office, "/postpone"), body, match="*")), body
    assert rows(office, "select status, version from event where id = :e", e=office.sale.event.id) == [("published", 1)]


def test_an_event_that_has_let_people_in_or_is_a_draft_is_not_postponed(office: Office) -> None:
    body = {"local_start": "2031-05-01T21:00:00"}
    problem(office.ask("POST", f"/api/events/{office.make()['id']}/postpone", body, match="*"), 409, "transition-not-allowed")
    problem(office.ask("POST", path_of(office, "/postpone"), body), 428, "version-needed")
    problem(office.ask("POST", path_of(office, "/postpone"), body, match="*", who=office.stranger), 404, "event-unknown")
    buy(office.booking, office.sale, buyer(office), seats=[4])
    rows(office, "update ticket set state = 'used' where event_id = :e returning 1", e=office.sale.event.id)
    problem(office.ask("POST", path_of(office, "/postpone"), body, match="*"), 409, "event-has-begun")


def test_a_clone_is_a_draft_of_the_same_series_with_nothing_sold(office: Office) -> None:
    booking, event = office.booking, office.sale.event
    queue = {"opens_at": (event.sales_open_at).isoformat(), "most_shoppers": 7}
    assert office.ask("PUT", path_of(office, "/queue"), queue).status_code == 200
    standing = f"/ticket-types/{office.sale.standing_type.id}"
    assert office.ask("PATCH", path_of(office, standing), {"capacity": 80}, match="*").status_code == 200
    with office.database.transaction() as session:
        entered = factories.make_buyer(session).id
    booking.wait(booking.enter_queue(event_id=event.id, buyer_id=entered, tell=False))
    answer = office.ask("POST", path_of(office, "/clone"), {"local_start": "2031-05-02T19:30:00"})
    assert answer.status_code == 201, answer.text
    clone = answer.json()
    original = office.ask("GET", f"/api/vendors/{office.sale.vendor.id}/events/{event.id}").json()
    assert (clone["status"], clone["version"], clone["local_start"]) == ("draft", 1, "2031-05-02T19:30:00")
    assert clone["sales_close_at"] == clone["starts_at"]
    for same in ("layout_id", "title", "prices", "payment_providers", "sales_open_at", "max_per_buyer", "refund_policy", "hold_seconds"):
        assert clone[same] == original[same]
    assert rows(office, "select count(*), count(distinct series_id) from event where id in (:a, :b)", a=event.id, b=clone["id"]) == [(2, 1)]
    assert rows(office, "select capacity, held, sold from pool where event_id = :c", c=clone["id"]) == [(80, 0, 0)]
    assert rows(office, "select distinct state, count(*) from event_seat where event_id = :c group by 1", c=clone["id"]) == [("free", 50)]
    assert rows(office, "select most_shoppers, admitted_upto, drawn_at from queue where event_id = :c", c=clone["id"]) == [(7, 0, None)]
    assert rows(office, "select count(*) from queue_entry where event_id = :c", c=clone["id"]) == [(0,)]
    assert rows(office, "select count(*) from outbox where subject_id = :c", c=clone["id"]) == [(0,)]
    published = office.ask("POST", f"/api/events/{clone['id']}/publish")
    assert published.status_code == 200, published.text
    assert rows(office, "select count(*) from event_seat where event_id = :c", c=clone["id"]) == [(50,)]
    assert rows(office, "select count(*), sum(capacity) from pool where event_id = :c", c=clone["id"]) == [(1, 80)]
    third = office.ask("POST", path_of(office, "/clone"), {"local_start": "2031-05-03T19:30:00", "title": "Matinee"}).json()
    assert third["title"] == "Matinee"
    nights = [night["id"] for night in office.client.get(path_of(office)).json()["other_nights"]]
    assert nights == [clone["id"]]  # the third is a draft still
    verified(office)


def test_a_clone_closes_what_only_a_code_opens(office: Office) -> None:
    code: dict[str, Any] = {"code": "FRIENDS", "kind": "access", "event_id": str(office.sale.event.id)}
    code |= {"ticket_type_ids": [str(office.sale.standing_type.id)]}
    assert office.ask("POST", "/api/promotions", code).status_code == 201
    clone = office.ask("POST", path_of(office, "/clone"), {"local_start": "2031-05-02T19:30:00"}).json()
    (types,) = rows(office, "select access_types from event where id = :c", c=clone["id"])
    (floor,) = rows(office, "select id from ticket_type where event_id = :c and name = 'Floor'", c=clone["id"])
    assert types[0] == [floor.id]


def test_a_clone_is_refused_at_a_time_that_no_clock_shows_or_before_its_sales(office: Office) -> None:
    for local_start, field in (("2031-03-30T02:30:00", "local_start"), ("2001-03-30T12:30:00", "sales_open_at")):
        assert field in fields_of(office.ask("POST", path_of(office, "/clone"), {"local_start": local_start}))
    stranger = office.ask("POST", path_of(office, "/clone"), {"local_start": "2031-05-02T19:30:00"}, who=office.stranger)
    problem(stranger, 404, "event-unknown")
    assert rows(office, "select count(*) from event where vendor_id = :v", v=office.sale.vendor.id) == [(1,)]


def test_a_ticket_type_is_held_only_in_its_own_window(office: Office) -> None:
    event, floor = office.sale.event, office.sale.standing_type.id
    opens = {"sales_open_at": event.starts_at.isoformat()}
    assert "sales_open_at" in fields_of(office.ask("PATCH", path_of(office, f"/ticket-types/{floor}"), opens, match="*"))
    rows(office, "update event set sales_close_at = sales_close_at + interval '1 day' where id = :e returning 1", e=event.id)
    changed = office.ask("PATCH", path_of(office, f"/ticket-types/{floor}"), opens, match='"1"')
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    places = [(office.sale.pool.id, 1)]
    assert isinstance(hold(office, event.id, places=places), TicketTypeNotOnSale)
    assert isinstance(hold(office, event.id, places=places, seats=[1]), TicketTypeNotOnSale)
    assert isinstance(hold(office, event.id, seats=[1]), HoldView)
    shown = office.client.get(path_of(office, "/tickets")).json()["ticket_types"]
    assert [t["sales_open_at"] is None for t in shown] == [True, False]
    cleared = office.ask("PATCH", path_of(office, f"/ticket-types/{floor}"), {"sales_open_at": None}, match="*")
    assert cleared.json()["sales_open_at"] is None
    assert isinstance(hold(office, event.id, places=places), HoldView)
    stalls = office.sale.seated_type.id
    rows(office, "update ticket_type set sales_close_at = now() - interval '1 hour' where id = :t returning 1", t=stalls)
    office.ask("PATCH", path_of(office, f"/ticket-types/{floor}"), {"capacity": 99}, match="*")
    booking = office.booking
    with pytest.raises(TicketTypeNotOnSale):
        booking.wait(booking.hold_best(event_id=event.id, buyer_id=buyer(office), key="b", digest=b"", quantity=2, ticket_type_id=stalls))


def test_a_capacity_never_falls_below_what_is_held_and_sold(office: Office) -> None:
    path = path_of(office, f"/ticket-types/{office.sale.standing_type.id}")
    buy(office.booking, office.sale, buyer(office), places=3)
    held = hold(office, office.sale.event.id, places=[(office.sale.pool.id, 2)])
    assert isinstance(held, HoldView)
    refused = problem(office.ask("PATCH", path, {"capacity": 4}, match="*"), 409, "places-taken")
    assert (refused["held"], refused["sold"]) == (2, 3)
    changed = office.ask("PATCH", path, {"capacity": 5}, match="*")
    assert (changed.json()["capacity"], changed.json()["held"], changed.json()["sold"]) == (5, 2, 3)
    assert isinstance(hold(office, office.sale.event.id, places=[(office.sale.pool.id, 1)]), SoldOut)
    assert office.ask("PATCH", path, {"capacity": 6}, match="*").status_code == 200
    assert isinstance(hold(office, office.sale.event.id, places=[(office.sale.pool.id, 1)]), HoldView)
    listed = office.ask("GET", path_of(office, "/ticket-types")).json()["ticket_types"]
    assert [(t["name"], t["capacity"]) for t in listed] == [("Stalls", None), ("Floor", 6)]
    verified(office)


def test_capacity_and_buyers_race_and_never_cross(office: Office) -> None:
    path = path_of(office, f"/ticket-types/{office.sale.standing_type.id}")
    people = [buyer(office) for _ in range(60)]
    booking, event, pool_id = office.booking, office.sale.event.id, office.sale.pool.id

    def take(number: int) -> bool:
        try:
            booking.wait(booking.hold(event_id=event, buyer_id=people[number], key=str(number), digest=b"", places=[(pool_id, 1)]))
        except SoldOut:
            return False
        return True

    def shrink(capacity: int) -> int:
        return office.ask("PATCH", path, {"capacity": capacity}, match="*").status_code

    with ThreadPoolExecutor(10) as pool:
        takers = [pool.submit(take, number) for number in range(60)]
        sizes = [pool.submit(shrink, capacity) for capacity in (50, 40, 30, 20, 10)]
        held, answers = sum(taker.result() for taker in takers), [size.result() for size in sizes]
    (capacity, counted) = rows(office, "select capacity, held from pool where id = :p", p=pool_id)[0]
    assert set(answers) <= {200, 409}
    assert counted == held <= capacity
    assert held == 60 or held == capacity  # all sellable places were sold
    verified(office)


UNLIKELY: list[tuple[dict[str, Any], str]] = [
    ({}, "capacity"),
    ({"capacity": -1}, "capacity"),
    ({"capacity": None}, "capacity"),
    ({"capacity": 10**7}, "capacity"),
    ({"sales_open_at": "2030-01-01T00:00:00"}, "sales_open_at"),
    ({"name": "Gold"}, "name"),
]


def test_a_change_of_a_ticket_type_that_can_not_be_is_refused(office: Office) -> None:
    for body, field in UNLIKELY:
        answer = office.ask("PATCH", path_of(office, f"/ticket-types/{office.sale.standing_type.id}"), body, match="*")
        assert field in fields_of(answer), body


def test_only_places_without_a_number_have_a_capacity(office: Office) -> None:
    answer = office.ask("PATCH", path_of(office, f"/ticket-types/{office.sale.seated_type.id}"), {"capacity": 10}, match="*")
    assert "capacity" in problem(answer, 422, "invalid")["fields"]
    problem(office.ask("PATCH", path_of(office, f"/ticket-types/{uuid4()}"), {"capacity": 1}, match="*"), 404, "ticket-type-unknown")
    problem(office.ask("PATCH", path_of(office, f"/ticket-types/{uuid4()}"), {"capacity": 1}), 428, "version-needed")


def test_a_draft_has_its_capacity_before_it_is_published(office: Office) -> None:
    event = office.make()
    types = office.ask("GET", f"/api/events/{event['id']}/tickets").json()["ticket_types"]
    floor = next(t["ticket_type_id"] for t in types if t["name"] == "Floor")
    changed = office.ask("PATCH", f"/api/events/{event['id']}/ticket-types/{floor}", {"capacity": 30}, match='"1"')
    assert changed.json()["capacity"] == 30
    assert office.ask("POST", f"/api/events/{event['id']}/publish").status_code == 200
    assert rows(office, "select capacity from pool where event_id = :e", e=event["id"]) == [(30,)]


REACHED = {
    (EventStatus.DRAFT, EventStatus.PUBLISHED),
    (EventStatus.DRAFT, EventStatus.WITHDRAWN),
    (EventStatus.PUBLISHED, EventStatus.POSTPONED),
    (EventStatus.PUBLISHED, EventStatus.CANCELLED),
    (EventStatus.PUBLISHED, EventStatus.COMPLETED),
    (EventStatus.PUBLISHED, EventStatus.WITHDRAWN),
    (EventStatus.POSTPONED, EventStatus.PUBLISHED),
    (EventStatus.POSTPONED, EventStatus.CANCELLED),
}


@pytest.mark.parametrize("now_in", EventStatus)
@pytest.mark.parametrize("to", EventStatus)
def test_an_event_goes_from_state_to_state_as_designed(now_in: EventStatus, to: EventStatus) -> None:
    assert (to in EVENT_TRANSITIONS[now_in]) == ((now_in, to) in REACHED)
