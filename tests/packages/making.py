"""A season: several events of one vendor, and packages of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from tests import factories
from tests.factories import OnSale
from ticketing.accounts.tables import Vendor
from ticketing.foundation.db import Database, Role, bare, database_now
from ticketing.invariants import runner
from ticketing.orders.expire import sweep
from ticketing.packages import service
from ticketing.packages.service import NewPackage, PackageView


@dataclass(frozen=True)
class Season:
    database: Database
    events: tuple[OnSale, ...]

    @property
    def vendor_id(self) -> UUID:
        return self.events[0].vendor.id

    def package(self, *, standing: Sequence[int] = (), **wanted: Any) -> PackageView:
        """Of all events, 20 % off unless said otherwise; seats, but standing places at the events of these numbers."""
        of = [(e.event.id, (e.standing_type if number in standing else e.seated_type).id) for number, e in enumerate(self.events)]
        values = {
            "name": "Season",
            "price_minor": None,
            "percent": None if "price_minor" in wanted else 20,
            "currency": self.events[0].event.currency,
            "events": of,
            "max_per_buyer": 10,
        } | wanted
        new = NewPackage(**values)
        new.check()
        with self.database.transaction(Role.VENDOR, vendor_ids=[self.vendor_id]) as session:
            return service.create_package(session, vendor_id=self.vendor_id, new=new, actor_id=uuid4(), now=database_now(session))

    def end(self, package: PackageView) -> PackageView:
        with self.database.transaction(Role.VENDOR, vendor_ids=[self.vendor_id]) as session:
            return service.end_package(
                session, vendor_ids=[self.vendor_id], package_id=package.id, actor_id=uuid4(), now=database_now(session)
            )

    def counts(self) -> dict[str, int]:
        """What is taken: holds and orders that were ever made, keys, and places that are not free now."""
        sql = """
            select (select count(*) from hold) as holds, (select count(*) from ticket_order) as orders,
              (select count(*) from idempotency_key) as keys, (select count(*) from event_seat where state <> 'free') as seats,
              (select sum(held + sold)::int from pool) as places, (select count(*) from order_package) as packages,
              (select coalesce(sum(taken), 0)::int from buyer_allowance) as allowances
        """
        with self.database.transaction() as session:
            return dict(session.execute(text(sql)).mappings().one())

    def later(self, **time: float) -> None:
        """Let time pass."""
        with self.database.transaction() as session:
            now = database_now(session)
        self.database.clock = now + timedelta(**time)

    def sweep(self) -> None:
        """Expire what is due."""
        with self.database.transaction() as session:
            sweep(bare(session))

    def all_is_well(self) -> None:
        results = runner.run_all(self.database)
        broken = {result.code: result.violations for result in results if not result.holds and result.severity == "safety"}
        assert broken == {}


NOTHING = {"holds": 0, "orders": 0, "keys": 0, "seats": 0, "places": 0, "packages": 0, "allowances": 0}


def make_season(
    database: Database,
    *,
    prices: Sequence[int] = (4_500, 3_800, 6_100),
    currency: str = "EUR",
    room: Mapping[int, int] | None = None,
) -> Season:
    """One event for each price; those of the numbers in `room` have only so many seats, and as many standing places."""
    small = room or {}
    with database.transaction() as session:
        vendor: Vendor = factories.make_vendor(session)
        events = tuple(
            factories.make_event_on_sale(
                session,
                vendor=vendor,
                price_minor=price,
                currency=currency,
                seats=small.get(number, 50),
                places=small.get(number, 100),
            )
            for number, price in enumerate(prices)
        )
    return Season(database, events)
