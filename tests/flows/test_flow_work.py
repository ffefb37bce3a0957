"""What each flow does to our own tables, and that a dry run does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from flows import deliver_messages, janitor, refund_batch, seal_audit, sweep_holds
from tests.buying import buy, captured, place_order, start_payment
from tests.factories import OnSale
from tests.sinks import Sink, start_sink
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import create_guest
from ticketing.audit.service import SealKey, SealRun
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings
from ticketing.messages.senders import send_due
from ticketing.messages.service import DeliveryRun
from ticketing.orders.booking import Booking
from ticketing.orders.expire import SweepRun
from ticketing.payments.refunds import RefundRun


def count(database: Database, sql: str) -> int:
    with database.transaction() as session:
        return int(session.execute(text(sql)).scalar_one())


def let_time_pass(database: Database) -> None:
    """Holds and orders of the test are over."""
    with database.transaction(Role.OWNER) as session:
        session.execute(text("update hold set expires_at = now() - interval '90 seconds'"))
        session.execute(text("update event_seat set held_until = now() - interval '90 seconds' where state = 'held'"))
        session.execute(text("update ticket_order set expires_at = now() - interval '90 seconds'"))


@pytest.fixture
def guest(database: Database, settings: Settings) -> UUID:
    cipher = ContactCipher.from_secrets(settings.secrets)
    with database.transaction() as session:
        return create_guest(session, email="ada@example.org", display_name="Ada", cipher=cipher, now=database_now(session))


@pytest.fixture
def overdue(database: Database, booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    place_order(booking, on_sale, buyers[0], seats=[0, 1])
    booking.wait(booking.hold(event_id=on_sale.event.id, buyer_id=buyers[1], key=uuid4().hex, digest=b"", seats=[2]))
    let_time_pass(database)


def test_sweep_expires_what_is_due_once(database: Database, overdue: None) -> None:
    run = sweep_holds.sweep_due(database)
    assert (run.holds, run.orders) == (2, 1)
    assert 89 < run.latest_seconds < 150
    assert count(database, "select count(*) from hold where state = 'active'") == 0
    again = sweep_holds.sweep_due(database)
    assert (again.holds, again.orders) == (0, 0)


def test_sweep_changes_nothing_when_it_only_looks(database: Database, overdue: None) -> None:
    run = sweep_holds.sweep_due(database, dry_run=True)
    assert (run.holds, run.orders) == (2, 1)
    assert count(database, "select count(*) from hold where state = 'active'") == 2
    assert count(database, "select count(*) from ticket_order where state = 'pending'") == 1
    assert "nothing was changed" in sweep_holds.headline(run, dry_run=True)


def test_sweep_says_so_when_it_is_late(database: Database) -> None:
    run = SweepRun(holds=1, orders=0, events_completed=0, orders_completed=0, latest_seconds=600)
    assert "missed" in sweep_holds.headline(run, dry_run=False)


def test_seal_takes_what_was_written(database: Database, settings: Settings, overdue: None) -> None:
    key = SealKey.from_secrets(settings.secrets)
    looked = seal_audit.seal_written(database, key, dry_run=True)
    assert looked.entries > 0
    assert count(database, "select count(*) from audit_seal") == 0
    assert seal_audit.seal_written(database, key) == looked
    assert count(database, "select sum(entries) from audit_seal") == looked.entries
    assert seal_audit.seal_written(database, key) == SealRun(entries=0, seals=0)


@pytest.fixture
def mail_settings(settings: Settings, sink: Sink) -> Settings:
    return Settings(home=settings.home, environment="test", smtp_host="127.0.0.1", smtp_port=sink.port)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with start_sink(tmp_path / "mail") as sink:
        yield sink


def test_mail_of_an_order_is_sent_once(
    database: Database, mail_settings: Settings, sink: Sink, booking: Booking, on_sale: OnSale, guest: UUID
) -> None:
    buy(booking, on_sale, guest, seats=[3])
    looked = deliver_messages.deliver(mail_settings, database, dry_run=True)
    assert (looked.planned, looked.sent, looked.left.unplanned) == (0, DeliveryRun(), 1)
    assert sink.mails() == []
    run = deliver_messages.deliver(mail_settings, database)
    assert (run.planned, run.sent, run.left.unplanned, run.left.due) == (1, DeliveryRun(accepted=1), 0, 0)
    assert deliver_messages.deliver(mail_settings, database).sent == DeliveryRun()
    assert [mail["To"] for mail in sink.mails()] == ["ada@example.org"]


def test_several_senders_send_each_mail_once(
    database: Database, mail_settings: Settings, sink: Sink, booking: Booking, on_sale: OnSale, guest: UUID
) -> None:
    orders = [buy(booking, on_sale, guest, seats=[seat]) for seat in range(6)]
    deliver_messages.plan_all(database)
    assert send_due(mail_settings, database, senders=2, longest_seconds=60, at_once=1) == DeliveryRun(accepted=len(orders))
    told = sorted(order.code for order in orders for mail in sink.mails() if order.code in mail["Subject"])
    assert told == sorted(order.code for order in orders)
    assert count(database, "select count(*) from message_attempt") == len(orders)


def test_run_without_time_leaves_mails_to_the_next(
    database: Database, mail_settings: Settings, booking: Booking, on_sale: OnSale, guest: UUID
) -> None:
    buy(booking, on_sale, guest, seats=[3])
    run = deliver_messages.deliver(mail_settings, database, longest_seconds=0)
    assert (run.planned, run.sent, run.left.due) == (1, DeliveryRun(), 1)
    assert "1 messages wait" in deliver_messages.headline(run, dry_run=False)


def test_delivery_is_refused_when_no_mail_server_is_set(database: Database, settings: Settings) -> None:
    with pytest.raises(Misconfigured, match="TICKETING_SMTP_HOST"):
        deliver_messages.deliver(settings, database)


def test_refund_of_late_money_is_only_counted_when_it_looks(
    database: Database, booking: Booking, on_sale: OnSale, buyers: list[UUID]
) -> None:
    order = place_order(booking, on_sale, buyers[0], seats=[0])
    payment = start_payment(booking, order)
    let_time_pass(database)
    place_order(booking, on_sale, buyers[1], seats=[0])
    booking.wait(booking.settle(captured(payment)))
    batch = refund_batch.refund_due(database, {}, dry_run=True)
    assert batch.done == RefundRun()
    assert [(left.state, left.refunds, left.amount_minor, left.currency) for left in batch.left] == [
        ("planned", 1, payment.amount_minor, payment.currency)
    ]
    assert "1 refunds are not done; nothing was sent" in refund_batch.headline(batch, dry_run=True)
    assert count(database, "select count(*) from refund_attempt") == 0


def test_old_idempotency_keys_are_forgotten(database: Database, booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    for number in (0, 1):
        booking.wait(booking.hold(event_id=on_sale.event.id, buyer_id=buyers[number], key=f"k{number}", digest=b"", seats=[number]))
    with database.transaction() as session:
        session.execute(text("update idempotency_key set created_at = now() - interval '49 hours' where key = 'k0'"))
    assert janitor.forget_old_keys(database, dry_run=True) == 1
    assert count(database, "select count(*) from idempotency_key") == 2
    assert janitor.forget_old_keys(database, dry_run=False) == 1
    with database.transaction() as session:
        assert session.execute(text("select key from idempotency_key")).scalars().all() == ["k1"]
