"""Holding and ordering in one call: what integrators of earlier designs ask for.

Both steps run in one transaction, by the handlers that do them apart: an order that can't be placed leaves no hold behind, and a
process that dies between the steps has done neither. So a repeat finds the whole order under its key, or nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ticketing.foundation.db import Connection
from ticketing.foundation.faults import fault_point
from ticketing.foundation.idempotency import IdempotencyKeyReused, reused
from ticketing.inventory.best import BestRequest
from ticketing.inventory.claim import ClaimRequest
from ticketing.inventory.holds import HoldView
from ticketing.inventory.writer import Handler, RunAlone
from ticketing.orders.place import PlaceRequest
from ticketing.orders.read import OrderView


def hold_key(key: str) -> str:
    """The key of the hold in a booking under `key`; the order has `key` itself, so that no other call may use it again."""
    return f"booking:{hashlib.sha256(key.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class BookRequest:
    """A hold and the order of it, for one buyer."""

    hold: ClaimRequest | BestRequest
    order: PlaceRequest

    @property
    def has_codes(self) -> bool:
        return self.hold.code is not None or self.order.has_codes


KNOWN = "select 1 from idempotency_key where actor_id = %s and key = %s"


def _told(connection: Connection, request: BookRequest, outcome: Any) -> Any:
    """What to order after a hold's outcome, or why there is nothing to order."""
    if isinstance(outcome, HoldView):
        return replace(request.order, hold_ids=(outcome.id,))
    if isinstance(outcome, IdempotencyKeyReused):
        return reused(key=request.order.key)
    if not isinstance(outcome, RunAlone) and connection.execute(KNOWN, [request.order.buyer_id, request.order.key]).fetchone():
        return request.order  # another process has placed it meanwhile: its seats are what was in our way
    return outcome


class BookHandler:
    """The writer's handler for `BookRequest`; outcomes are `OrderView`, or why there is no hold or no order."""

    def __init__(self, *, claims: Handler, bests: Handler, places: Handler) -> None:
        self._claims = claims
        self._bests = bests
        self._places = places

    def conflict_keys(self, request: BookRequest) -> Iterable[Hashable]:
        yield from self._holds(request).conflict_keys(request.hold)
        yield (request.order.buyer_id, request.order.key)

    def _holds(self, request: BookRequest) -> Handler:
        return self._bests if isinstance(request.hold, BestRequest) else self._claims

    def run(self, connection: Connection, requests: Sequence[BookRequest], *, alone: bool) -> list[Any]:
        outcomes: list[Any] = [RunAlone()] * len(requests)
        for handler in (self._claims, self._bests):
            going = [n for n, r in enumerate(requests) if self._holds(r) is handler and (alone or not r.has_codes)]
            held = handler.run(connection, [requests[n].hold for n in going], alone=alone) if going else ()
            for number, outcome in zip(going, held, strict=True):
                outcomes[number] = _told(connection, requests[number], outcome)
        fault_point("booking_held")
        placing = {n: o for n, o in enumerate(outcomes) if isinstance(o, PlaceRequest)}
        orders = self._places.run(connection, list(placing.values()), alone=alone) if placing else ()
        for number, order in zip(placing, orders, strict=True):
            if not isinstance(order, OrderView):
                raise order  # what was held is given back by undoing it; of a batch, each is run alone
            outcomes[number] = order
        return outcomes
