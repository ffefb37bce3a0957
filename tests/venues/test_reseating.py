"""A newer layout takes seats away: which events that concerns, where their tickets would go, and what applying the plan does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.app.test_api import problem
from tests.buying import captured, start_payment
from tests.venues.conftest import Office
from tests.venues.halls import hall
from ticketing.foundation.db import Role as DatabaseRole
from ticketing.foundation.db import database_now
from ticketing.inventory.holds import HoldView

HALL = {"A": 4, "B": 4, "C": 4}
FRONT_GONE = {"B": 4, "C": 4}


def in_hall(office: Office, plan: dict[str, Any] | None = None, **event: Any) -> tuple[str, str]:
    """(configuration, a published event in its first layout)"""
    configuration = office.configuration()
    layout = office.publish(configuration, plan or hall(HALL))["layout"]
    return configuration, office.event(layout["id"], **event)


def places(hold: HoldView) -> int:
    return sum(line.quantity for line in hold.lines)


def row(office: Office, sql: str, **values: Any) -> Any:
    with office.database.transaction(DatabaseRole.READER) as session:
        return session.execute(text(sql), values).one()


def test_publishing_answers_the_events_that_lose_seats(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1", "A2")
    office.sell(event, "B1")
    held = office.hold(event, "A4")
    answer = office.publish(configuration, hall(FRONT_GONE))
    (conflict,) = answer["conflicts"]
    assert {name: conflict[name] for name in ("event_id", "held", "sold", "priced", "groups", "unplaced", "standing")} == {
        "event_id": event,
        "held": 1,
        "sold": 2,
        "priced": 4,
        "groups": 1,
        "unplaced": 0,
        "standing": [],
    }
    plan = office.plan_of(event)
    assert (plan["id"], plan["state"], plan["complete"]) == (conflict["reseating_id"], "proposed", True)
    (group,) = plan["groups"]
    assert group["order_id"] == str(order.id)
    assert [(t["from_seat"]["row"], t["from_seat"]["seat"]) for t in group["tickets"]] == [("A", "1"), ("A", "2")]
    assert {t["to_seat"]["row"] for t in group["tickets"]} <= {"B", "C"}
    assert office.seats_of(order) == ["A1", "A2"], "nothing has moved yet"
    office.booking.wait(office.booking.release_hold(hold_id=held.id, buyer_id=held.buyer_id))


def test_events_that_lose_nothing_are_named_and_keep_their_layout(office: Office) -> None:
    configuration, event = in_hall(office)
    office.sell(event, "A1")
    answer = office.publish(configuration, hall(HALL | {"D": 3}))
    assert (answer["conflicts"], answer["unaffected"]) == ([], [event])
    plan = office.made("POST", f"/api/events/{event}/reseatings")
    assert (plan["groups"], plan["priced"]) == ([], 0)
    assert office.apply(plan["id"]).status_code == 200
    assert places(office.hold(event, "D2")) == 1
    problem(office.ask("POST", f"/api/events/{event}/reseatings"), 409, "layout-current")
    office.check()


def test_only_events_that_start_after_the_layout_is_in_force_are_concerned(office: Office) -> None:
    configuration, event = in_hall(office)
    office.sell(event, "A1")
    answer = office.publish(configuration, hall(FRONT_GONE), "?valid_from=2100-01-01T00:00:00Z")
    assert (answer["conflicts"], answer["unaffected"]) == ([], [])
    problem(office.ask("POST", f"/api/events/{event}/reseatings"), 409, "layout-current")


def test_applying_moves_tickets_seats_and_the_event(office: Office) -> None:
    configuration, event = in_hall(office)
    order, stays = office.sell(event, "A1", "A2"), office.sell(event, "B2")
    ticket = row(office, "select nonce, seat_no from ticket where order_id = :o order by code limit 1", o=order.id)
    layout = office.publish(configuration, hall(FRONT_GONE))["layout"]
    key = uuid4().hex
    answer = office.apply(office.plan_of(event)["id"], key=key)
    assert (answer.status_code, answer.json()["state"]) == (200, "applied")
    office.check()
    assert office.seats_of(order) in (["B3", "B4"], ["C1", "C2"])
    assert office.seats_of(stays) == ["B2"]
    after = row(office, "select nonce, seat_no from ticket where order_id = :o order by code limit 1", o=order.id)
    assert (after.nonce != ticket.nonce, after.seat_no != ticket.seat_no) == (True, True)
    assert str(row(office, "select layout_id from event where id = :e", e=event).layout_id) == layout["id"]
    assert row(office, "select count(*) as seats from event_seat where event_id = :e", e=event).seats == 8
    lines = row(office, "select array_agg(kind order by id) as kinds from order_event where order_id = :o", o=order.id)
    assert lines.kinds[-1] == "reseated"
    again = office.apply(office.plan_of(event)["id"], key=key)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")
    problem(office.apply(office.plan_of(event)["id"]), 409, "transition-not-allowed")
    for guids in (("B1",), ("C4",)):
        assert places(office.hold(event, *guids)) == 1
    office.check()


def test_a_moved_ticket_is_cancelled_like_any_other(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1", "A2")
    office.publish(configuration, hall(FRONT_GONE))
    office.apply(office.plan_of(event)["id"])
    new = office.seats_of(order)
    office.booking.wait(office.booking.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key=uuid4().hex, digest=b""))
    office.check()
    assert places(office.hold(event, *new)) == 2


def test_neighbours_move_together_when_one_of_them_loses_the_seat(office: Office) -> None:
    """B3 goes; the three that sat beside it have two of their seats left, and sit in row C now."""
    configuration, event = in_hall(office, hall({"B": 3, "C": 3}))
    order = office.sell(event, "B1", "B2", "B3")
    office.publish(configuration, hall({"B": 2, "C": 3}))
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    assert office.seats_of(order) == ["C1", "C2", "C3"]
    assert places(office.hold(event, "B1", "B2")) == 2
    office.check()


def test_a_group_may_take_seats_that_another_one_leaves(office: Office) -> None:
    """Also its own: three of row A become three of row A, one seat further."""
    configuration, event = in_hall(office, hall({"A": 4}, without=["A4"]))
    order = office.sell(event, "A1", "A2", "A3")
    office.publish(configuration, hall({"A": 4}, without=["A1"]))
    plan = office.plan_of(event)
    assert office.apply(plan["id"]).status_code == 200
    assert office.seats_of(order) == ["A2", "A3", "A4"]
    office.check()


def test_nobody_sits_on_a_cheaper_seat_and_nobody_pays(office: Office) -> None:
    prices = (("Premium", "90.00"), ("Stalls", "50.00"))
    plan = hall({"A": 4, "B": 4, "C": 4}, dear=["A", "B"])
    configuration, event = in_hall(office, plan, prices=prices)
    dear, cheap = office.sell(event, "A1", "A2"), office.sell(event, "C1", "C2")
    office.publish(configuration, hall({"B": 4, "C": 4}, dear=["B"], without=["C1", "C2", "C3", "C4"]))
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    assert {seat[0] for seat in office.seats_of(dear) + office.seats_of(cheap)} == {"B"}
    totals = row(
        office, "select sum(total_minor) as total, count(*) as payments from ticket_order where id = any(:o)", o=[dear.id, cheap.id]
    )
    assert (totals.total, totals.payments) == (dear.total_minor + cheap.total_minor, 2)
    office.check()


def test_a_wheelchair_user_and_companion_stay_together_on_such_seats(office: Office) -> None:
    old = hall({"A": 3, "B": 4, "C": 4}, accessible=["A1", "C1"], companions={"A2": "A1", "C2": "C1"})
    configuration, event = in_hall(office, old)
    order, others = office.sell(event, "A1", "A2"), office.sell(event, "A3")
    office.publish(configuration, hall({"B": 4, "C": 4}, accessible=["C1"], companions={"C2": "C1"}))
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    assert office.seats_of(order) == ["C1", "C2"]
    assert office.seats_of(others) != ["C1"]
    office.check()


def test_a_plan_whose_groups_have_nowhere_to_go_says_why_and_is_not_applied(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1", "A2", "A3")
    office.sell(event, "B2")
    office.sell(event, "C3")
    (conflict,) = office.publish(configuration, hall(FRONT_GONE))["conflicts"]
    assert (conflict["groups"], conflict["unplaced"]) == (1, 1)
    plan = office.plan_of(event)
    assert [group["unplaced"] for group in plan["groups"]] == ["not_together"]
    answer = office.apply(plan["id"])
    problem(answer, 409, "groups-unplaced")
    assert answer.json()["order_ids"] == [str(order.id)]
    assert office.seats_of(order) == ["A1", "A2", "A3"]
    office.check()


def test_a_sale_since_then_makes_the_plan_outdated_and_it_can_be_proposed_again(office: Office) -> None:
    configuration, event = in_hall(office)
    first = office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    old = office.plan_of(event)
    second = office.sell(event, "A3")
    problem(office.apply(old["id"]), 409, "plan-outdated")
    new = office.made("POST", f"/api/events/{event}/reseatings")
    assert len(new["groups"]) == 2
    problem(office.apply(old["id"]), 409, "transition-not-allowed")
    assert office.apply(new["id"]).status_code == 200
    assert len({*office.seats_of(first), *office.seats_of(second)}) == 2
    states = [plan["state"] for plan in office.made("GET", f"/api/events/{event}/reseatings")["reseatings"]]
    assert states == ["applied", "superseded"]
    office.check()


def test_a_new_seat_that_is_taken_makes_the_plan_outdated(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    plan = office.plan_of(event)
    target = plan["groups"][0]["tickets"][0]["to_seat"]
    hold = office.hold(event, f"{target['row']}{target['seat']}")
    problem(office.apply(plan["id"]), 409, "plan-outdated")
    assert office.seats_of(order) == ["A1"]
    office.booking.wait(office.booking.release_hold(hold_id=hold.id, buyer_id=hold.buyer_id))
    assert office.apply(plan["id"]).status_code == 200
    office.check()


def test_a_cancelled_ticket_makes_the_plan_outdated(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    office.booking.wait(office.booking.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key=uuid4().hex, digest=b""))
    problem(office.apply(office.plan_of(event)["id"]), 409, "plan-outdated")
    plan = office.made("POST", f"/api/events/{event}/reseatings")
    assert plan["groups"] == []
    assert office.apply(plan["id"]).status_code == 200
    office.check()


def test_a_live_hold_on_a_seat_that_is_gone_is_waited_for(office: Office) -> None:
    configuration, event = in_hall(office)
    hold = office.hold(event, "A1", "B1")
    office.publish(configuration, hall(FRONT_GONE))
    plan = office.plan_of(event)
    answer = office.apply(plan["id"])
    problem(answer, 409, "seats-still-held")
    assert (answer.json()["held"], answer.json()["held_until"][:4].isdigit()) == (1, True)
    with office.database.transaction() as session:  # its time is over
        ended = {"h": hold.id, "then": database_now(session) - timedelta(seconds=1)}
        session.execute(text("update hold set expires_at = :then where id = :h"), ended)
        session.execute(text("update event_seat set held_until = :then where hold_id = :h"), ended)
    assert office.apply(plan["id"]).status_code == 200
    office.check()


def test_money_that_comes_late_for_a_seat_that_is_gone_goes_back(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.order(event, "A1")
    payment = start_payment(office.booking, order)
    with office.database.transaction() as session:
        ended = {"o": order.id, "then": database_now(session) - timedelta(seconds=1)}
        session.execute(text("update hold set expires_at = :then where order_id = :o"), ended)
        session.execute(text("update event_seat set held_until = :then where hold_id in (select id from hold where order_id = :o)"), ended)
    office.publish(configuration, hall(FRONT_GONE))
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    assert office.booking.wait(office.booking.settle(captured(payment))) == "refund_planned"
    office.check()


def test_a_hold_on_a_seat_that_stays_lives_on(office: Office) -> None:
    configuration, event = in_hall(office)
    hold = office.hold(event, "B1", "B2")
    office.publish(configuration, hall(FRONT_GONE))
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    office.check()
    released = office.booking.wait(office.booking.release_hold(hold_id=hold.id, buyer_id=hold.buyer_id))
    assert released.state == "released"
    assert places(office.hold(event, "B1", "B2")) == 2


def test_refusing_keeps_the_layout(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    plan = office.plan_of(event)
    assert office.made("POST", f"/api/reseatings/{plan['id']}/refuse")["state"] == "refused"
    problem(office.apply(plan["id"]), 409, "transition-not-allowed")
    problem(office.ask("POST", f"/api/reseatings/{plan['id']}/refuse"), 409, "transition-not-allowed")
    assert office.seats_of(order) == ["A1"]
    assert places(office.hold(event, "A2")) == 1


def test_standing_areas_follow_where_everybody_fits(office: Office) -> None:
    prices = (("Stalls", "50.00"), ("Floor", "20.00"))
    configuration, event = in_hall(office, hall(HALL, floor=10), prices=prices)
    office.sell(event, places=4)
    (conflict,) = office.publish(configuration, hall(HALL, floor=3))["conflicts"]
    assert (conflict["priced"], conflict["standing"][0]["taken"], conflict["standing"][0]["capacity"]) == (7, 4, 3)
    answer = office.apply(office.plan_of(event)["id"])
    problem(answer, 409, "standing-too-small")
    assert answer.json()["pool_ids"] == [str(office.pool(event))]
    office.publish(configuration, hall(HALL, floor=6))
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    assert row(office, "select capacity, sold from pool where event_id = :e", e=event)[:] == (6, 4)
    assert places(office.hold(event, places=2)) == 2
    office.check()


def test_seats_of_a_category_without_a_price_are_blocked_for_the_house(office: Office) -> None:
    configuration, event = in_hall(office)
    office.sell(event, "A1")
    office.publish(configuration, hall({"B": 4, "D": 2}, dear=["D"]))
    plan = office.plan_of(event)
    assert plan["unpriced"] == ["Premium"]
    assert {move["to_seat"]["row"] for group in plan["groups"] for move in group["tickets"]} == {"B"}
    assert office.apply(plan["id"]).status_code == 200
    blocked = row(office, "select count(*) as seats from event_seat where event_id = :e and block_reason = 'house'", e=event)
    assert blocked.seats == 2
    office.check()


def test_blocked_seats_stay_blocked_and_take_nobody(office: Office) -> None:
    configuration, event = in_hall(office)
    office.sell(event, "A1")
    with office.database.transaction() as session:
        sql = "update event_seat set state = 'blocked', block_reason = 'house' where event_id = :e and seat_no between 4 and 7"
        session.execute(text(sql), {"e": event})
    office.publish(configuration, hall(FRONT_GONE))
    plan = office.plan_of(event)
    assert {move["to_seat"]["row"] for group in plan["groups"] for move in group["tickets"]} == {"C"}
    assert office.apply(plan["id"]).status_code == 200
    assert row(office, "select count(*) as n from event_seat where event_id = :e and state = 'blocked'", e=event).n == 4
    office.check()


def test_a_draft_moves_with_its_prices(office: Office) -> None:
    configuration, event = in_hall(office, publish=False)
    (conflict,) = office.publish(configuration, hall(FRONT_GONE))["conflicts"]
    assert (conflict["sold"], conflict["priced"], conflict["groups"]) == (0, 4, 0)
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    office.made("POST", f"/api/events/{event}/publish")
    assert places(office.hold(event, "C4")) == 1
    office.check()


def test_a_newer_version_supersedes_the_open_plan(office: Office) -> None:
    configuration, event = in_hall(office)
    order = office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    old = office.plan_of(event)
    office.publish(configuration, hall({"A": 4, "B": 4}))
    problem(office.apply(old["id"]), 409, "transition-not-allowed")
    plan = office.plan_of(event)
    assert plan["groups"] == []
    assert office.apply(plan["id"]).status_code == 200
    assert office.seats_of(order) == ["A1"]
    office.check()


def test_another_vendors_plan_is_not_there(office: Office) -> None:
    configuration, event = in_hall(office)
    office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    plan = office.plan_of(event)
    assert office.apply(plan["id"], who=office.other).status_code == 404
    assert office.ask("POST", f"/api/reseatings/{plan['id']}/refuse", who=office.other).status_code == 404
    assert office.ask("POST", f"/api/reseatings/{UUID(int=0)}/refuse").status_code == 404


def test_applying_needs_a_key_that_was_not_used_for_something_else(office: Office) -> None:
    configuration, event = in_hall(office)
    office.sell(event, "A1")
    office.publish(configuration, hall(FRONT_GONE))
    plan = office.plan_of(event)
    problem(office.ask("POST", f"/api/reseatings/{plan['id']}/apply"), 400, "idempotency-key-missing")
    key = uuid4().hex
    assert office.apply(plan["id"], key=key).status_code == 200
    other_configuration, other_event = in_hall(office)
    office.publish(other_configuration, hall(FRONT_GONE))
    problem(office.apply(office.plan_of(other_event)["id"], key=key), 422, "idempotency-key-reused")
