"""Money: whole minor units in one currency. One rounding function, allocation that sums exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from babel.numbers import format_currency, get_currency_precision, is_currency, list_currencies

from ticketing.foundation.errors import Invalid


class UnknownCurrency(Invalid):
    """Not an ISO 4217 code."""


class AmountNotRepresentable(Invalid):
    """The amount has more decimals than its currency."""


class CurrencyMismatch(Invalid):
    """Amounts of different currencies never meet."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`amount_minor` in the smallest unit of `currency` (cents for EUR, yen for JPY)."""

    amount_minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} can't be added.")

    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.amount_minor).scaleb(-exponent(self.currency))

    def format(self, locale: str = "en_GB") -> str:
        """For people: `€48.00`, `JP¥4,800`."""
        return str(format_currency(self.decimal(), self.currency, locale=locale))


def exponent(currency: str) -> int:
    """Decimals of the currency (2 for EUR, 0 for JPY, 3 for KWD); raises `UnknownCurrency`."""
    if not is_currency(currency):
        raise UnknownCurrency(f"{currency!r} is not a currency code.", currency=currency)
    return int(get_currency_precision(currency))


def parse(text: str, currency: str) -> Money:
    """Major units as written by people or files (`"48.5"`); raises if there are more decimals than the currency has."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise AmountNotRepresentable(f"{text!r} is not an amount.", amount=text) from error
    minor = value.scaleb(exponent(currency)) if value.is_finite() else Decimal("NaN")
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise AmountNotRepresentable(f"{text!r} has more decimals than {currency}.", amount=text, currency=currency)
    return Money(int(minor), currency)


def round_minor(value: Decimal) -> int:
    """The only rounding in the product: half to even, to whole minor units."""
    return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


def share(amount_minor: int, rate_bps: int) -> int:
    """`rate_bps` ten-thousandths of an amount, rounded."""
    return round_minor(Decimal(amount_minor) * rate_bps / 10_000)


def included_tax(gross_minor: int, rate_bps: int) -> int:
    """The tax contained in a price that includes it: gross × rate / (1 + rate)."""
    return round_minor(Decimal(gross_minor) * rate_bps / (10_000 + rate_bps))


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to `weights` (≥ 0, not all 0) so that the parts sum exactly.

    Largest remainder: units lost to rounding down go to the largest fractions, earliest first.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise Invalid("Weights must not be negative, and one must be positive.")
    sign = -1 if amount_minor < 0 else 1
    magnitude = abs(amount_minor)
    parts = [magnitude * weight // total for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(magnitude * weights[i] % total), i))
    for index in remainders[: magnitude - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]


def currencies_of_exponent(digits: int) -> list[str]:
    """The codes of all currencies with so many decimals, for SQL that compares amounts in major units."""
    return sorted(code for code in list_currencies() if get_currency_precision(code) == digits)
