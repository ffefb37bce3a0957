"""Deliverers that are killed, or two at once: everything arrives, again only where it must, under the same id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.factories import OnSale
from tests.webhooks_out.conftest import Office
from tests.webhooks_out.receivers import Receiver
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.settings import Settings
from ticketing.webhooks_out.deliver import DeliveryRun

ROOT = Path(__file__).resolve().parents[2]
KILLS = [("webhook_claimed", 1), ("webhook_answered", 3)]
WORKER_SECONDS = 60


def start_worker(office: Office, settings: Settings, **plan: Any) -> subprocess.Popen[bytes]:
    whole = {"core_url": office.database.url(Role.CORE), "home": str(settings.home_path), **plan}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
    return subprocess.Popen([sys.executable, "-m", "tests.webhooks_out.worker", json.dumps(whole)], cwd=ROOT, env=environment)


def plan_events(office: Office, sale: OnSale, url: str, count: int) -> None:
    office.listen(sale.vendor.id, url)
    with office.database.transaction() as session:
        for _ in range(count):
            enqueue(session, topic="event.published", subject_id=sale.event.id)
    assert office.plan().deliveries == count


def arrivals(receiver: Receiver) -> list[int]:
    return sorted(Counter(call.id for call in receiver.calls).values())


def test_everything_arrives_and_repeats_carry_the_same_id_when_deliverers_are_killed(
    office: Office, on_sale: OnSale, receiver: Receiver, settings: Settings
) -> None:
    plan_events(office, on_sale, receiver.url, 12)
    with office.database.transaction() as session:
        clock = database_now(session)
    for name, after in KILLS:
        worker = start_worker(office, settings, fault=name, after=after, clock=clock.isoformat())
        assert worker.wait(WORKER_SECONDS) == -signal.SIGKILL, f"{name} was not reached"
        clock += timedelta(minutes=10)
    assert start_worker(office, settings, clock=clock.isoformat()).wait(WORKER_SECONDS) == 0
    assert office.query("select state, count(*) from webhook_delivery group by state") == [("delivered", 12)]
    assert len(arrivals(receiver)) == 12
    repeats = sum(arrivals(receiver)) - 12
    ((stopped,),) = office.query("select count(*) from webhook_attempt where detail = 'its deliverer stopped'")
    assert 1 <= repeats <= stopped <= 4  # of the two at once, one may have been recorded before the kill


def test_nothing_is_sent_twice_when_two_deliver_at_once(office: Office, on_sale: OnSale, receiver: Receiver, settings: Settings) -> None:
    plan_events(office, on_sale, receiver.url, 24)
    workers = [start_worker(office, settings) for _ in range(2)]
    assert [worker.wait(WORKER_SECONDS) for worker in workers] == [0, 0]
    assert arrivals(receiver) == [1] * 24


def test_a_deliverer_that_was_too_slow_does_not_undo_what_another_recorded(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    plan_events(office, on_sale, receiver.url, 1)
    later = Database(core_url=office.database.url(Role.CORE), owner_url="", reader_url="")
    with office.database.transaction() as session:
        later.clock = database_now(session) + timedelta(minutes=10)
    taken_over: list[DeliveryRun] = []
    receiver.meanwhile = lambda: taken_over.append(Office(later, office.outside, office.key, office.actor).deliver())
    assert office.deliver() == DeliveryRun()
    later.dispose()
    assert taken_over == [DeliveryRun(delivered=1)]
    assert arrivals(receiver) == [2]
    assert office.query("select state, attempts from webhook_delivery") == [("delivered", 2)]
