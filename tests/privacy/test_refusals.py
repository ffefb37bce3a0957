"""What stands in the way of erasing somebody, and giving it up."""

from __future__ import annotations

from uuid import uuid4

from tests.buying import place_order, start_payment
from tests.privacy.conftest import PASSWORD, Scene


def test_erasing_is_refused_while_tickets_are_to_come(scene: Scene) -> None:
    answer = scene.erase()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/matters-open")
    assert len(answer.json()["tickets"]) == 3
    assert scene.client().get("/api/me").status_code == 200
    assert scene.query("select count(*) from erasure") == [(0,)]


def test_erasing_is_refused_while_money_is_on_its_way(scene: Scene) -> None:
    booking = scene.app.state.booking
    order = place_order(booking, scene.sale, scene.user_id, seats=[5])
    payment = start_payment(booking, order)
    ticket = scene.client().get("/api/tickets").json()["tickets"][0]["id"]
    assert scene.client().delete(f"/api/tickets/{ticket}", headers={"Idempotency-Key": uuid4().hex}).status_code == 200
    scene.pass_events()
    told = scene.erase().json()
    assert (told["tickets"], told["orders"], told["payments"]) == ([], [str(order.id)], [str(payment.id)])
    assert len(told["refunds"]) == 1


def test_given_up_tickets_are_cancelled_and_refunded(scene: Scene) -> None:
    booking = scene.app.state.booking
    place_order(booking, scene.sale, scene.user_id, seats=[5])
    booking.wait(booking.hold(event_id=scene.sale.event.id, buyer_id=scene.user_id, key="h", digest=b"", seats=[6]))
    answer = scene.erase({"password": PASSWORD, "give_up_tickets": True})
    assert answer.status_code == 204, answer.text
    assert scene.query("select distinct state from ticket") == [("cancelled",)]
    assert scene.query("select distinct state from ticket_order") == [("cancelled",)]
    assert scene.query("select count(*) from event_seat where state <> 'free'") == [(0,)]
    assert scene.query("select sum(sold + held)::int from pool") == [(0,)]
    assert scene.query("select state, sum(amount_minor)::int from refund group by state") == [("planned", 4500 * 2 + 2250)]
    assert scene.query("select finished_at is not null from erasure") == [(True,)]
