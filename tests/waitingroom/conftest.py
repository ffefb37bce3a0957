"""The waiting room of one event, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.factories import OnSale
from ticketing.foundation.db import Connection, Database
from ticketing.inventory.holds import HoldView
from ticketing.orders.booking import Booking
from ticketing.waitingroom import service
from ticketing.waitingroom.admit import Counter, advance_queue
from ticketing.waitingroom.enter import Place
from ticketing.waitingroom.service import QueueSettings

OPENING = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


class Room:
    """Everything that happens to it, by name."""

    def __init__(self, database: Database, booking: Booking, sale: OnSale) -> None:
        self.database, self.booking, self.sale = database, booking, sale
        self.connection: Connection = database.connect(autocommit=True)

    def open(self, *, most_shoppers: int = 3, per_minute: int | None = None, grace_seconds: int = 60, shopping_seconds: int = 600) -> None:
        settings = QueueSettings(OPENING, most_shoppers, grace_seconds, shopping_seconds, per_minute)
        with self.database.transaction() as session:
            service.set_queue(
                session,
                vendor_ids=[self.sale.vendor.id],
                event_id=self.sale.event.id,
                settings=settings,
                actor_id=self.sale.vendor.id,
            )

    def at(self, seconds: float) -> None:
        """Seconds from the opening."""
        self.database.clock = OPENING + timedelta(seconds=seconds)

    def enter(self, buyer: UUID, *, tell: bool = False) -> Place:
        return self.booking.wait(self.booking.enter_queue(event_id=self.sale.event.id, buyer_id=buyer, tell=tell))

    def advance(self) -> Counter:
        with self.connection.transaction():
            self.database.set_clock(self.connection)
            counter = advance_queue(self.connection, event_id=self.sale.event.id)
        assert counter is not None
        return counter

    def hold(self, buyer: UUID, seat: int, *, key: str | None = None) -> HoldView:
        work = self.booking.hold(event_id=self.sale.event.id, buyer_id=buyer, key=key or uuid4().hex, digest=b"", seats=[seat])
        return self.booking.wait(work)

    def states(self) -> dict[UUID, str]:
        rows = self.connection.execute("select buyer_id, state from queue_entry where event_id = %s", [self.sale.event.id])
        return dict(rows.fetchall())

    def inside(self) -> set[UUID]:
        return {buyer for buyer, state in self.states().items() if state in ("admitted", "shopping")}

    def positions(self) -> dict[UUID, int]:
        rows = self.connection.execute("select buyer_id, position from queue_entry where event_id = %s", [self.sale.event.id])
        return dict(rows.fetchall())


@pytest.fixture
def room(database: Database, booking: Booking, on_sale: OnSale) -> Iterator[Room]:
    room = Room(database, booking, on_sale)
    yield room
    room.connection.close()
