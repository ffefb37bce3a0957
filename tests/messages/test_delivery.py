"""Mails: planned once, delivered to a real mail server with tickets inside, and honest about what is not known."""

from __future__ import annotations

import email
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.buying import buy, captured, place_order, start_payment
from tests.factories import OnSale
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import create_guest
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.messages.rules import MessageState
from ticketing.messages.service import DeliveryRun, deliver_due, plan_messages
from ticketing.messages.smtp import Mailer
from ticketing.orders.booking import Booking
from ticketing.tickets.qr import TicketSigner


class Sink:
    """The real mail server, as a process."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory
        command = [sys.executable, "-m", "ticketing.cli", "sink", "--port", str(self.port), "--directory", str(directory)]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the mail server did not start")

    def mails(self) -> list[EmailMessage]:
        files = sorted(self.directory.glob("*.eml"), key=lambda path: int(path.stem))
        return [email.message_from_bytes(path.read_bytes(), policy=default) for path in files]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    sink = Sink(tmp_path_factory.mktemp("mail"))
    yield sink
    sink.stop()


@pytest.fixture
def cipher(settings: Settings) -> ContactCipher:
    return ContactCipher.from_secrets(settings.secrets)


def guest(database: Database, cipher: ContactCipher, address: str) -> UUID:
    with database.transaction() as session:
        return create_guest(session, email=address, display_name="Ada", cipher=cipher, now=database_now(session))


def plan(database: Database) -> tuple[int, int]:
    with database.transaction() as session:
        run = plan_messages(session, now=database_now(session))
        return run.consumed, run.planned


def deliver(database: Database, settings: Settings, cipher: ContactCipher, port: int) -> DeliveryRun:
    signer = TicketSigner.from_secrets(settings.secrets)
    with Mailer(host="127.0.0.1", port=port, sender="tickets@example.org") as mailer:
        return deliver_due(database, mailer, cipher=cipher, signer=signer, public_url="http://localhost:8000")


def test_tickets_and_receipt_arrive_once_when_an_order_is_paid(
    sink: Sink, booking: Booking, on_sale: OnSale, database: Database, settings: Settings, cipher: ContactCipher
) -> None:
    before = len(sink.mails())
    buyer = guest(database, cipher, "Ada@Example.org")
    order = buy(booking, on_sale, buyer, seats=(3, 4))
    assert plan(database) == (1, 1)
    assert plan(database) == (0, 0)
    assert deliver(database, settings, cipher, sink.port) == DeliveryRun(accepted=1)
    assert deliver(database, settings, cipher, sink.port) == DeliveryRun()
    (mail,) = sink.mails()[before:]
    assert mail["To"] == "ada@example.org"
    assert order.code in mail["Subject"]
    body = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert body is not None
    assert html is not None
    for part in (body.get_content(), html.get_content()):
        assert "€95.50" in part
        assert f"{order.code}-1" in part
        assert "Berlin time" in part
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert sorted(part["Content-ID"] for part in pictures) == [f"<{order.code}-1>", f"<{order.code}-2>"]


def test_a_message_is_sent_again_with_the_same_id_when_it_is_unknown_whether_it_went(
    sink: Sink, booking: Booking, on_sale: OnSale, database: Database, settings: Settings, cipher: ContactCipher
) -> None:
    before = len(sink.mails())
    buy(booking, on_sale, guest(database, cipher, "drop@example.org"), seats=(3,))
    plan(database)
    assert deliver(database, settings, cipher, sink.port) == DeliveryRun(unknown=1)
    with database.transaction() as session:
        session.execute(text("update message set next_try_at = app_now()"))
    assert deliver(database, settings, cipher, sink.port) == DeliveryRun(unknown=1)
    ids = [mail["Message-ID"] for mail in sink.mails()[before:]]
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize(
    ("address", "state"), [("unknown-user@example.org", MessageState.SUPPRESSED), ("later@example.org", MessageState.FAILED)]
)
def test_the_outcome_is_recorded_when_the_server_refuses(
    sink: Sink, booking: Booking, on_sale: OnSale, database: Database, settings: Settings, cipher: ContactCipher, address: str, state: str
) -> None:
    buy(booking, on_sale, guest(database, cipher, address), seats=(3,))
    plan(database)
    run = deliver(database, settings, cipher, sink.port)
    assert getattr(run, state) == 1
    with database.transaction() as session:
        row = session.execute(text("select m.state, a.detail from message m join message_attempt a on a.message_id = m.id")).one()
    assert row.state == state
    assert "@" not in row.detail


def test_nothing_is_lost_when_there_is_no_mail_server(
    booking: Booking, on_sale: OnSale, database: Database, settings: Settings, cipher: ContactCipher
) -> None:
    buy(booking, on_sale, guest(database, cipher, "ada@example.org"), seats=(3,))
    plan(database)
    assert deliver(database, settings, cipher, free_port()) == DeliveryRun(failed=1)
    assert deliver(database, settings, cipher, free_port()) == DeliveryRun()  # not before its next time


def test_an_apology_goes_out_when_money_came_too_late(
    sink: Sink, booking: Booking, on_sale: OnSale, database: Database, settings: Settings, cipher: ContactCipher
) -> None:
    before = len(sink.mails())
    buyer = guest(database, cipher, "ada@example.org")
    order = place_order(booking, on_sale, buyer, seats=(3,))
    payment = start_payment(booking, order)
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyer, key="c", digest=b""))
    booking.wait(booking.settle(captured(payment)))
    plan(database)
    deliver(database, settings, cipher, sink.port)
    (mail,) = sink.mails()[before:]
    assert "comes back" in mail["Subject"]
