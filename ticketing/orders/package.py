"""Buying a package: places at every one of its events, and one order of them, in one transaction: all or nothing.

Holds and order are made by the handlers that make them apart, one event after another in the order of their ids. Whoever buys the
same package twice at once waits for themselves, so that the limit for one buyer holds and a key serves once. Locks at several
events may cross those of another process's batch: PostgreSQL ends one of the two, and the writer runs it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.foundation.errors import Conflict, Invalid, TicketingError
from ticketing.foundation.faults import fault_point
from ticketing.foundation.ids import new_id
from ticketing.inventory.best import BestRequest, NoAdjacentSeats
from ticketing.inventory.claim import ClaimRequest, SoldOut
from ticketing.inventory.holds import HoldView
from ticketing.inventory.writer import Handler, RunAlone
from ticketing.orders.book import KNOWN
from ticketing.orders.codes import read_lines, take_off
from ticketing.orders.place import PlaceRequest
from ticketing.orders.read import OrderView, read_orders
from ticketing.orders.rules import Channel
from ticketing.packages.rules import MOST_PER_BUYER
from ticketing.packages.sale import Offer, OfferedEvent, PackageNotOnSale, find_offer, price_places


class PackageLimitReached(Conflict):
    """The buyer would have this package for more people than one buyer may."""


@dataclass(frozen=True, slots=True)
class PackageRequest:
    order_id: UUID
    code: str
    buyer_id: UUID
    package_id: UUID
    quantity: int
    """People."""
    key: str
    digest: bytes

    def check(self) -> None:
        """Raises `Invalid` for what no package could make right."""
        if not 0 < self.quantity <= MOST_PER_BUYER:
            raise Invalid(f"A package is bought for 1 to {MOST_PER_BUYER} people.", fields={"quantity": self.quantity})

    def order(self, hold_ids: Sequence[UUID] = ()) -> PlaceRequest:
        """The order of what was held."""
        holds = tuple(sorted(hold_ids))
        return PlaceRequest(self.order_id, self.code, self.buyer_id, holds, self.key, self.digest, Channel.PACKAGE)


def hold_key(key: str, event_id: UUID) -> str:
    """The key of the hold at one event; the order has `key` itself, so that no other call may use it again."""
    return f"package:{event_id}:{hashlib.sha256(key.encode()).hexdigest()}"


ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('package:' || %s || ':' || %s, 0))"

BOUGHT = """
select coalesce(sum(p.quantity), 0)::int from order_package p join ticket_order o on o.id = p.order_id
where p.package_id = %(package)s and o.buyer_id = %(buyer)s and o.id <> %(order)s
  and (o.state || '' in ('confirmed', 'completed') or (o.state || '' = 'pending' and o.expires_at > app_now()))
