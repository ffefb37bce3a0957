"""Mails: planned once, delivered to a real mail server with tickets inside, and honest about what is not known."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest

from tests.buying import buy, captured, place_order, start_payment
from tests.factories import OnSale
from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.foundation.db import database_now
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.ports import free_port
from ticketing.messages.rules import MessageState, state_after_refusal
from ticketing.messages.service import MOST_ATTEMPTS, DeliveryRun, PlanRun
from ticketing.messages.smtp import Mailer, MailServerDown
from ticketing.orders.booking import Booking


def bodies(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_tickets_and_receipt_arrive_once_when_an_order_is_paid(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    before = len(sink.mails())
    order = buy(booking, on_sale, desk.guest("Ada@Example.org"), seats=(3, 4))
    assert desk.plan() == PlanRun(consumed=1, planned=1, ignored=0)
    assert desk.plan() == PlanRun(consumed=0, planned=0, ignored=0)
    assert desk.deliver(sink.mailer()) == DeliveryRun(accepted=1)
    assert desk.deliver(sink.mailer()) == DeliveryRun()
    (mail,) = sink.mails()[before:]
    assert mail["To"] == "ada@example.org"
    assert order.code in mail["Subject"]
    assert mail["Date"] is not None
    for body in bodies(mail):
        assert "€90.00" not in body
        assert body.count("€45.00") == 2
        assert "€5.50" in body
        assert "€95.50" in body
        assert "€5.88 tax" in body
        assert f"{order.code}-1" in body
        assert "row A, seat 5" in body
        assert "Berlin time" in body
        assert f"http://localhost:8000/orders/{order.id}" in body
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert sorted(part["Content-ID"] for part in pictures) == [f"<{order.code}-1>", f"<{order.code}-2>"]


def test_amounts_and_dates_are_the_readers_when_they_write_them_in_another_way(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk
) -> None:
    before = len(sink.mails())
    buyer = desk.guest("ada@example.org")
    desk.run("update user_account set locale = 'de_DE'")
    buy(booking, on_sale, buyer, seats=(3,))
    desk.plan()
    desk.deliver(sink.mailer())
    (mail,) = sink.mails()[before:]
    assert all("47,75\xa0€" in body for body in bodies(mail))


def test_rows_of_other_topics_are_consumed_and_tell_nobody(desk: Desk) -> None:
    with desk.database.transaction() as session:
        enqueue(session, topic="event.published", subject_id=uuid4())
    assert desk.plan() == PlanRun(consumed=1, planned=0, ignored=1)
    assert desk.query("select count(*) from outbox where consumed_at is null") == [(0,)]


def test_each_row_is_planned_once_when_two_planners_run_at_once(booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    buyer = desk.guest("ada@example.org")
    for seat in (0, 2, 4):
        buy(booking, on_sale, buyer, seats=(seat,))
    with desk.database.connect() as other:
        other.execute("select 1 from outbox order by id limit 1 for update")  # another planner has the first row
        assert desk.plan() == PlanRun(consumed=2, planned=2, ignored=0)
        other.rollback()
    assert desk.plan() == PlanRun(consumed=1, planned=1, ignored=0)
    assert desk.query("select count(*) from message") == [(3,)]


def test_a_cancellation_names_what_goes_back_and_outlives_the_tickets_mail(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk
) -> None:
    before = len(sink.mails())
    buyer = desk.guest("ada@example.org")
    order = buy(booking, on_sale, buyer, seats=(3,))
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyer, key="c", digest=b""))
    desk.plan()
    assert desk.deliver(sink.mailer()) == DeliveryRun(accepted=1, suppressed=1)
    assert desk.query("select kind, state from message order by kind") == [
        ("order_cancelled", "accepted"),
        ("order_confirmed", "suppressed"),
    ]
    (mail,) = sink.mails()[before:]
    assert mail["Subject"] == f"Cancelled: order {order.code}"
    assert all("€45.00" in body and "€47.75" in body for body in bodies(mail))


def test_an_apology_goes_out_once_per_payment_when_money_comes_back(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    before = len(sink.mails())
    buyer = desk.guest("ada@example.org")
    order = place_order(booking, on_sale, buyer, seats=(3,))
    first, second, third = (start_payment(booking, order) for _ in range(3))
    booking.wait(booking.settle(captured(first)))
    for late in (second, third):
        booking.wait(booking.settle(captured(late)))
    desk.plan()
    desk.deliver(sink.mailer())
    apologies = [mail for mail in sink.mails()[before:] if "comes back" in mail["Subject"]]
    assert len(apologies) == 2
    for mail in apologies:
        assert all("paid already" in body and "€47.75" in body for body in bodies(mail))


def test_a_late_payment_is_explained_when_the_order_was_cancelled_before(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    before = len(sink.mails())
    buyer = desk.guest("ada@example.org")
    order = place_order(booking, on_sale, buyer, seats=(3,))
    payment = start_payment(booking, order)
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyer, key="c", digest=b""))
    booking.wait(booking.settle(captured(payment)))
    desk.plan()
    desk.deliver(sink.mailer())
    (mail,) = sink.mails()[before:]
    assert all("had been cancelled" in body for body in bodies(mail))


def test_a_message_is_sent_again_with_the_same_id_when_it_is_unknown_whether_it_went(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk
) -> None:
    before = len(sink.mails())
    buy(booking, on_sale, desk.guest("drop@example.org"), seats=(3,))
    desk.plan()
    assert desk.deliver(sink.mailer()) == DeliveryRun(unknown=1)
    assert desk.deliver(sink.mailer()) == DeliveryRun()  # not before its next time
    desk.run("update message set next_try_at = app_now()")
    assert desk.deliver(sink.mailer()) == DeliveryRun(unknown=1)
    ids = [mail["Message-ID"] for mail in sink.mails()[before:]]
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize(
    ("fault", "state", "detail"),
    [
        ("unknown-user", "suppressed", "recipient refused: 550 5.1.1"),
        ("relay", "failed", "recipient refused: 550 5.7.1"),
        ("later", "failed", "recipient refused: 451 4.3.0"),
        ("spam", "failed", "mail refused: 554 5.7.1"),
        ("full", "failed", "mail refused: 452 4.2.2"),
        ("hang-up", "failed", "connection lost before the end of the mail: SMTPServerDisconnected"),
        ("drop", "unknown", "connection lost after the end of the mail: SMTPServerDisconnected"),
    ],
)
def test_the_outcome_is_recorded_when_a_mail_does_not_get_through(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk, fault: str, state: str, detail: str
) -> None:
    before = len(sink.mails())
    buy(booking, on_sale, desk.guest(f"{fault}@example.org"), seats=(3,))
    buy(booking, on_sale, desk.guest("ada@example.org"), seats=(5,))
    desk.plan()
    assert desk.deliver(sink.mailer()) == DeliveryRun(**{"accepted": 1, state: 1})
    attempts = "select m.state, a.detail from message m join message_attempt a on a.message_id = m.id where m.state <> 'accepted'"
    assert desk.query(attempts) == [(state, detail)]
    assert len([mail for mail in sink.mails()[before:] if mail["To"] == "ada@example.org"]) == 1


def test_retries_wait_longer_each_time_and_end(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    buy(booking, on_sale, desk.guest("later@example.org"), seats=(3,))
    desk.plan()
    waits = []
    for _ in range(MOST_ATTEMPTS):
        assert desk.deliver(sink.mailer()) == DeliveryRun(failed=1)
        ((wait,),) = desk.query("select m.next_try_at - max(a.finished_at) from message m, message_attempt a group by m.next_try_at")
        waits.append(wait)
        desk.run("update message set next_try_at = app_now()")
    assert waits == [timedelta(minutes=2**n) for n in range(MOST_ATTEMPTS)]
    assert desk.deliver(sink.mailer()) == DeliveryRun()


def test_no_attempt_is_lost_when_there_is_no_mail_server(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    buy(booking, on_sale, desk.guest("ada@example.org"), seats=(3,))
    desk.plan()
    for _ in range(3):
        with pytest.raises(MailServerDown):
            desk.deliver(Mailer(host="127.0.0.1", port=free_port(), sender="tickets@example.org"))
    assert desk.query("select state, attempts from message") == [("pending", 0)]
    assert desk.deliver(sink.mailer()) == DeliveryRun(accepted=1)


def test_one_message_that_can_not_be_composed_does_not_keep_the_others_from_being_sent(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = desk.guest("broken@example.org"), desk.guest("ada@example.org")
    buy(booking, on_sale, broken, seats=(3,))
    buy(booking, on_sale, good, seats=(5,))
    desk.run(f"update user_account set locale = 'xx_nowhere' where id = '{broken}'")
    desk.plan()
    assert desk.deliver(sink.mailer()) == DeliveryRun(accepted=1, failed=1)
    assert "can't be composed" in caplog.text
    assert "@" not in caplog.text


def test_nobody_is_told_when_a_person_has_no_address(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    buyer = desk.guest("ada@example.org")
    buy(booking, on_sale, buyer, seats=(3,))
    with desk.database.connect() as connection:
        connection.execute("update user_contact set kind = 'phone'")
    desk.plan()
    assert desk.deliver(sink.mailer()) == DeliveryRun(suppressed=1)


@pytest.mark.parametrize(
    ("code", "reply", "state"),
    [
        (550, b"5.1.1 no such user", MessageState.SUPPRESSED),
        (550, b"no such user", MessageState.SUPPRESSED),
        (553, b"5.1.3 bad address", MessageState.SUPPRESSED),
        (550, b"5.7.1 relaying denied", MessageState.FAILED),
        (554, b"5.7.1 blocked", MessageState.FAILED),
        (450, b"4.2.1 greylisted", MessageState.FAILED),
        (421, b"", MessageState.FAILED),
    ],
)
def test_only_a_missing_mailbox_suppresses(code: int, reply: bytes, state: MessageState) -> None:
    assert state_after_refusal(code, reply) is state


def test_the_databases_clock_decides_when_a_message_is_due(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    buy(booking, on_sale, desk.guest("ada@example.org"), seats=(3,))
    desk.plan()
    with desk.database.transaction() as session:
        now = database_now(session)
    desk.run("update message set next_try_at = app_now() + interval '1 hour'")
    assert desk.deliver(sink.mailer()) == DeliveryRun()
    desk.database.clock = now + timedelta(hours=2)
    assert desk.deliver(sink.mailer()) == DeliveryRun(accepted=1)
