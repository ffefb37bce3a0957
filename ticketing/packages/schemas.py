"""What vendors and buyers send about packages."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ticketing.catalog.schemas import Currency, Moment, Words
from ticketing.foundation.errors import Invalid
from ticketing.foundation.money import AmountNotRepresentable, parse
from ticketing.packages.rules import MOST_EVENTS, MOST_PER_BUYER
from ticketing.packages.service import NewPackage

MOST_AMOUNT_MINOR = 10**12


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PackageEventBody(_Body):
    event_id: UUID
    ticket_type_id: UUID = Field(description="of this event")


class PackageBody(_Body):
    name: Words = Field(examples=["Chamber music, the whole season"])
    price: str | None = Field(
        default=None,
        max_length=20,
        examples=["120.00"],
        description="of one person for all events in `currency`, tax included, fees not: at most what the single tickets make",
    )
    percent: int | None = Field(default=None, ge=1, le=99, description="instead of a price: off the single prices of the day")
    currency: Currency
    events: list[PackageEventBody] = Field(max_length=MOST_EVENTS, description="two or more, each once")
    sales_open_at: Moment | None = Field(default=None, description="left out: at once")
    sales_close_at: Moment | None = Field(default=None, description="left out: as long as all of its events are on sale")
    max_per_buyer: int = Field(default=4, ge=1, le=MOST_PER_BUYER, description="people that one buyer may buy it for")
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""

    def package(self) -> NewPackage:
        """Raises `Invalid` naming each field that is not acceptable."""
        new = NewPackage(
            name=self.name,
            price_minor=self._price_minor(),
            percent=self.percent,
            currency=self.currency,
            events=[(event.event_id, event.ticket_type_id) for event in self.events],
            sales_open_at=self.sales_open_at,
            sales_close_at=self.sales_close_at,
            max_per_buyer=self.max_per_buyer,
        )
        new.check()
        return new

    def _price_minor(self) -> int | None:
        if self.price is None:
            return None
        not_one = {"price": "is no amount above zero, or has more decimals than its currency"}
        try:
            amount = parse(self.price, self.currency).amount_minor
        except AmountNotRepresentable:
            amount = 0
        if not 0 < amount <= MOST_AMOUNT_MINOR:
            raise Invalid("The price is not acceptable.", fields=not_one)
        return amount


class PackageEnding(_Body):
    ended: Literal[True]


class PackageOrderBody(_Body):
    quantity: int = Field(ge=1, le=MOST_PER_BUYER, examples=[2], description="people: so many places side by side at every event")
