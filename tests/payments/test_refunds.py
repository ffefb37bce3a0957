"""Refunds against the real provider: never more than captured, each paid once, whatever is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from tests.payments.conftest import Shop
from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import PaymentProvider, ProviderBusy, ProviderRefund, ProviderRefused, ProviderUnknown
from ticketing.payments.refunds import LEASE_SECONDS, MOST_ATTEMPTS, RETRY_SECONDS, RefundRun, RefundTooLarge, plan_refund, send_due_refunds
from ticketing.payments.rules import RefundReason


def query(database: Database, sql: str) -> Any:
    """The rows as tuples."""
    with database.transaction() as session:
        return [tuple(row) for row in session.execute(text(sql))]


def send(shop: Shop, client: PaymentProvider | None = None, **options: Any) -> RefundRun:
    return send_due_refunds(shop.database, {"fake": client or shop.client}, **options)


def later(shop: Shop, seconds: float) -> None:
    shop.database.clock = (shop.database.clock or utc_now()) + timedelta(seconds=seconds)


def at_provider(shop: Shop, payments: list[Any]) -> list[int]:
    """What the provider says it gave back of each payment."""
    listed = {payment.provider_ref: payment.refunded_minor for payment in shop.booking.wait(shop.client.list_payments())}
    return [listed[payment.provider_ref] for payment in payments]


def test_a_refund_is_paid_and_booked_once_when_it_is_sent(shop: Shop) -> None:
    payment = shop.buy()
    (refund_id,) = shop.plan_refunds([payment], amount_minor=1_000)
    assert send(shop) == RefundRun(succeeded=1)
    assert send(shop) == RefundRun()
    assert at_provider(shop, [payment]) == [1_000]
    assert query(shop.database, "select state, refund_reserved_minor, refunded_minor from payment") == [("partly_refunded", 1_000, 1_000)]
    assert query(shop.database, "select state, attempt, lease_until, done_at is not null from refund") == [("succeeded", 1, None, True)]
    assert query(shop.database, "select sum(amount_minor)::int from ledger_entry where account = 'refunds'") == [(0,)]
    assert query(shop.database, "select subject_id from outbox where topic = 'refund.settled'") == [(payment.order_id,)]
    audited = "select action from audit_entry where action like 'refund.%' and subject_id = :id order by id"
    with shop.database.transaction() as session:
        assert session.execute(text(audited), {"id": refund_id}).scalars().all() == ["refund.planned", "refund.settled"]


def test_a_payment_is_refunded_when_all_of_it_is_given_back_in_parts(shop: Shop) -> None:
    payment = shop.buy()
    for part in (1_000, payment.amount_minor - 1_000):
        shop.plan_refunds([payment], amount_minor=part)
    assert send(shop) == RefundRun(succeeded=2)
    assert at_provider(shop, [payment]) == [payment.amount_minor]
    assert query(shop.database, "select state, refunded_minor from payment") == [("refunded", payment.amount_minor)]


def test_only_as_much_as_was_captured_is_planned_when_many_plan_at_once(shop: Shop) -> None:
    payment = shop.buy()
    barrier, planned = Barrier(8), []

    def plan() -> None:
        with shop.database.connect() as connection:
            barrier.wait()
            try:
                with connection.transaction():
                    planned.append(plan_refund(connection, payment_id=payment.id, amount_minor=1_000, reason=RefundReason.REQUESTED))
            except RefundTooLarge:
                pass

    threads = [Thread(target=plan) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(planned) == payment.amount_minor // 1_000 == 2
    assert query(shop.database, "select refund_reserved_minor, count(*) from payment, refund group by 1") == [(2_000, 2)]


def test_nothing_is_planned_when_money_has_not_arrived_or_the_parts_do_not_add_up(shop: Shop) -> None:
    unpaid, paid = shop.start_payment(), shop.buy()
    for refused, payment, lines in ((RefundTooLarge, unpaid, []), (ValueError, paid, [(uuid4(), 99)])):
        with shop.database.connect() as connection, pytest.raises(refused):
            plan_refund(connection, payment_id=payment.id, amount_minor=100, reason=RefundReason.REQUESTED, lines=lines)
    assert query(shop.database, "select count(*) from refund") == [(0,)]


def test_a_payment_is_refunded_once_in_a_batch(shop: Shop) -> None:
    payment, batch = shop.buy(), uuid4()
    with shop.database.connect() as connection:
        for expected in (None, psycopg.errors.UniqueViolation):
            try:
                with connection.transaction():
                    plan_refund(connection, payment_id=payment.id, amount_minor=10, reason=RefundReason.REQUESTED, batch_id=batch)
            except psycopg.errors.UniqueViolation:
                assert expected is not None
    assert query(shop.database, "select refund_reserved_minor from payment") == [(10,)]


def test_an_unanswered_refund_keeps_key_and_reservation_until_it_is_looked_up(
    open_shop: Callable[[FakeProviderProcess], Shop], settings: Settings
) -> None:
    with start_fake_provider(settings) as process:
        shop = open_shop(process)
        payments = [shop.buy() for _ in range(3)]
        shop.plan_refunds(payments, amount_minor=500)
        process.stop()
        with start_fake_provider(settings, journal=process.journal, port=process.port, options=["--unknown", "1"]):
            assert send(shop) == RefundRun(unknown=3)
            assert send(shop) == RefundRun()  # not before the provider had time to know
            assert query(shop.database, "select distinct state, attempt from refund") == [("unknown", 1)]
            assert query(shop.database, "select sum(refund_reserved_minor)::int, sum(refunded_minor)::int from payment") == [(1_500, 0)]
            later(shop, RETRY_SECONDS + 1)
            assert send(shop) == RefundRun(succeeded=3)
        process.start()
        assert at_provider(shop, payments) == [500] * 3
        keys = {refund.key for refund in shop.booking.wait(shop.client.list_refunds())}
        assert keys == {f"{row[0]}:1" for row in query(shop.database, "select id from refund")}


class Answering(FakeClient):
    """A provider that answers refunds with errors first, and then as it does."""

    def __init__(self, process: FakeProviderProcess, *errors: Exception) -> None:
        super().__init__(base_url=process.base_url, api_key=process.api_key, webhook_secrets=[])
        self.errors = list(errors)
        self.keys: list[str] = []

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        self.keys.append(key)
        if self.errors:
            raise self.errors.pop(0)
        return await super().refund(key=key, payment_ref=payment_ref, amount_minor=amount_minor, currency=currency)


def test_the_attempt_rises_only_after_a_definite_failure(shop: Shop, provider: FakeProviderProcess) -> None:
    payment = shop.buy()
    (refund_id,) = shop.plan_refunds([payment], amount_minor=500)
    client = Answering(provider, ProviderBusy("wait", retry_after_seconds=5), ProviderRefused("no"))
    assert send(shop, client) == RefundRun(busy=1)
    assert query(shop.database, "select state, attempt from refund") == [("sent", 1)]
    later(shop, 6)
    assert send(shop, client) == RefundRun(failed=1)
    later(shop, RETRY_SECONDS + 1)
    assert send(shop, client) == RefundRun(succeeded=1)
    assert client.keys == [f"{refund_id}:1", f"{refund_id}:1", f"{refund_id}:2"]
    assert query(shop.database, "select attempt, outcome from refund_attempt order by 1") == [(1, "failed"), (2, "succeeded")]
    assert at_provider(shop, [payment]) == [500]
    shop.booking.wait(client.close())


def test_a_refund_stays_failed_with_its_reservation_when_the_provider_keeps_refusing(shop: Shop, provider: FakeProviderProcess) -> None:
    shop.plan_refunds([shop.buy()], amount_minor=500)
    client = Answering(provider, *[ProviderRefused("no")] * 99)
    for _ in range(MOST_ATTEMPTS):
        assert send(shop, client) == RefundRun(failed=1)
        later(shop, RETRY_SECONDS + 1)
    assert send(shop, client) == RefundRun()
    assert query(shop.database, "select r.state, attempt, refund_reserved_minor from refund r, payment") == [("failed", MOST_ATTEMPTS, 500)]


def test_no_attempt_is_lost_when_our_key_is_not_accepted(shop: Shop, provider: FakeProviderProcess) -> None:
    payments = [shop.buy() for _ in range(3)]
    shop.plan_refunds(payments, amount_minor=500)
    stranger = FakeClient(base_url=provider.base_url, api_key="old", webhook_secrets=[])
    assert send(shop, stranger, at_once=2) == RefundRun(denied=2)  # the run ends: the third would be denied as well
    later(shop, RETRY_SECONDS + 1)
    assert send(shop) == RefundRun(succeeded=3)
    assert query(shop.database, "select distinct attempt from refund") == [(1,)]
    assert at_provider(shop, payments) == [500] * 3
    shop.booking.wait(stranger.close())


def test_refunds_of_a_provider_that_is_not_set_up_are_left_alone(shop: Shop) -> None:
    shop.plan_refunds([shop.buy()], amount_minor=500)
    assert send_due_refunds(shop.database, {}) == RefundRun()
    assert query(shop.database, "select state, lease_until from refund") == [("planned", None)]


class Frozen(FakeClient):
    """Its process stands still after the provider has answered; meanwhile `meanwhile` happens."""

    def __init__(self, process: FakeProviderProcess, meanwhile: Callable[[], None]) -> None:
        super().__init__(base_url=process.base_url, api_key=process.api_key, webhook_secrets=[])
        self._meanwhile = meanwhile

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        answer = await super().refund(key=key, payment_ref=payment_ref, amount_minor=amount_minor, currency=currency)
        thread = Thread(target=self._meanwhile)
        thread.start()
        while thread.is_alive():
            await asyncio.sleep(0.01)
        return answer


class Silent(FakeClient):
    """A provider that answers nothing about refunds."""

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        raise ProviderUnknown("no answer")

    async def find_refund(self, key: str) -> ProviderRefund | None:
        raise ProviderUnknown("no answer")


@pytest.mark.parametrize(("kind", "after", "journal_entries"), [(FakeClient, RefundRun(succeeded=1), 2), (Silent, RefundRun(unknown=1), 0)])
def test_a_frozen_worker_changes_nothing_when_another_has_taken_over(
    shop: Shop, provider: FakeProviderProcess, kind: type[FakeClient], after: RefundRun, journal_entries: int
) -> None:
    payment = shop.buy()
    shop.plan_refunds([payment], amount_minor=500)
    other, runs = kind(base_url=provider.base_url, api_key=provider.api_key, webhook_secrets=[]), []

    def meanwhile() -> None:
        later(shop, LEASE_SECONDS + 1)
        runs.append(send(shop, other))

    frozen = Frozen(provider, meanwhile)
    assert send(shop, frozen) == RefundRun()
    assert runs == [after]
    assert query(shop.database, "select count(*) from ledger_entry where journal_kind = 'refund_paid'") == [(journal_entries,)]
    later(shop, RETRY_SECONDS + 1)
    send(shop)
    assert at_provider(shop, [payment]) == [500]
    assert query(shop.database, "select state, attempt from refund") == [("succeeded", 1)]
    for client in (frozen, other):
        shop.booking.wait(client.close())


def planned_ids(shop: Shop) -> set[UUID]:
    return {row[0] for row in query(shop.database, "select id from refund where state = 'planned'")}


def test_a_run_sends_no_more_than_its_limit(shop: Shop) -> None:
    shop.plan_refunds([shop.buy() for _ in range(5)], amount_minor=500)
    before = planned_ids(shop)
    assert send(shop, limit=3, at_once=2) == RefundRun(succeeded=3)
    assert planned_ids(shop) == set(sorted(before)[3:])


def test_sums_agree_when_two_workers_refund_the_same_payments_at_once(shop: Shop) -> None:
    payments = [shop.buy() for _ in range(3)]
    for _ in range(16):
        shop.plan_refunds(payments, amount_minor=100)
    runs: list[RefundRun] = []
    workers = [Thread(target=lambda: runs.append(send(shop, at_once=3))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(runs, RefundRun()) == RefundRun(succeeded=48)
    assert query(shop.database, "select refunded_minor, count(*) from payment group by 1") == [(1_600, 3)]
    assert query(shop.database, "select sum(amount_minor)::int, count(*) from ledger_entry where account = 'refunds'") == [(0, 96)]
    assert at_provider(shop, payments) == [1_600] * 3
