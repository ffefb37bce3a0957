"""What the buyer's path takes and gives as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ticketing.inventory.claim import MOST_PLACES_PER_HOLD
from ticketing.orders.place import MOST_HOLDS_PER_ORDER
from ticketing.orders.read import OrderView
from ticketing.orders.settle import Settlement
from ticketing.promotions.uses import LONGEST_CODE

Code = Annotated[str, Field(min_length=1, max_length=LONGEST_CODE, pattern=r"^[^\x00-\x1f]*$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Places(_Body):
    """Places without a number."""

    pool_id: UUID
    quantity: int = Field(ge=1, le=MOST_PLACES_PER_HOLD)


class BestAvailable(_Body):
    """Neighbouring seats, chosen by us: in front, in the middle, and leaving no seat alone."""

    quantity: int = Field(ge=1, le=MOST_PLACES_PER_HOLD)
    section_id: UUID | None = None
    ticket_type_id: UUID | None = None
    accessible: bool = False
    """With at least one accessible seat; without, none is among them."""


class _Choice(_Body):
    seats: list[int] = Field(default=[], max_length=MOST_PLACES_PER_HOLD, examples=[[12, 13]])
    places: list[Places] = Field(default=[], max_length=20)
    best: BestAvailable | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.best is not None and (self.seats or self.places):
            raise ValueError("`best` stands alone: name no seats or places beside it")
        return self


class HoldBody(_Choice):
    """Named seats, places of pools, or both; or the best that is available. All of it or nothing."""

    code: Code | None = Field(default=None, examples=["FRIENDS"], description="opens ticket types that need an access code")


class OrderBody(_Body):
    hold_ids: list[UUID] = Field(min_length=1, max_length=MOST_HOLDS_PER_ORDER)
    referrer: str | None = Field(default=None, max_length=200, pattern=r"^[^\x00-\x1f]*$")
    code: Code | None = Field(default=None, examples=["SPRING25"], description="for a discount, or of an affiliate")
    link_code: Code | None = Field(default=None, description="of the tracking link `/go/{code}` that the buyer followed")


class PaymentBody(_Body):
    order_id: UUID
    provider: str = Field(default="fake", max_length=40)


class BookingHereBody(_Choice):
    """What to hold, as in `POST /api/events/{id}/holds`, and what the order says, as in `POST /api/orders`."""

    access_code: Code | None = Field(default=None, examples=["FRIENDS"], description="opens ticket types that need an access code")
    referrer: str | None = Field(default=None, max_length=200, pattern=r"^[^\x00-\x1f]*$")
    code: Code | None = Field(default=None, examples=["SPRING25"], description="for a discount, or of an affiliate")
    link_code: Code | None = Field(default=None, description="of the tracking link `/go/{code}` that the buyer followed")


class BookingBody(BookingHereBody):
    """The same, and of which event."""

    event_id: UUID


@dataclass(frozen=True, slots=True)
class OrderPage:
    orders: list[OrderView]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a callback led to."""

    settlement: Settlement
