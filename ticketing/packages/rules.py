"""Packages: what one costs, and how its price falls on its events."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ticketing.foundation.money import allocate, share

FEWEST_EVENTS = 2
MOST_EVENTS = 40
MOST_PER_BUYER = 20


class PackageState(StrEnum):
    TO_COME = "to_come"
    """Its sales have not begun."""
    ON_SALE = "on_sale"
    OVER = "over"
    """Its sales have ended by themselves."""
    ENDED = "ended"
    """Ended by its vendor."""


def package_price(singles_minor: Sequence[int], *, price_minor: int | None, percent: int | None) -> int:
    """What one person pays for all events, fees not included: never more than the single tickets would cost.

    Either a price, or a percentage off the sum of the single prices, rounded once.
    """
    total = sum(singles_minor)
    return total - share(total, (percent or 0) * 100) if price_minor is None else min(price_minor, total)


def shares_of(price_minor: int, singles_minor: Sequence[int]) -> list[int]:
    """What of a package's price falls on each event, in proportion to its single price; the parts sum exactly.

    None is more than its single price, as long as the package's price is not more than their sum.
    """
    return allocate(price_minor, singles_minor) if sum(singles_minor) else [0] * len(singles_minor)
