"""The flow's work: plans and sends, only counts when it only looks, leaves to the next run what it has no time for."""

from __future__ import annotations

from flows import deliver_webhooks
from tests.factories import OnSale
from tests.webhooks_out.conftest import Office
from tests.webhooks_out.receivers import Receiver
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.settings import Settings
from ticketing.webhooks_out.deliver import DeliveryRun


def happen(office: Office, sale: OnSale, receiver: Receiver, count: int) -> None:
    office.listen(sale.vendor.id, receiver.url)
    with office.database.transaction() as session:
        for _ in range(count):
            enqueue(session, topic="event.published", subject_id=sale.event.id)


def test_a_run_plans_and_sends_and_a_dry_run_only_counts(office: Office, on_sale: OnSale, receiver: Receiver, settings: Settings) -> None:
    happen(office, on_sale, receiver, 3)
    looked = deliver_webhooks.deliver(settings, office.database, dry_run=True)
    assert (looked.planned, looked.sent, looked.left.unplanned, receiver.calls) == (0, DeliveryRun(), 3, [])
    assert "3 rows of the outbox and 0 webhooks wait; nothing was sent" in deliver_webhooks.headline(looked, dry_run=True)
    run = deliver_webhooks.deliver(settings, office.database)
    assert (run.planned, run.sent, run.left.unplanned, run.left.due) == (3, DeliveryRun(delivered=3), 0, 0)
    assert "3 webhooks were delivered" in deliver_webhooks.headline(run, dry_run=False)
    assert deliver_webhooks.deliver(settings, office.database).sent == DeliveryRun()
    assert len(receiver.calls) == 3


def test_a_run_without_time_leaves_webhooks_to_the_next(office: Office, on_sale: OnSale, receiver: Receiver, settings: Settings) -> None:
    happen(office, on_sale, receiver, 2)
    run = deliver_webhooks.deliver(settings, office.database, longest_seconds=0)
    assert (run.planned, run.sent, run.left.due) == (2, DeliveryRun(), 2)


def test_a_run_says_which_addresses_are_disabled(office: Office, on_sale: OnSale, receiver: Receiver, settings: Settings) -> None:
    happen(office, on_sale, receiver, 2)
    receiver.status = 410
    run = deliver_webhooks.deliver(settings, office.database)
    assert (run.sent.given_up >= 1, run.left.disabled) == (True, 1)
    assert "1 addresses are disabled" in deliver_webhooks.headline(run, dry_run=False)
    rows = {row["what"]: row["webhooks"] for row in deliver_webhooks.summary(run)}
    assert rows["given up"] == run.sent.given_up