"""

IS_SEATED = "select exists (select from event_seat where event_id = %s and ticket_type_id = %s)"

POOLS = """
select id from pool where event_id = %s and ticket_type_id = %s order by capacity - sold - held desc, id
"""

NOTE = "insert into order_package (order_id, package_id, vendor_id, quantity, price_minor) values (%s, %s, %s, %s, %s)"

OF_ORDER = """
select p.package_id, p.quantity, k.max_per_buyer from order_package p join package k on k.id = p.package_id where p.order_id = %s
"""


class PackageHandler:
    """The writer's handler for `PackageRequest`; outcomes are `OrderView` or an error. Every request runs alone."""

    def __init__(self, *, claims: Handler, bests: Handler, places: Handler) -> None:
        self._claims = claims
        self._bests = bests
        self._places = places

    def conflict_keys(self, request: PackageRequest) -> Iterable[Hashable]:
        yield (request.buyer_id, request.key)

    def run(self, connection: Connection, requests: Sequence[PackageRequest], *, alone: bool) -> list[Any]:
        return [self._alone(connection, requests[0])] if alone else [RunAlone()] * len(requests)

    def _alone(self, connection: Connection, request: PackageRequest) -> Any:
        _wait_for_oneself(connection, package_id=request.package_id, buyer_id=request.buyer_id)
        if connection.execute(KNOWN, [request.buyer_id, request.key]).fetchone():
            return self._place(connection, request.order())
        offer = find_offer(connection, request.package_id)
        offer.check_on_sale()
        limits = {"quantity": request.quantity, "max_per_buyer": offer.max_per_buyer}
        if not _is_within(connection, offer.id, buyer_id=request.buyer_id, order_id=request.order_id, **limits):
            raise PackageLimitReached(
                f"One buyer may have this package for {offer.max_per_buyer} people.", package_id=offer.id, max_per_buyer=offer.max_per_buyer
            )
        hold_ids = {event.event_id: new_id() for event in offer.events}
        for event in sorted(offer.events, key=lambda e: e.event_id):
            self._hold(connection, request, event, hold_ids[event.event_id])
        fault_point("booking_held")
        order = self._place(connection, request.order(list(hold_ids.values())))
        if not isinstance(order, OrderView):
            raise order  # what was held is given back by undoing it
        if order.currency != offer.currency:
            raise PackageNotOnSale("The events of this package are sold in another currency now.", package_id=offer.id)
        _give_package_price(connection, order.id, offer, request.quantity)
        return read_orders(connection, [order.id])[0]

    def _place(self, connection: Connection, order: PlaceRequest) -> Any:
        (outcome,) = self._places.run(connection, [order], alone=True)
        return outcome

    def _hold(self, connection: Connection, request: PackageRequest, event: OfferedEvent, hold_id: UUID) -> None:
        """Places for the party, together: side by side where the type has seats, else in one pool. Raises why there are none."""
        refused: TicketingError | None = None
        for handler, wanted in self._ways(connection, request, event, hold_id):
            (outcome,) = handler.run(connection, [wanted], alone=True)
            if isinstance(outcome, HoldView):
                return
            refused = refused or outcome
            if not isinstance(outcome, NoAdjacentSeats | SoldOut):
                break
        if refused is None:
            refused = SoldOut("This ticket type has no places.", ticket_type_id=event.ticket_type_id)
        refused.details.setdefault("event_id", event.event_id)
        raise refused

    def _ways(
        self, connection: Connection, request: PackageRequest, event: OfferedEvent, hold_id: UUID
    ) -> Iterator[tuple[Handler, BestRequest | ClaimRequest]]:
        named = hold_id, event.event_id, request.buyer_id, hold_key(request.key, event.event_id), request.digest
        row = connection.execute(IS_SEATED, [event.event_id, event.ticket_type_id]).fetchone()
        if row is not None and row[0]:
            yield self._bests, BestRequest(*named, request.quantity, ticket_type_id=event.ticket_type_id)
        for (pool_id,) in connection.execute(POOLS, [event.event_id, event.ticket_type_id]).fetchall():
            yield self._claims, ClaimRequest(*named, places=((pool_id, request.quantity),))


def _wait_for_oneself(connection: Connection, *, package_id: UUID, buyer_id: UUID) -> None:
    connection.execute(ONE_AT_A_TIME, [str(package_id), str(buyer_id)])


def _is_within(connection: Connection, package_id: UUID, *, buyer_id: UUID, order_id: UUID, quantity: int, max_per_buyer: int) -> bool:
    row = connection.execute(BOUGHT, {"package": package_id, "buyer": buyer_id, "order": order_id}).fetchone()
    return row is not None and row[0] + quantity <= max_per_buyer


def _give_package_price(connection: Connection, order_id: UUID, offer: Offer, quantity: int) -> None:
    """Take off the lines what the package makes cheaper: every person's places cost the same, and sum to its price."""
    lines = read_lines(connection, order_id)
    one = {line.event_id: line for line in lines}
    places = [one[event.event_id] for event in offer.events]
    price, reduced = price_places(places, price_minor=offer.price_minor, percent=offer.percent)
    by_event = dict(zip((place.event_id for place in places), reduced, strict=True))
    take_off(connection, order_id=order_id, line_ids=[line.id for line in lines], reduced=[by_event[line.event_id] for line in lines])
    connection.execute(NOTE, [order_id, offer.id, offer.vendor_id, quantity, price])


def may_have_again(connection: Connection, *, order_id: UUID, buyer_id: UUID) -> bool:
    """Whether a lapsed order whose money came late is still within its package's limit; True for an order of no package."""
    row = connection.execute(OF_ORDER, [order_id]).fetchone()
    if row is None:
        return True
    package_id, quantity, max_per_buyer = row
    _wait_for_oneself(connection, package_id=package_id, buyer_id=buyer_id)
    return _is_within(connection, package_id, buyer_id=buyer_id, order_id=order_id, quantity=quantity, max_per_buyer=max_per_buyer)
