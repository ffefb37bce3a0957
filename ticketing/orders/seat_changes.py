"""Which seats the writer's work may have changed: what the seat feed is told after each COMMIT, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.inventory.holds import HoldView
from ticketing.inventory.writer import AfterCommit

HOLDS = frozenset({"claim", "best", "hold_change"})
"""Their outcomes name their seats."""
ORDERS = frozenset({"intent", "cancel", "cancel_ticket"})
"""Their requests name an order."""
BOOKINGS = frozenset({"book", "package"})
"""Their outcomes are orders."""
PAYMENTS = "settle"
BY_STAFF = "staff_sale"
"""Its requests name their seats."""

OF_ORDERS = """
select event_id, seat_no from order_line where order_id = any(%(orders)s::uuid[]) and seat_no is not null
union
select l.event_id, l.seat_no from payment p join order_line l on l.order_id = p.order_id
where p.id = any(%(payments)s::uuid[]) and l.seat_no is not null
"""


def noting(note: Callable[[Any], None]) -> AfterCommit:
    """For the writer: hands turns that may change seats to `note`, as `find_seats` takes them."""

    def after_commit(kind: str, requests: Sequence[Any], outcomes: Sequence[Any]) -> None:
        if kind in HOLDS or kind in ORDERS or kind in BOOKINGS or kind in (PAYMENTS, BY_STAFF):
            note((kind, requests, outcomes))

    return after_commit


def find_seats(connection: Connection, notes: Sequence[Any]) -> Mapping[UUID, set[int]]:
    """The seats of what was noted, by event."""
    seats: dict[UUID, set[int]] = {}
    orders: set[UUID] = set()
    payments: set[UUID] = set()
    for kind, requests, outcomes in notes:
        if kind in HOLDS:
            for outcome in outcomes:
                if type(outcome) is HoldView:
                    numbers = seats.get(outcome.event_id)
                    if numbers is None:
                        numbers = seats[outcome.event_id] = set()
                    for line in outcome.lines:
                        if line.seat_no is not None:
                            numbers.add(line.seat_no)
            continue
        done = [request for request, outcome in zip(requests, outcomes, strict=True) if not isinstance(outcome, BaseException)]
        if kind in ORDERS:
            orders.update(request.order_id for request in done)
        elif kind in BOOKINGS:
            orders.update(outcome.id for outcome in outcomes if not isinstance(outcome, BaseException))
        elif kind == BY_STAFF:
            for request in done:
                seats.setdefault(request.event_id, set()).update(request.seats)
        else:
            payments.update(request.notice.reference for request in done if request.notice.reference is not None)
    if orders or payments:
        for event_id, seat_no in connection.execute(OF_ORDERS, {"orders": list(orders), "payments": list(payments)}):
            seats.setdefault(event_id, set()).add(seat_no)
    return {event_id: numbers for event_id, numbers in seats.items() if numbers}
