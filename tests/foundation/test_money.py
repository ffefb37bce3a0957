"""Money: exact, one currency at a time, parts that sum."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.foundation.errors import Invalid
from ticketing.foundation.money import (
    AmountNotRepresentable,
    CurrencyMismatch,
    Money,
    UnknownCurrency,
    allocate,
    exponent,
    included_tax,
    parse,
    share,
)

AMOUNTS = st.integers(min_value=-(10**12), max_value=10**12)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=20).filter(any)


@pytest.mark.parametrize(
    ("text", "currency", "minor"), [("48.5", "EUR", 4850), ("4800", "JPY", 4800), ("1.234", "KWD", 1234), (" 0 ", "GBP", 0)]
)
def test_parse_reads_major_units_when_the_currency_can_hold_them(text: str, currency: str, minor: int) -> None:
    assert parse(text, currency) == Money(minor, currency)
    assert parse(text, currency).decimal() == Decimal(text.strip())


@pytest.mark.parametrize(
    ("text", "currency"), [("48.505", "EUR"), ("1.5", "JPY"), ("NaN", "EUR"), ("inf", "EUR"), ("ten", "EUR"), ("", "EUR")]
)
def test_parse_refuses_when_the_amount_has_no_whole_minor_units(text: str, currency: str) -> None:
    with pytest.raises(AmountNotRepresentable):
        parse(text, currency)


def test_currency_is_refused_when_it_is_not_iso_4217() -> None:
    with pytest.raises(UnknownCurrency):
        exponent("EURO")


def test_amounts_are_refused_when_currencies_meet() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "GBP")
    assert Money(3, "EUR") - Money(5, "EUR") == -Money(2, "EUR")


def test_format_uses_the_currency_exponent() -> None:
    assert Money(4800, "EUR").format() == "€48.00"
    assert Money(4800, "JPY").format() == "JP¥4,800"


@pytest.mark.parametrize(("amount", "rate", "expected"), [(50, 100, 0), (150, 100, 2), (250, 100, 2), (4500, 500, 225), (-150, 100, -2)])
def test_share_rounds_half_to_even(amount: int, rate: int, expected: int) -> None:
    assert share(amount, rate) == expected


@given(amount=st.integers(min_value=0, max_value=10**9), rate=st.integers(min_value=0, max_value=10_000))
def test_included_tax_and_the_net_make_the_price(amount: int, rate: int) -> None:
    tax = included_tax(amount, rate)
    assert 0 <= tax <= amount
    net = amount - tax
    assert abs(net * rate / 10_000 - tax) <= 1.01


@given(amount=AMOUNTS, weights=WEIGHTS)
def test_allocation_sums_exactly_and_is_fair_to_a_unit(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    assert all(abs(part * total - amount * weight) < total for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 1]])
def test_allocation_is_refused_when_weights_make_no_sense(weights: list[int]) -> None:
    with pytest.raises(Invalid):
        allocate(100, weights)
