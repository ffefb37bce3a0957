"""The rule file: prices, on-sale dates, zones and currencies that season files don't say."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ticketing.foundation.clock import zone
from ticketing.foundation.errors import Invalid, TicketingError
from ticketing.foundation.money import exponent, parse

DEFAULTS = Path(__file__).with_name("default_rules.toml")


class RulesRefused(Invalid):
    """The rule file can't be used; the message names the table and key."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a location is: zone, currency, country (ISO code), and the city's name."""

    city: str
    zone: str
    currency: str
    country: str


def _known(check: Callable[[str], object]) -> AfterValidator:
    """A validator that turns one of our own refusals into Pydantic's."""

    def validate(value: str) -> str:
        try:
            check(value)
        except TicketingError as error:
            raise ValueError(error.message.rstrip(".")) from error
        return value

    return AfterValidator(validate)


Zone = Annotated[str, _known(zone)]
Currency = Annotated[str, _known(exponent)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Price = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Positive = Annotated[Decimal, Field(gt=0, le=10_000_000, allow_inf_nan=False)]
Located = tuple[Zone, Currency, Country]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RefundStep(_Table):
    days_before: Annotated[int, Field(ge=0, le=3650)]
    percent: Annotated[int, Field(ge=0, le=100)]


class RefundPolicy(_Table):
    steps: tuple[RefundStep, ...] = ()
    fee_refunded: bool = False


class Sales(_Table):
    on_sale_days_before: Annotated[int, Field(ge=1, le=3650)]
    max_per_buyer: Annotated[int, Field(ge=1, le=1000)]
    refund_policy: RefundPolicy


class Room(_Table):
    capacity: Annotated[int, Field(ge=1, le=1_000_000)]
    by_venue: dict[str, Annotated[int, Field(ge=1, le=1_000_000)]]


class Prices(_Table):
    by_category: dict[str, Price]
    by_position: Annotated[tuple[Price, ...], Field(min_length=1)]
    tax_rate_bps: Annotated[int, Field(ge=0, le=10_000)]


class CurrencyFactor(_Table):
    factor: Positive
    step: Positive


class Events(_Table):
    private: tuple[str, ...]
    private_are: Literal["hidden", "left out"]


class Places(_Table):
    states: dict[str, Zone]
    countries: dict[str, Located]
    cities: dict[str, Located]


class ImportRules(_Table):
    sales: Sales
    room: Room
    prices: Prices
    currency_factors: dict[Currency, CurrencyFactor]
    events: Events
    places: Places

    @classmethod
    def load(cls, path: Path | None) -> ImportRules:
        """The defaults, overlaid key by key with the file's. Raises `RulesRefused`."""
        tables = tomllib.loads(DEFAULTS.read_text())
        if path is not None:
            try:
                given = tomllib.loads(path.read_text())
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise RulesRefused(f"The rule file {path} can't be read: {error}.") from error
            tables = _overlay(tables, given)
        try:
            return cls.model_validate(tables)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RulesRefused(f"The rule file {path}: {where}: {first['msg'].removeprefix('Value error, ')}.") from error

    def place_of(self, location: str) -> Place | None:
        """`Seoul, KOREA` → its place; None when no rule knows its zone."""
        city, _, region = (part.strip() for part in location.rpartition(","))
        city = city or region
        known = self.places.cities.get(location) or self.places.countries.get(region.upper())
        if known:
            return Place(city, *known)
        state_zone = self.places.states.get(region.upper())
        return Place(city, state_zone, "USD", "US") if state_zone else None

    def price_minor(self, category: str, position: int, currency: str) -> int:
        """The price of a category (at that place in the plan) in minor units. Raises `RulesRefused`."""
        prices = self.prices
        dollars = prices.by_category.get(category, prices.by_position[min(position, len(prices.by_position) - 1)])
        rule = self.currency_factors.get(currency)
        if rule is None:
            raise RulesRefused(f"The rules have no [currency_factors] {currency}.")
        amount = (dollars * rule.factor / rule.step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * rule.step
        return parse(format(amount, "f"), currency).amount_minor

    def is_private(self, event_type: str) -> bool:
        return event_type in self.events.private


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` wins, key by key in tables within tables; what it does not name stays."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _overlay(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
