"""Messages: kinds, channels, states, and which kinds may be sent twice."""

from __future__ import annotations

from enum import StrEnum


class MessageKind(StrEnum):
    ORDER_CONFIRMED = "order_confirmed"
    """Tickets and receipt."""
    ORDER_CANCELLED = "order_cancelled"
    PAYMENT_RETURNED = "payment_returned"
    """An apology: the money came when the places were gone, or twice."""


AT_LEAST_ONCE = frozenset({MessageKind.ORDER_CONFIRMED, MessageKind.ORDER_CANCELLED, MessageKind.PAYMENT_RETURNED})
"""SMTP can't be exactly-once: these are sent again when it is unknown whether they went (same Message-ID)."""


class MessageChannel(StrEnum):
    EMAIL = "email"


class MessageState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


MESSAGE_TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    MessageState.PENDING: frozenset({MessageState.SENDING, MessageState.SUPPRESSED}),
    MessageState.SENDING: frozenset(
        {MessageState.ACCEPTED, MessageState.FAILED, MessageState.UNKNOWN, MessageState.SUPPRESSED, MessageState.PENDING}
    ),
    MessageState.FAILED: frozenset({MessageState.PENDING}),
    MessageState.UNKNOWN: frozenset({MessageState.PENDING}),
    MessageState.ACCEPTED: frozenset(),
    MessageState.SUPPRESSED: frozenset(),
}
