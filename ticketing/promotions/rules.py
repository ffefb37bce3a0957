"""Promotions: kinds, codes, and what a discount takes off each line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from ticketing.foundation.money import allocate, share

CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,39}")
"""As it is kept; people may write it in small letters."""


class PromotionKind(StrEnum):
    PERCENT = "percent"
    """A share of the price of the places it is for."""
    AMOUNT = "amount"
    """So much off an order, at most the price of the places it is for."""
    ACCESS = "access"
    """Opens ticket types that are closed to everybody else."""
    AFFILIATE = "affiliate"
    """Counts whose link or code brought the order; changes no price."""


DISCOUNTS = frozenset({PromotionKind.PERCENT, PromotionKind.AMOUNT})


def normal_code(text: str) -> str:
    """A code as it is compared: without spaces around it, in capitals."""
    return text.strip().upper()


def discounts(prices_minor: Sequence[int], *, percent: int | None, amount_minor: int | None) -> list[int]:
    """What comes off each price: the parts sum exactly to the discount, and none is more than its price.

    The percentage is of the sum, rounded once; an amount is at most the sum. All zero when nothing costs anything.
    """
    total = sum(prices_minor)
    if total == 0:
        return [0] * len(prices_minor)
    off = share(total, percent * 100) if percent is not None else min(amount_minor or 0, total)
    return allocate(off, prices_minor)


def tax_left(tax_minor: int, *, price_minor: int, discount_minor: int) -> int:
    """The tax contained in what is left of a price, of which `tax_minor` was tax."""
    return tax_minor if discount_minor == 0 else allocate(tax_minor, [price_minor - discount_minor, discount_minor])[0]
