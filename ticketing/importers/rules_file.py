"""The rule file: prices, on-sale dates, zones and currencies that season files don't say."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ticketing.foundation.errors import Invalid
from ticketing.foundation.money import parse

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


@dataclass(frozen=True, slots=True)
class ImportRules:
    tables: dict[str, Any]

    @classmethod
    def load(cls, path: Path | None) -> ImportRules:
        """The defaults, overlaid table by table with the file's. Raises `RulesRefused`."""
        tables = tomllib.loads(DEFAULTS.read_text())
        if path is not None:
            try:
                given = tomllib.loads(path.read_text())
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise RulesRefused(f"The rule file {path} can't be read: {error}.") from error
            for name, table in given.items():
                if name not in tables or not isinstance(table, dict):
                    raise RulesRefused(f"The rule file {path} has a table [{name}] that is not known.")
                for key, value in table.items():
                    nested = isinstance(tables[name].get(key), dict) and isinstance(value, dict)
                    tables[name][key] = {**tables[name][key], **value} if nested else value
        return cls(tables)

    def place_of(self, location: str) -> Place | None:
        """`Seoul, KOREA` → its place; None when no rule knows its zone."""
        places = self.tables["places"]
        city, _, region = (part.strip() for part in location.rpartition(","))
        city = city or region
        known = places["cities"].get(location) or places["countries"].get(region.upper())
        if known:
            return Place(city, *known)
        if zone := places["states"].get(region.upper()):
            return Place(city, zone, "USD", "US")
        return None

    def price_minor(self, category: str, position: int, currency: str) -> int:
        """The price of a category (at that place in the plan) in minor units."""
        prices, factors = self.tables["prices"], self.tables["currency_factors"]
        by_position = prices["by_position"]
        dollars = prices["by_category"].get(category, by_position[min(position, len(by_position) - 1)])
        if currency not in factors:
            raise RulesRefused(f"The rules have no [currency_factors] {currency}.")
        try:
            factor, step = Decimal(factors[currency]["factor"]), Decimal(factors[currency]["step"])
            amount = (Decimal(dollars) * factor / step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * step
        except (InvalidOperation, KeyError) as error:
            raise RulesRefused(f"The price of {category} or the factor of {currency} is no number.") from error
        return parse(str(amount), currency).amount_minor

    def is_private(self, event_type: str) -> bool:
        return event_type in self.tables["events"]["private"]
