"""Holding with an access code: it opens ticket types that are closed to everybody else.

Wraps the writer's handlers of holds. Requests without a code pass as they are; what a code can't open stays closed, and the
handler says so.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.inventory.best import BestRequest
from ticketing.inventory.claim import AccessCodeNeeded, ClaimRequest
from ticketing.inventory.holds import HoldView
from ticketing.inventory.writer import Handler
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.uses import Code, CodeNotInForce, CodeUnknown, find_code

VENDOR = "select vendor_id from event where id = %s"
OPENED = "update hold set promotion_id = %s where id = %s"


class OpenedByCode:
    """A handler of holds that knows what the requests' codes open."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def conflict_keys(self, request: ClaimRequest | BestRequest) -> Iterable[Hashable]:
        return self._handler.conflict_keys(request)

    def run(self, connection: Connection, requests: Sequence[ClaimRequest | BestRequest], *, alone: bool) -> Sequence[Any]:
        codes = {number: _access(connection, r.event_id, r.code) for number, r in enumerate(requests) if r.code is not None}
        if not codes:
            return self._handler.run(connection, requests, alone=alone)
        opened = [_opened(request, codes.get(number)) for number, request in enumerate(requests)]
        outcomes = list(self._handler.run(connection, opened, alone=alone))
        for number, code in codes.items():
            outcomes[number] = _noted(connection, outcomes[number], code)
        return outcomes


def _access(connection: Connection, event_id: UUID, code: str) -> Code | None:
    row = connection.execute(VENDOR, [event_id]).fetchone()
    found = find_code(connection, vendor_id=row[0], code=code) if row is not None else None
    return found if found is not None and found.kind is PromotionKind.ACCESS and found.event_id == event_id else None


def _opened(request: ClaimRequest | BestRequest, code: Code | None) -> ClaimRequest | BestRequest:
    return request if code is None or not code.in_force else replace(request, opened=tuple(sorted(code.ticket_type_ids)))


def _noted(connection: Connection, outcome: Any, code: Code | None) -> Any:
    """The outcome, once the hold says which code opened it; why a code did not help, instead of that one is needed."""
    if isinstance(outcome, HoldView) and code is not None and code.in_force and not outcome.replayed:
        if any(line.ticket_type_id in code.ticket_type_ids for line in outcome.lines):
            connection.execute(OPENED, [code.id, outcome.id])
    elif isinstance(outcome, AccessCodeNeeded):
        if code is None:
            return CodeUnknown("This code does not open these places.", fields={"code": "does not open these places"})
        if not code.in_force:
            return CodeNotInForce(f"The code {code.code} is not in force now.", code=code.code)
    return outcome
