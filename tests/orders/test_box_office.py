"""Staff sell at the door: an order that is confirmed and paid at once, by the same claim as every other sale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.buying import buy
from tests.inventory.test_vendor_routes import Office, office
from tests.orders.counter import Counter
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import email_of
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Invalid, TicketingError
from ticketing.foundation.idempotency import IdempotencyKeyReused
from ticketing.foundation.settings import Settings
from ticketing.inventory.claim import EventNotFound, NotOnSale, SeatNotFound, SeatsTaken, SoldOut
from ticketing.orders.booking import Booking
from ticketing.orders.pay import ProviderNotOffered
from ticketing.orders.rules import Channel, OrderState
from ticketing.orders.staff_sale import TakenWith

__all__ = ["office"]


@pytest.fixture
def counter(database: Database, booking: Booking, on_sale: factories.OnSale, settings: Settings) -> Counter:
    return Counter.open(database, booking, on_sale, ContactCipher.from_settings(settings))


def test_a_sale_at_the_door_is_confirmed_and_paid_at_once(counter: Counter) -> None:
    order = counter.sell(seats=[4, 5], places=1, taken_with=TakenWith.CARD_TERMINAL)
    assert (order.state, order.channel, order.payment_state) == (OrderState.CONFIRMED, Channel.BOX_OFFICE, "captured")
    seated, standing = counter.sale.seated_type, counter.sale.standing_type
    assert order.total_minor == 2 * (seated.price_minor + seated.fee_minor) + standing.price_minor + standing.fee_minor
    assert all(line.ticket_code for line in order.lines)
    payments = counter.rows("select provider, captured_minor = amount_minor, amount_minor from payment")
    assert payments == [("cash", True, order.total_minor)]
    assert counter.rows("select detail ->> 'taken_with' from order_event where kind = 'payment_started'") == [("card_terminal",)]
    sold = counter.rows("select account, sum(amount_minor) from ledger_entry group by 1 having sum(amount_minor) <> 0 order by 1")
    assert dict(sold)["provider_clearing"] == order.total_minor
    assert counter.rows("select count(*) from event_seat where state = 'sold'") == [(2,)]
    counter.verified()


def test_the_member_of_staff_stands_in_the_audit(counter: Counter) -> None:
    order = counter.sell(seats=[4])
    by = dict(counter.rows("select action, actor_id from audit_entry where actor_id is not null"))
    names = {"user.guest_created", "hold.created", "order.placed", "payment.started", "order.box_office"}
    assert {action for action, actor in by.items() if actor == counter.member} == names
    assert counter.rows("select subject_id from audit_entry where action = 'order.box_office'") == [(order.id,)]


def test_somebody_without_a_name_is_a_new_guest_each_time_and_a_named_one_is_written_to(counter: Counter) -> None:
    first, second, named = counter.sell(seats=[0]), counter.sell(seats=[1]), counter.sell(seats=[2], email="Ada@Example.org")
    assert len({order.buyer_id for order in (first, second, named)}) == 3
    with counter.database.transaction() as session:
        assert email_of(session, user_id=first.buyer_id, cipher=counter.cipher) is None
        assert email_of(session, user_id=named.buyer_id, cipher=counter.cipher) == "ada@example.org"
    assert counter.rows("select count(*) from outbox where topic = 'order.confirmed'") == [(3,)]


def test_the_door_sells_what_buyers_can_not_have_now(counter: Counter) -> None:
    """Sales that are closed, over or not yet open, a ticket type outside its window, more than one buyer may have."""
    counter.rows("update event set sales_paused_at = now(), max_per_buyer = 1 returning 1")
    assert len(counter.sell(seats=range(5)).lines) == 5
    counter.rows("update event set sales_close_at = now() - interval '1 hour', sales_paused_at = null returning 1")
    counter.sell(places=2)
    counter.rows("update ticket_type set sales_close_at = now() - interval '1 hour' returning 1")
    counter.rows("update event set windowed_types = array(select id from ticket_type) returning 1")
    counter.sell(places=2)
    counter.rows("update event set status = 'postponed' returning 1")
    with pytest.raises(NotOnSale):
        counter.sell(places=1)
    counter.verified()


def test_nothing_stays_of_a_sale_that_is_refused(counter: Counter) -> None:
    counter.sell(seats=[3])
    counter.block([7])
    before = {table: counter.rows(f"select count(*) from {table}") for table in ("user_account", "hold", "ticket_order", "idempotency_key")}
    refused: list[tuple[type[TicketingError], dict[str, object]]] = [
        (SeatsTaken, {"seats": [2, 3]}),
        (SeatsTaken, {"seats": [7]}),
        (SeatNotFound, {"seats": [900]}),
        (SoldOut, {"places": 100}),
        (Invalid, {"seats": []}),
        (EventNotFound, {"seats": [1], "vendor_ids": [uuid4()]}),
    ]
    counter.rows("update pool set capacity = 99 returning 1")
    for error, asked in refused:
        with pytest.raises(error):
            counter.sell(**asked)  # type: ignore[arg-type]
    counter.rows("update payment_account set removed_at = now() where provider = 'cash' returning 1")
    with pytest.raises(ProviderNotOffered):
        counter.sell(seats=[1])
    after = {table: counter.rows(f"select count(*) from {table}") for table in before}
    assert after == before
    assert counter.rows("select state from event_seat where seat_no = 1") == [("free",)]
    counter.verified()


def test_the_same_key_sells_once(counter: Counter) -> None:
    with ThreadPoolExecutor(4) as pool:
        orders = list(pool.map(lambda _: counter.sell(seats=[8], key="till-1"), range(4)))
    assert len({order.id for order in orders}) == 1
    assert sorted(order.replayed for order in orders) == [False, True, True, True]
    with pytest.raises(IdempotencyKeyReused):
        counter.sell(seats=[9], key="till-1")
    with pytest.raises(IdempotencyKeyReused):
        counter.give(seats=[8], key="till-1")
    counter.verified()


def test_the_door_and_buyers_never_sell_the_same_seat(counter: Counter, buyers: list[UUID]) -> None:
    """Two engines: staff at one, buyers at the other, all after the same ten seats."""
    other = Booking(counter.database, providers={})
    other.start()

    def hold(number: int) -> int:
        work = other.hold(event_id=counter.sale.event.id, buyer_id=buyers[number], key=str(number), digest=b"", seats=[number % 10])
        try:
            other.wait(work)
        except SeatsTaken:
            return 0
        return 1

    def sell(number: int) -> int:
        try:
            counter.sell(seats=[number % 10])
        except SeatsTaken:
            return 0
        return 1

    try:
        with ThreadPoolExecutor(8) as pool:
            work = [pool.submit(hold if number % 2 else sell, number) for number in range(20)]
            work += [pool.submit(sell if number % 2 else hold, number) for number in range(20)]
            won = sum(one.result() for one in work)
    finally:
        other.stop()
    assert won == 10
    assert counter.rows("select count(*) from event_seat where state in ('held', 'sold')") == [(10,)]
    counter.verified()


def test_over_http_it_is_for_the_counter_of_the_vendor(office: Office) -> None:
    body: dict[str, Any] = {"event_id": str(office.sale.event.id), "seats": [1], "taken_with": "cash"}
    problem(office.ask("POST", "/api/box-office/orders", body), 400, "idempotency-key-missing")

    def sell(body: dict[str, Any], *, who: str | None = None, key: str = "k") -> Response:
        headers = {"Authorization": f"Bearer {who or office.manager}", "Idempotency-Key": key}
        answer: Response = office.client.post("/api/box-office/orders", json=body, headers=headers)
        return answer

    problem(sell(body), 409, "provider-not-offered")
    assert office.ask("POST", "/api/payment-methods", {"kind": "cash", "label": "Cash"}).status_code == 201
    sold = sell(body)
    assert (sold.status_code, sold.json()["state"], sold.json()["channel"]) == (201, "confirmed", "box_office")
    again = sell(body)
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (sold.json()["id"], "true")
    problem(sell(body | {"seats": [2]}), 422, "idempotency-key-reused")
    printed = office.ask("GET", f"/api/box-office/orders/{sold.json()['id']}/pdf")
    assert (printed.status_code, printed.headers["content-type"], printed.content[:5]) == (200, "application/pdf", b"%PDF-")
    problem(office.ask("GET", f"/api/box-office/orders/{sold.json()['id']}/pdf", who=office.stranger), 404, "order-not-found")
    bought = buy(office.booking, office.sale, UUID(sold.json()["buyer_id"]), seats=[7])
    problem(office.ask("GET", f"/api/box-office/orders/{bought.id}/pdf"), 404, "order-not-found")
    problem(sell(body | {"seats": [2]}, who=office.stranger, key="s"), 404, "event-not-found")
    unacceptable: list[dict[str, Any]] = [
        {"seats": []},
        {"taken_with": "cheque"},
        {"buyer": {"email": "no", "display_name": "Ada"}},
        {"buyer": {"email": "ada@example.org", "display_name": "A\x00"}},
        {"seats": [-1]},
        {"seats": [3, 3]},
        {"x": 1},
    ]
    for wrong in unacceptable:
        answer = sell(body | wrong, key=uuid4().hex)
        assert (answer.status_code, bool(answer.json()["fields"])) == (422, True), wrong
    with office.database.transaction() as session:
        assert session.execute(text("select count(*) from ticket_order where channel = 'box_office'")).scalar_one() == 1
