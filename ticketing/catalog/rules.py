"""Catalogue: states of an event, what it may be, fees on a price."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ticketing.foundation.clock import is_in_gap
from ticketing.foundation.errors import Invalid
from ticketing.foundation.money import included_tax, share


class EventStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    """Taken back by its vendor before anything was sold."""


EVENT_TRANSITIONS: dict[EventStatus, frozenset[EventStatus]] = {
    EventStatus.DRAFT: frozenset({EventStatus.PUBLISHED, EventStatus.WITHDRAWN}),
    EventStatus.PUBLISHED: frozenset({EventStatus.POSTPONED, EventStatus.CANCELLED, EventStatus.COMPLETED, EventStatus.WITHDRAWN}),
    EventStatus.POSTPONED: frozenset({EventStatus.PUBLISHED, EventStatus.CANCELLED}),
    EventStatus.CANCELLED: frozenset(),
    EventStatus.COMPLETED: frozenset(),
    EventStatus.WITHDRAWN: frozenset(),
}


NEVER_PUBLIC = frozenset({EventStatus.DRAFT, EventStatus.WITHDRAWN})
"""Events that only their vendor sees."""


class Visibility(StrEnum):
    PUBLIC = "public"
    HIDDEN = "hidden"
    PUBLIC_FROM = "public_from"


class ConfigurationKind(StrEnum):
    SEATED = "seated"
    STANDING = "standing"
    MIXED = "mixed"


class PaymentKind(StrEnum):
    """How a vendor is paid."""

    CARD = "card"
    """On a payment provider's page."""
    CASH = "cash"
    """On arrival."""
    BANK_TRANSFER = "bank_transfer"


class SectionKind(StrEnum):
    SEATED = "seated"
    STANDING = "standing"


def check_start(local_start: datetime, zone_name: str) -> None:
    """Raises `Invalid` for a wall time that the clock change skips."""
    if is_in_gap(local_start, zone_name):
        raise Invalid(
            f"No clock in {zone_name} shows {local_start}: it is skipped when summer time begins.",
            fields={"local_start": "is skipped by the clock change"},
        )


def platform_fee(price_minor: int, *, fee_bps: int, fee_fixed_minor: int) -> int:
    """The platform's fee on top of a ticket's price; nothing on a free ticket."""
    return 0 if price_minor == 0 else share(price_minor, fee_bps) + fee_fixed_minor


def tax_in_price(price_minor: int, *, tax_rate_bps: int) -> int:
    """The tax that a price (which includes it) contains."""
    return included_tax(price_minor, tax_rate_bps)
