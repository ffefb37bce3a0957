"""A running booking engine on a database of the test's own, with a provider that needs no network to be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from tests import factories
from ticketing.foundation.db import Database
from ticketing.orders.booking import Booking


@pytest.fixture
def booking(database: Database) -> Iterator[Booking]:
    booking = Booking(database, providers={})
    booking.start()
    yield booking
    booking.stop()


@pytest.fixture
def on_sale(database: Database) -> factories.OnSale:
    with database.transaction() as session:
        return factories.make_event_on_sale(session)


@pytest.fixture
def buyers(database: Database) -> list[UUID]:
    with database.transaction() as session:
        return factories.buyer_ids(session, 40)
