"""Messages: kinds, channels, states, and which kinds may be sent twice."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class MessageKind(StrEnum):
    ORDER_CONFIRMED = "order_confirmed"
    """Tickets and receipt."""
    ORDER_CANCELLED = "order_cancelled"
    TICKET_CANCELLED = "ticket_cancelled"
    """One of an order, whose others stand."""
    PAYMENT_RETURNED = "payment_returned"
    """An apology: the money came when the places were gone, or twice."""

    VERIFY_EMAIL = "verify_email"
    """A link that proves an address."""
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a kind of message
    """A link that sets a new password."""
    CHANGE_EMAIL = "change_email"
    """A link that proves a new address, to that address."""
    ADDRESS_CHANGING = "address_changing"
    """A warning to the old address."""
    FIND_ORDERS = "find_orders"
    """A link to the orders of an address."""
    EVENT_POSTPONED = "event_postponed"
    """To everybody with a ticket: the event takes place at another time."""
    YOUR_TURN = "your_turn"
    """The waiting room lets them in, for some minutes."""
    PLACES_OFFERED = "places_offered"
    """What they waited for is held for them, for half an hour."""
    SEATS_CHANGED = "seats_changed"
    """Other seats, since the hall has changed: new tickets."""
    LAYOUT_CONFLICTS = "layout_conflicts"
    """To a vendor's managers: events lose seats with a new layout."""


class OptionalKind(StrEnum):
    """What nobody needs for a purchase or an account: it may be turned off, and waits in quiet hours."""

    YOUR_TURN = MessageKind.YOUR_TURN.value


OPTIONAL = frozenset(MessageKind(kind.value) for kind in OptionalKind)

AT_LEAST_ONCE = frozenset(MessageKind)
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


def state_after_refusal(code: int, reply: bytes) -> MessageState:
    """What becomes of a message whose recipient the mail server refused with `code` and `reply`.

    550, 551 and 553 speak of the mailbox (RFC 5321, 4.2.3), unless the enhanced status says that it is a matter of policy
    (x.7.x, RFC 3463), as when the server does not relay for us: then the address is good, and we must put something right.
    """
    if code in (550, 551, 553) and not re.match(rb"5\.7\.", reply):
        return MessageState.SUPPRESSED
    return MessageState.FAILED


def quiet_until(now: datetime, *, start: time, end: time, zone: str) -> datetime | None:
    """When the quiet hours end in which `now` lies, None when it lies in none. From `start` to `end` on the clocks of `zone`;
    a `start` after `end` reaches over midnight."""
    local = now.astimezone(ZoneInfo(zone))
    wall = local.timetz().replace(tzinfo=None)
    if start < end:
        if not start <= wall < end:
            return None
        day = local.date()
    elif wall >= start:
        day = local.date() + timedelta(days=1)
    elif wall < end:
        day = local.date()
    else:
        return None
    return datetime.combine(day, end, tzinfo=ZoneInfo(zone)).astimezone(now.tzinfo)
