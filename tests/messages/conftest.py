"""What deliveries need: a mail sink, the cipher of addresses, and a few lines to plan and deliver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.sinks import Sink, start_sink
from ticketing.accounts.service import create_guest
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.messages.render import Composer
from ticketing.messages.service import DeliveryRun, PlanRun, deliver_due, plan_messages
from ticketing.messages.smtp import Mailer


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with start_sink(tmp_path_factory.mktemp("mail")) as sink:
        yield sink


@dataclass
class Desk:
    """Plans and delivers on one database."""

    database: Database
    composer: Composer

    def guest(self, address: str) -> UUID:
        with self.database.transaction() as session:
            return create_guest(session, email=address, display_name="Ada", cipher=self.composer.cipher, now=database_now(session))

    def plan(self, limit: int = 1000) -> PlanRun:
        with self.database.transaction() as session:
            return plan_messages(session, limit=limit, now=database_now(session))

    def deliver(self, mailer: Mailer, limit: int = 200) -> DeliveryRun:
        with mailer:
            return deliver_due(self.database, mailer, self.composer, limit=limit)

    def query(self, sql: str) -> Sequence[Any]:
        with self.database.transaction() as session:
            return session.execute(text(sql)).all()

    def run(self, sql: str) -> None:
        with self.database.transaction() as session:
            session.execute(text(sql))


@pytest.fixture
def desk(database: Database, settings: Settings) -> Desk:
    return Desk(database, Composer.from_settings(settings))
