"""What vendors send about promotions."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ticketing.catalog.schemas import Currency, Moment
from ticketing.foundation.errors import Invalid
from ticketing.foundation.money import AmountNotRepresentable, parse
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.service import MOST_TICKET_TYPES, NewPromotion

MOST_USES = 10_000_000
MOST_AMOUNT_MINOR = 10**12


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value


class PromotionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=40, examples=["SPRING25"], description="small and capital letters are the same")
    kind: PromotionKind = Field(examples=["percent"])
    name: Annotated[str, Field(max_length=120), AfterValidator(_printable)] = Field(default="", examples=["Spring newsletter"])
    percent: int | None = Field(default=None, ge=1, le=100, examples=[25])
    amount: str | None = Field(default=None, max_length=20, description="off the whole order, in `currency`")
    currency: Currency | None = None
    event_id: UUID | None = Field(default=None, description="left out: all of your events")
    ticket_type_ids: list[UUID] = Field(default_factory=list, max_length=MOST_TICKET_TYPES, description="none: all of the event")
    starts_at: Moment | None = Field(default=None, description="left out: at once")
    ends_at: Moment | None = Field(default=None, description="left out: until it is ended")
    max_uses: int | None = Field(default=None, ge=1, le=MOST_USES, description="orders")
    max_uses_per_buyer: int | None = Field(default=None, ge=1, le=1000, description="orders of one buyer")
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""

    def promotion(self) -> NewPromotion:
        """Raises `Invalid` naming each field that is not acceptable."""
        new = NewPromotion(
            code=self.code,
            kind=self.kind,
            name=self.name,
            percent=self.percent,
            amount_minor=self._amount_minor(),
            currency=self.currency,
            event_id=self.event_id,
            ticket_type_ids=self.ticket_type_ids,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            max_uses=self.max_uses,
            max_uses_per_buyer=self.max_uses_per_buyer,
        )
        new.check()
        return new

    def _amount_minor(self) -> int | None:
        if self.amount is None:
            return None
        if self.currency is None:
            raise Invalid("An amount needs its currency.", fields={"currency": "is needed with an amount"})
        try:
            amount = parse(self.amount, self.currency).amount_minor
        except AmountNotRepresentable:
            amount = 0
        if not 0 < amount <= MOST_AMOUNT_MINOR:
            raise Invalid(
                "The amount is not acceptable.", fields={"amount": "is no amount above zero, or has more decimals than its currency"}
            )
        return amount


class PromotionEnding(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ended: Literal[True]
