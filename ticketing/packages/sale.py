"""Packages on the buyers' path, on a bare connection: what one offers now, and what its places cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict, NotFound
from ticketing.packages.rules import PackageState, package_price, shares_of
from ticketing.promotions.uses import Place, Reduced, reduce_price


class PackageNotFound(NotFound):
    """No such package, or not one that the caller may see."""


class PackageNotOnSale(Conflict):
    """The package is not sold now; `details["state"]` says whether it will be."""


@dataclass(frozen=True, slots=True)
class OfferedEvent:
    event_id: UUID
    ticket_type_id: UUID


@dataclass(frozen=True, slots=True)
class Offer:
    """A package as it is sold; amounts in minor units."""

    id: UUID
    vendor_id: UUID
    currency: str
    price_minor: int | None
    percent: int | None
    max_per_buyer: int
    state: PackageState
    events: tuple[OfferedEvent, ...]
    """As its vendor ordered them."""

    def check_on_sale(self) -> None:
        """Raises `PackageNotOnSale`."""
        if self.state is not PackageState.ON_SALE:
            raise PackageNotOnSale("This package is not on sale now.", package_id=self.id, state=self.state.value)


def price_places(places: Sequence[Place], *, price_minor: int | None, percent: int | None) -> tuple[int, list[Reduced]]:
    """What one person pays for a place at each event of a package, fees not included; and what each of these places costs.

    `places` stand in the order of the package's events: the same places have the same prices on every call.
    """
    singles = [place.price_minor for place in places]
    price = package_price(singles, price_minor=price_minor, percent=percent)
    shares = shares_of(price, singles)
    return price, [reduce_price(place, place.price_minor - share) for place, share in zip(places, shares, strict=True)]


def state_of(*, opens_at: datetime, closes_at: datetime | None, ended_at: datetime | None, now: datetime) -> PackageState:
    """Where a package's sales stand."""
    if ended_at is not None:
        return PackageState.ENDED
    if opens_at > now:
        return PackageState.TO_COME
    return PackageState.OVER if closes_at is not None and closes_at <= now else PackageState.ON_SALE


FIND = """
select p.id, p.vendor_id, p.currency, p.price_minor, p.percent, p.max_per_buyer, p.sales_open_at, p.sales_close_at, p.ended_at,
  app_now() as now,
  array(select e.event_id from package_event e where e.package_id = p.id order by e.position) as event_ids,
  array(select e.ticket_type_id from package_event e where e.package_id = p.id order by e.position) as type_ids
from package p where p.id = %s
"""


def find_offer(connection: Connection, package_id: UUID) -> Offer:
    """Raises `PackageNotFound`."""
    with named_cursor(connection) as cursor:
        row = cursor.execute(FIND, [package_id]).fetchone()
    if row is None:
        raise PackageNotFound("There is no such package.", package_id=package_id)
    state = state_of(opens_at=row.sales_open_at, closes_at=row.sales_close_at, ended_at=row.ended_at, now=row.now)
    events = tuple(OfferedEvent(*pair) for pair in zip(row.event_ids, row.type_ids, strict=True))
    return Offer(row.id, row.vendor_id, row.currency, row.price_minor, row.percent, row.max_per_buyer, state, events)
