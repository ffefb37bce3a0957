"""From an order to a vendor's system: what is sent, how it is signed, what happens when nobody takes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests import factories
from tests.buying import buy
from tests.factories import OnSale
from tests.webhooks_out.conftest import Office
from tests.webhooks_out.receivers import Receiver, receiving, verified
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.ports import free_port
from ticketing.foundation.states import TransitionNotAllowed
from ticketing.orders.booking import Booking
from ticketing.webhooks_out import service
from ticketing.webhooks_out.deliver import DeliveryRun
from ticketing.webhooks_out.plan import PlanRun
from ticketing.webhooks_out.rules import FIRST_PAUSE, GIVEN_UP_IN_A_ROW, MOST_ATTEMPTS, SPREAD, WebhookEventKind, pause_after

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"


def confirm(office: Office, sale: OnSale, count: int = 1) -> None:
    """Orders of the vendor, by their outbox rows alone: a published event each."""
    with office.database.transaction() as session:
        for _ in range(count):
            enqueue(session, topic="event.published", subject_id=sale.event.id)


def test_an_order_is_told_with_a_signature_that_fits(
    office: Office, booking: Booking, on_sale: OnSale, buyers: list[UUID], receiver: Receiver
) -> None:
    endpoint = office.listen(on_sale.vendor.id, receiver.url)
    order = buy(booking, on_sale, buyers[0], seats=(1, 2))
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key="c", digest=b""))
    assert office.plan() == PlanRun(consumed=2, events=2, deliveries=2)
    assert office.deliver() == DeliveryRun(delivered=2)
    assert office.plan() == PlanRun(consumed=0, events=0, deliveries=0)
    assert endpoint.secret is not None
    assert all(verified(endpoint.secret, call.headers, call.body) for call in receiver.calls)
    assert abs(int(receiver.calls[0].headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    told = {call.content["type"]: call.content["data"] for call in receiver.calls}
    assert set(told) == {"order.confirmed", "order.cancelled"}
    confirmed = told["order.confirmed"]
    assert (confirmed["order_id"], confirmed["code"], confirmed["total_minor"]) == (str(order.id), order.code, order.total_minor)
    assert [line["seat_no"] for line in confirmed["lines"]] == [1, 2]
    assert told["order.cancelled"]["refund_minor"] == 9_000
    assert str(buyers[0]).encode() not in b"".join(call.body for call in receiver.calls)


def test_the_receiver_of_the_documents_accepts_what_is_sent_and_nothing_else(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    documented = DOCUMENT.read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(documented, names)  # noqa: S102 - our own document
    endpoint = office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    office.deliver()
    (call,) = receiver.calls
    assert names["accept"](endpoint.secret, call.headers, call.body)
    assert not names["accept"](endpoint.secret, call.headers, call.body + b" ")
    assert not names["accept"](endpoint.secret, call.headers | {"webhook-timestamp": "1"}, call.body)


def test_a_signature_does_not_fit_when_secret_body_or_time_differ(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    endpoint = office.listen(on_sale.vendor.id, receiver.url)
    other = office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    office.deliver()
    assert endpoint.secret != other.secret
    by_secret = {
        secret: [call for call in receiver.calls if verified(secret or "", call.headers, call.body)]
        for secret in (endpoint.secret, other.secret)
    }
    assert [len(calls) for calls in by_secret.values()] == [1, 1]
    assert len({call.id for call in receiver.calls}) == 1
    (call,) = by_secret[endpoint.secret]
    assert not verified(endpoint.secret or "", call.headers, call.body + b" ")
    later = call.headers | {"webhook-timestamp": str(int(call.headers["webhook-timestamp"]) + 1)}
    assert not verified(endpoint.secret or "", later, call.body)


def test_both_secrets_sign_until_the_overlap_is_over(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    old = office.listen(on_sale.vendor.id, receiver.url)
    with office.database.transaction(Role.VENDOR, vendor_ids=[on_sale.vendor.id]) as session:
        new = service.rotate_secret(session, endpoint_id=old.id, actor_id=office.actor, key=office.key, now=database_now(session))
    confirm(office, on_sale)
    office.plan()
    office.deliver()
    office.query("update webhook_endpoint set previous_until = app_now() returning 1")
    confirm(office, on_sale)
    office.plan()
    office.deliver()
    both, only_new = receiver.calls
    assert new.secret != old.secret
    assert [verified(secret or "", both.headers, both.body) for secret in (old.secret, new.secret)] == [True, True]
    assert [verified(secret or "", only_new.headers, only_new.body) for secret in (old.secret, new.secret)] == [False, True]


def test_only_events_that_are_asked_for_and_come_after_are_told(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    confirm(office, on_sale)
    office.listen(on_sale.vendor.id, receiver.url, WebhookEventKind.EVENT_PUBLISHED)
    office.listen(on_sale.vendor.id, receiver.url, WebhookEventKind.ORDER_CONFIRMED)
    confirm(office, on_sale)
    assert office.plan() == PlanRun(consumed=2, events=1, deliveries=1)
    office.deliver()
    assert [call.content["type"] for call in receiver.calls] == ["event.published"]


def test_a_failed_delivery_is_tried_again_later_and_later_under_one_id(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    receiver.status, receiver.answer = 500, b"x" * 5_000 + b"\x00"
    assert office.deliver() == DeliveryRun(failed=1)
    assert office.deliver() == DeliveryRun()  # not due
    ((wait,),) = office.query("select next_try_at - app_now() from webhook_delivery")
    assert FIRST_PAUSE - timedelta(seconds=10) < wait <= FIRST_PAUSE * (1 + SPREAD)
    office.let_pass(FIRST_PAUSE * 2)
    receiver.answer = b"a\x00b"
    assert office.deliver() == DeliveryRun(failed=1)
    receiver.status = 204
    receiver.answer = b""
    office.let_pass(FIRST_PAUSE * 4)
    assert office.deliver() == DeliveryRun(delivered=1)
    assert len({(call.id, call.digest) for call in receiver.calls}) == 1
    log = office.query("select attempt, status, length(answer), detail, duration_ms is not null from webhook_attempt order by attempt")
    assert log == [(1, 500, 500, "it answered 500", True), (2, 500, 3, "it answered 500", True), (3, 204, 0, None, True)]


def test_the_pauses_double_and_fill_two_days() -> None:
    pauses = [pause_after(attempt, chance=0.0) for attempt in range(1, MOST_ATTEMPTS)]
    assert all(after == 2 * before for before, after in pairwise(pauses))
    assert timedelta(hours=40) < sum(pauses, timedelta()) < timedelta(hours=50)
    assert pause_after(1, chance=0.999) <= FIRST_PAUSE * (1 + SPREAD)


def test_an_address_is_disabled_when_deliveries_are_given_up_in_a_row(office: Office, on_sale: OnSale) -> None:
    endpoint = office.listen(on_sale.vendor.id, f"http://127.0.0.1:{free_port()}/")
    confirm(office, on_sale, GIVEN_UP_IN_A_ROW + 1)
    office.plan()
    office.query("update webhook_delivery set attempts_left = 1 returning 1")
    outcomes = DeliveryRun()
    while office.query("select 1 from webhook_endpoint where disabled_at is null"):
        outcomes += office.deliver()  # a run leaves the address alone after some failures
        office.let_pass(timedelta(minutes=2))
    assert outcomes.given_up >= GIVEN_UP_IN_A_ROW
    assert office.query("select count(*) from audit_entry where action = 'webhook_endpoint.disabled'") == [(1,)]
    assert office.query("select count(*) from outbox where topic = 'webhook.disabled'") == [(1,)]
    before = office.query("select sum(attempts) from webhook_delivery")
    assert office.deliver() == DeliveryRun()
    assert office.query("select sum(attempts) from webhook_delivery") == before
    confirm(office, on_sale)
    assert office.plan().deliveries == 0
    with office.database.transaction(Role.VENDOR, vendor_ids=[on_sale.vendor.id]) as session:
        assert service.enable_endpoint(session, endpoint_id=endpoint.id, actor_id=office.actor).active
    confirm(office, on_sale)
    assert office.plan().deliveries == 1


def test_one_success_forgets_the_failures_before_it(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    office.listen(on_sale.vendor.id, receiver.url)
    office.query(f"update webhook_endpoint set failures_in_row = {GIVEN_UP_IN_A_ROW - 1} returning 1")
    confirm(office, on_sale)
    office.plan()
    assert office.deliver() == DeliveryRun(delivered=1)
    assert office.query("select failures_in_row from webhook_endpoint") == [(0,)]


def test_an_address_that_is_gone_is_disabled_at_once(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    receiver.status = 410
    assert office.deliver() == DeliveryRun(given_up=1)
    assert office.query("select disabled_at is not null from webhook_endpoint") == [(True,)]


def test_a_redirect_is_a_failure_and_is_not_followed(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    with receiving() as elsewhere:
        receiver.status, receiver.extra = 307, {"Location": elsewhere.url}
        assert office.deliver() == DeliveryRun(failed=1)
        assert elsewhere.calls == []
    assert office.query("select status, detail from webhook_attempt") == [(307, "redirects are not followed")]


def test_an_address_that_fails_is_left_alone_while_others_are_told(office: Office, database: Database, receiver: Receiver) -> None:
    with database.transaction() as session:
        broken, healthy = factories.make_event_on_sale(session, seats=0), factories.make_event_on_sale(session, seats=0)
    with receiving() as failing:
        failing.status = 503
        office.listen(broken.vendor.id, failing.url)
        office.listen(healthy.vendor.id, receiver.url)
        confirm(office, broken, 40)
        confirm(office, healthy, 5)
        office.plan()
        run = office.deliver()
    assert run.delivered == 5
    assert run.failed + run.rested == 40
    assert len(failing.calls) == run.failed < 15
    assert office.query("select count(*) from webhook_delivery where state = 'sending'") == [(0,)]
    assert office.query("select sum(attempts) from webhook_delivery where state = 'pending'") == [(run.failed,)]


def test_a_replay_sends_the_same_again(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    endpoint = office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    office.deliver()
    ((delivery_id,),) = office.query("select id from webhook_delivery")
    ids = {"endpoint_id": endpoint.id, "delivery_id": delivery_id, "actor_id": office.actor}
    with office.database.transaction(Role.VENDOR, vendor_ids=[on_sale.vendor.id]) as session:
        assert service.replay_delivery(session, **ids, now=database_now(session)).attempts == 1
    assert office.deliver() == DeliveryRun(delivered=1)
    first, second = receiver.calls
    assert (first.id, first.body) == (second.id, second.body)
    office.query("update webhook_delivery set state = 'sending', lease_until = app_now() + interval '1 minute' returning 1")
    with (
        pytest.raises(TransitionNotAllowed),
        office.database.transaction(Role.VENDOR, vendor_ids=[on_sale.vendor.id]) as session,
    ):
        service.replay_delivery(session, **ids, now=database_now(session))


def test_nothing_is_sent_to_an_address_that_was_removed(office: Office, on_sale: OnSale, receiver: Receiver) -> None:
    endpoint = office.listen(on_sale.vendor.id, receiver.url)
    confirm(office, on_sale)
    office.plan()
    with office.database.transaction(Role.VENDOR, vendor_ids=[on_sale.vendor.id]) as session:
        service.remove_endpoint(session, endpoint_id=endpoint.id, actor_id=office.actor, now=database_now(session))
    assert office.deliver() == DeliveryRun()
    assert receiver.calls == []
    assert office.query("select state from webhook_delivery") == [("abandoned",)]
