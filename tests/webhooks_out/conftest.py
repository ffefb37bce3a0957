"""A vendor with a manager, an address that listens, and a few lines to plan and deliver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests import factories
from tests.webhooks_out.receivers import Receiver, receiving
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.outbound import Outside
from ticketing.foundation.settings import Settings
from ticketing.webhooks_out import service
from ticketing.webhooks_out.deliver import Deliverer, DeliveryRun
from ticketing.webhooks_out.plan import PlanRun, plan_deliveries
from ticketing.webhooks_out.rules import WebhookEventKind


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@dataclass
class Office:
    """Plans and delivers on one database."""

    database: Database
    outside: Outside
    key: bytes
    actor: UUID

    def listen(self, vendor_id: UUID, url: str, *events: WebhookEventKind) -> service.EndpointView:
        with self.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
            return service.add_endpoint(
                session,
                vendor_id=vendor_id,
                url=url,
                events=events or list(WebhookEventKind),
                actor_id=self.actor,
                key=self.key,
                now=database_now(session),
            )

    def plan(self) -> PlanRun:
        with self.database.transaction() as session:
            return plan_deliveries(session, now=database_now(session))

    def deliver(self) -> DeliveryRun:
        """One run: until nothing is due."""
        deliverer, whole = Deliverer(self.database, self.outside, self.key), DeliveryRun()
        while (run := deliverer.deliver_due()) != DeliveryRun():
            whole += run
        return whole

    def let_pass(self, time: timedelta) -> None:
        """What is left to try becomes due as if so much time had passed."""
        with self.database.transaction() as session:
            session.execute(text("update webhook_delivery set next_try_at = next_try_at - :time"), {"time": time})

    def query(self, sql: str) -> Sequence[Any]:
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(sql)).all()]


@pytest.fixture
def office(database: Database, settings: Settings) -> Office:
    with database.transaction() as session:
        (actor,) = factories.buyer_ids(session, 1)
    return Office(database, Outside.from_settings(settings, timeout_seconds=1.0), settings.secrets.derive("webhook-secret"), actor)
