"""Staff give tickets away: an order at no price, out of what is free or kept as house seats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests import factories
from tests.app.test_api import problem
from tests.inventory.test_vendor_routes import Office, office
from tests.messages.conftest import Desk, desk, sink
from tests.orders.counter import Counter
from tests.sinks import Sink
from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.inventory.blocks import BlockNotFound, release_block
from ticketing.inventory.claim import SeatsTaken
from ticketing.inventory.rules import BlockReason
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel, OrderState

__all__ = ["desk", "office", "sink"]


@pytest.fixture
def counter(database: Database, booking: Booking, on_sale: factories.OnSale, settings: Settings) -> Counter:
    return Counter.open(database, booking, on_sale, ContactCipher.from_settings(settings))


def test_a_present_is_confirmed_without_a_payment_and_costs_nothing(counter: Counter) -> None:
    order = counter.give(seats=[4, 5], places=2)
    assert (order.state, order.channel, order.payment_state) == (OrderState.CONFIRMED, Channel.COMPLIMENTARY, None)
    assert (order.subtotal_minor, order.fee_minor, order.tax_minor, order.total_minor) == (0, 0, 0, 0)
    assert len([line for line in order.lines if line.ticket_code]) == 4
    assert counter.rows("select count(*) from payment") == [(0,)]
    assert counter.rows("select count(*) from ledger_entry") == [(0,)]
    assert counter.rows("select held, sold from pool") == [(0, 2)]
    actors = counter.rows("select distinct actor_id from audit_entry where action in ('order.complimentary', 'order.confirmed')")
    assert actors == [(counter.member,)]
    counter.verified()


def test_house_seats_are_given_away_and_leave_their_block(counter: Counter) -> None:
    block = counter.block([1, 2, 3])
    counter.give(seats=[1, 2])
    assert counter.rows("select seat_no from event_block_seat where ended_at is null") == [(3,)]
    counter.verified()
    with counter.database.transaction() as session:
        now, event, own = database_now(session), counter.sale.event.id, [counter.sale.vendor.id]
        release_block(session, vendor_ids=own, event_id=event, block_id=block, now=now, actor_id=counter.member)
    assert counter.rows("select seat_no, state from event_seat where seat_no < 4 order by 1") == [
        (0, "free"),
        (1, "sold"),
        (2, "sold"),
        (3, "free"),
    ]
    counter.verified()


@pytest.mark.parametrize("reason", [reason for reason in BlockReason if reason is not BlockReason.HOUSE])
def test_seats_that_are_blocked_for_another_reason_are_not_given_away(counter: Counter, reason: BlockReason) -> None:
    counter.block([1], reason)
    with pytest.raises(SeatsTaken):
        counter.give(seats=[0, 1])
    assert counter.rows("select seat_no, state from event_seat where seat_no < 2 order by 1") == [(0, "free"), (1, "blocked")]
    counter.verified()


def test_a_present_that_is_cancelled_gives_its_places_back_and_no_money(counter: Counter) -> None:
    order = counter.give(seats=[4])
    booking = counter.booking
    cancelled = booking.wait(booking.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key="c", digest=b""))
    assert cancelled.state is OrderState.CANCELLED
    assert counter.rows("select count(*) from refund") == [(0,)]
    assert counter.rows("select state from event_seat where seat_no = 4") == [("free",)]
    counter.verified()


def test_giving_releasing_and_buying_never_share_a_seat(counter: Counter, buyers: list[UUID]) -> None:
    """House seats are released while they are given away, and buyers wait for them: each seat ends with one of them."""
    blocks = [counter.block([seat]) for seat in range(10)]
    booking, event = counter.booking, counter.sale.event.id

    def give(seat: int) -> int:
        try:
            counter.give(seats=[seat])
        except SeatsTaken:
            return 0
        return 1

    def release(seat: int) -> int:
        try:
            with counter.database.transaction() as session:
                release_block(
                    session,
                    vendor_ids=[counter.sale.vendor.id],
                    event_id=event,
                    block_id=blocks[seat],
                    now=database_now(session),
                    actor_id=counter.member,
                )
        except BlockNotFound:
            pass
        return 0

    def hold(seat: int) -> int:
        try:
            booking.wait(booking.hold(event_id=event, buyer_id=buyers[seat], key=str(seat), digest=b"", seats=[seat]))
        except SeatsTaken:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        works = [pool.submit(work, seat) for seat in range(10) for work in (release, give, hold)]
        taken = sum(work.result() for work in works)
    assert counter.rows("select count(*) from event_seat where state in ('held', 'sold')") == [(taken,)]
    assert counter.rows("select count(*) from event_seat where state = 'blocked'") == [(0,)]
    assert taken == 10  # who gives away gets a house seat as well as a free one
    counter.verified()


def test_the_tickets_come_by_mail(counter: Counter, desk: Desk, sink: Sink) -> None:
    order = counter.give(seats=[4], email="critic@press.example.org")
    counter.sell(seats=[5])  # somebody without an address: nothing to send, and no failure
    desk.plan()
    run = desk.deliver(sink.mailer())
    assert (run.accepted, run.suppressed, run.failed) == (1, 1, 0)
    (mail,) = [mail for mail in sink.mails() if mail["To"] == "critic@press.example.org"]
    assert order.code in mail["Subject"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Given to you on" in body.get_content()
    assert "Paid on" not in body.get_content()
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(pictures) == 1


def test_over_http_it_is_for_who_runs_the_event(office: Office) -> None:
    path = f"/api/events/{office.sale.event.id}/complimentary"
    body = {"seats": [1, 2], "recipient": {"email": "press@example.org", "display_name": "Press"}, "note": "Premiere"}
    problem(office.ask("POST", path, body), 400, "idempotency-key-missing")

    def give(who: str, key: str) -> tuple[int, str, str]:
        headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": key}
        answer = office.client.post(path, json=body, headers=headers)
        return answer.status_code, answer.json().get("id", ""), answer.headers.get("idempotency-replayed", "")

    first, again = give(office.manager, "a"), give(office.manager, "a")
    assert (first[0], first[2], again) == (201, "", (201, first[1], "true"))
    assert give(office.manager, "b")[0] == 409
    assert give(office.stranger, "c")[0] == 404
