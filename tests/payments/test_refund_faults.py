"""Workers killed at each fault point, two at once, a provider that leaves calls unanswered: each refund is paid once.

The same with a fresh key per attempt pays some twice, and a balanced ledger does not show it: only the provider's list does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.payments.conftest import Shop
from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Role
from ticketing.foundation.settings import Settings
from ticketing.invariants.provider import compare, read_lists
from ticketing.orders.pay import PaymentView
from ticketing.payments.providers import ProviderUnknown

ROOT = Path(__file__).resolve().parents[2]
REFUNDS = 16
AMOUNT_MINOR = 500
KILLS = [("refund_claimed", 1), ("refund_answered", 1), ("refund_claimed", 2), ("refund_answered", 2)]
WORKER_SECONDS = 60


@pytest.fixture
def flaky(settings: Settings) -> Iterator[FakeProviderProcess]:
    """Leaves three calls in ten unanswered, after it has done what was asked."""
    with start_fake_provider(settings, options=["--unknown", "0.3", "--seed", "11"]) as process:
        yield process


class Workers:
    """Starts worker processes, each later than the leases of the one before."""

    def __init__(self, shop: Shop, process: FakeProviderProcess, **plan: Any) -> None:
        self._plan = {"core_url": shop.database.url(Role.CORE), "base_url": process.base_url, "api_key": process.api_key, **plan}
        self._clock = utc_now()

    def start(self, **plan: Any) -> subprocess.Popen[bytes]:
        whole = {**self._plan, "clock": self._clock.isoformat(), **plan}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
        return subprocess.Popen([sys.executable, "-m", "tests.payments.refund_worker", json.dumps(whole)], cwd=ROOT, env=environment)

    def next_turn(self) -> None:
        self._clock += timedelta(minutes=2)

    def run_with_kills(self) -> None:
        for name, after in KILLS:
            worker = self.start(fault=name, after=after)
            assert worker.wait(WORKER_SECONDS) == -signal.SIGKILL, f"{name} was not reached"
            self.next_turn()

    def run_a_pair(self) -> None:
        for worker in [self.start(), self.start()]:
            assert worker.wait(WORKER_SECONDS) == 0
        self.next_turn()

    def finish(self, shop: Shop) -> None:
        for _ in range(10):
            if open_refunds(shop) == 0:
                return
            self.run_a_pair()
        pytest.fail("the refunds did not end")


def open_refunds(shop: Shop) -> int:
    with shop.database.transaction() as session:
        return int(session.execute(text("select count(*) from refund where state <> 'succeeded'")).scalar_one())


def ledger_problems(shop: Shop) -> int:
    with shop.database.transaction() as session:
        unbalanced = "select count(*) from (select from ledger_entry group by journal_id having sum(amount_minor) <> 0) j"
        return int(session.execute(text(unbalanced)).scalar_one())


def buy_until_answered(shop: Shop, count: int) -> list[PaymentView]:
    """The provider leaves some of the sessions unanswered too: those buyers come again."""
    bought: list[PaymentView] = []
    while len(bought) < count:
        try:
            bought.append(shop.buy())
        except ProviderUnknown:
            continue
    return bought


def given_back(shop: Shop, payments: list[PaymentView]) -> list[int]:
    listed = {payment.provider_ref: payment.refunded_minor for payment in shop.booking.wait(shop.client.list_payments())}
    return [listed[payment.provider_ref or ""] for payment in payments]


def test_every_refund_is_paid_once_when_workers_are_killed_at_every_point(
    open_shop: Callable[[FakeProviderProcess], Shop], flaky: FakeProviderProcess
) -> None:
    shop = open_shop(flaky)
    payments = buy_until_answered(shop, REFUNDS)
    shop.plan_refunds(payments, amount_minor=AMOUNT_MINOR)
    workers = Workers(shop, flaky)
    workers.run_with_kills()
    workers.finish(shop)
    assert given_back(shop, payments) == [AMOUNT_MINOR] * REFUNDS
    assert ledger_problems(shop) == 0
    lists = shop.booking.wait(read_lists(shop.client))
    with shop.database.connect() as connection:
        examined, problems = compare(connection, provider="fake", lists=lists)
    assert examined >= 2 * REFUNDS
    assert problems == []


def test_fresh_keys_pay_twice_and_only_the_provider_s_list_shows_it(
    open_shop: Callable[[FakeProviderProcess], Shop], flaky: FakeProviderProcess
) -> None:
    shop = open_shop(flaky)
    payments = buy_until_answered(shop, REFUNDS)
    shop.plan_refunds(payments, amount_minor=AMOUNT_MINOR)
    workers = Workers(shop, flaky, fresh_keys=True)
    workers.run_with_kills()
    workers.run_a_pair()
    assert ledger_problems(shop) == 0
    assert sum(amount > AMOUNT_MINOR for amount in given_back(shop, payments)) >= 4  # a part of four was answered and not recorded
