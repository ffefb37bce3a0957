"""A vendor's counter for tests: a member of staff who sells at the door and gives away, on the running engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from tests import factories
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.walk_ins import describe_person
from ticketing.catalog.rules import PaymentKind
from ticketing.catalog.tables import PaymentAccount
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.ids import new_id
from ticketing.invariants.runner import run_all
from ticketing.inventory.blocks import block_seats
from ticketing.inventory.rules import BlockReason
from ticketing.orders.booking import Booking
from ticketing.orders.read import OrderView
from ticketing.orders.staff_sale import TakenWith


@dataclass
class Counter:
    database: Database
    booking: Booking
    sale: factories.OnSale
    cipher: ContactCipher
    member: UUID

    @classmethod
    def open(cls, database: Database, booking: Booking, sale: factories.OnSale, cipher: ContactCipher) -> Counter:
        """With a vendor that takes cash."""
        with database.transaction() as session:
            vendor = sale.vendor.id
            session.add(PaymentAccount(vendor_id=vendor, provider="cash", kind=PaymentKind.CASH, account_ref="", label="Cash"))
            member = factories.make_buyer(session, display_name="Member").id
        return cls(database, booking, sale, cipher, member)

    def sell(
        self,
        *,
        seats: Sequence[int] = (),
        places: int = 0,
        email: str | None = None,
        taken_with: TakenWith | None = TakenWith.CASH,
        key: str | None = None,
        vendor_ids: Sequence[UUID] | None = None,
    ) -> OrderView:
        """Raises what the engine answers."""
        person = describe_person(email=email, display_name="Ada", cipher=self.cipher) if email else None
        return self.booking.wait(
            self.booking.sell_by_staff(
                vendor_ids=[self.sale.vendor.id] if vendor_ids is None else vendor_ids,
                actor_id=self.member,
                person=person,
                event_id=self.sale.event.id,
                seats=seats,
                places=[(self.sale.pool.id, places)] if places else [],
                key=key or uuid4().hex,
                digest=repr((tuple(seats), places)).encode()[:16],
                taken_with=taken_with,
            )
        )

    def give(self, *, email: str = "press@example.org", **places: Any) -> OrderView:
        return self.sell(email=email, taken_with=None, **places)

    def block(self, seats: Sequence[int], reason: BlockReason = BlockReason.HOUSE) -> UUID:
        with self.database.transaction() as session:
            block = block_seats(
                session,
                vendor_ids=[self.sale.vendor.id],
                event_id=self.sale.event.id,
                block_id=new_id(),
                seats=seats,
                section_id=None,
                reason=reason,
                note="",
                now=database_now(session),
                actor_id=self.member,
            )
            return block.id

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.database.transaction() as session:
            return list(session.execute(text(sql), values).all())

    def verified(self) -> None:
        assert [result for result in run_all(self.database) if result.broken] == []
