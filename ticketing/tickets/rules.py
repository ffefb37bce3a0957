"""Tickets: states."""

from __future__ import annotations

from enum import StrEnum


class TicketState(StrEnum):
    VALID = "valid"
    LISTED = "listed"
    """Offered for resale."""
    USED = "used"
    CANCELLED = "cancelled"


TICKET_TRANSITIONS: dict[TicketState, frozenset[TicketState]] = {
    TicketState.VALID: frozenset({TicketState.USED, TicketState.CANCELLED, TicketState.LISTED}),
    TicketState.LISTED: frozenset({TicketState.VALID, TicketState.CANCELLED}),
    TicketState.USED: frozenset(),
    TicketState.CANCELLED: frozenset(),
}
