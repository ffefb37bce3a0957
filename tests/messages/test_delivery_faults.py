"""Deliverers that are killed, frozen, or two at once: every mail arrives, again only where it must, under the same id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.buying import buy
from tests.factories import OnSale
from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.settings import Settings
from ticketing.messages.rules import MessageState
from ticketing.messages.service import DeliveryRun
from ticketing.messages.smtp import Mailer
from ticketing.orders.booking import Booking

ROOT = Path(__file__).resolve().parents[2]
KILLS = [("message_claimed", 1), ("message_answered", 3)]
WORKER_SECONDS = 60


def now_of(desk: Desk) -> datetime:
    with desk.database.transaction() as session:
        return database_now(session)


def start_worker(desk: Desk, settings: Settings, sink: Sink, **plan: Any) -> subprocess.Popen[bytes]:
    whole = {"core_url": desk.database.url(Role.CORE), "home": str(settings.home_path), "port": sink.port, **plan}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
    return subprocess.Popen([sys.executable, "-m", "tests.messages.delivery_worker", json.dumps(whole)], cwd=ROOT, env=environment)


def plan_orders(booking: Booking, on_sale: OnSale, desk: Desk, count: int) -> None:
    for seat in range(count):
        buy(booking, on_sale, desk.guest("ada@example.org"), seats=(seat,))
    desk.plan()


def arrivals(sink: Sink, before: int) -> Counter[str]:
    """How often each Message-ID arrived since then."""
    return Counter(mail["Message-ID"] for mail in sink.mails()[before:])


def test_every_mail_arrives_and_doubles_are_counted_when_deliverers_are_killed(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk, settings: Settings
) -> None:
    before = len(sink.mails())
    plan_orders(booking, on_sale, desk, 12)
    clock = now_of(desk)
    for name, after in KILLS:
        worker = start_worker(desk, settings, sink, fault=name, after=after, clock=clock.isoformat())
        assert worker.wait(WORKER_SECONDS) == -signal.SIGKILL, f"{name} was not reached"
        clock += timedelta(minutes=10)
    assert start_worker(desk, settings, sink, clock=clock.isoformat()).wait(WORKER_SECONDS) == 0
    assert desk.query("select state, count(*) from message group by state") == [("accepted", 12)]
    assert sorted(arrivals(sink, before).values()) == [1] * 11 + [2]
    assert desk.query("select outcome, count(*) from message_attempt group by outcome order by outcome") == [
        ("accepted", 12),
        ("unknown", 2),
    ]


def test_nothing_is_sent_twice_when_two_deliver_at_once(
    sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk, settings: Settings
) -> None:
    before = len(sink.mails())
    plan_orders(booking, on_sale, desk, 24)
    workers = [start_worker(desk, settings, sink) for _ in range(2)]
    assert [worker.wait(WORKER_SECONDS) for worker in workers] == [0, 0]
    assert sorted(arrivals(sink, before).values()) == [1] * 24
    assert desk.query("select state, count(*) from message group by state") == [("accepted", 24)]


class FreezingMailer(Mailer):
    """Stands still before its first mail while `meanwhile` happens."""

    meanwhile: Callable[[], None] | None = None

    def send(self, message: EmailMessage) -> tuple[MessageState, str]:
        if self.meanwhile is not None:
            happen, self.meanwhile = self.meanwhile, None
            happen()
        return super().send(message)


def test_a_deliverer_that_was_frozen_sends_no_more_than_the_mail_at_hand(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    before = len(sink.mails())
    plan_orders(booking, on_sale, desk, 4)
    later = Database(core_url=desk.database.url(Role.CORE), owner_url="", reader_url="")
    later.clock = now_of(desk) + timedelta(minutes=10)
    taken_over: list[DeliveryRun] = []
    frozen = FreezingMailer(host="127.0.0.1", port=sink.port, sender="tickets@example.org")
    frozen.meanwhile = lambda: taken_over.append(Desk(later, desk.composer).deliver(sink.mailer()))
    desk.deliver(frozen)
    later.dispose()
    assert taken_over == [DeliveryRun(accepted=4)]
    assert sorted(arrivals(sink, before).values()) == [1, 1, 1, 2]
    assert desk.query("select outcome, count(*) from message_attempt group by outcome order by outcome") == [
        ("accepted", 4),
        ("unknown", 1),
    ]


def test_a_connection_that_the_server_closed_meanwhile_costs_no_attempt(sink: Sink, booking: Booking, on_sale: OnSale, desk: Desk) -> None:
    before = len(sink.mails())
    plan_orders(booking, on_sale, desk, 2)
    mailer = sink.mailer()
    mailer.connect()
    connection = mailer._connection
    assert connection is not None
    connection.docmd("quit")  # as a server does with an idle connection
    assert desk.deliver(mailer) == DeliveryRun(accepted=2)
    assert sorted(arrivals(sink, before).values()) == [1, 1]
