"""What the buyer's path takes and gives as JSON."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ticketing.inventory.claim import MOST_PLACES_PER_HOLD
from ticketing.orders.place import MOST_HOLDS_PER_ORDER


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Places(_Body):
    """Places without a number."""

    pool_id: UUID
    quantity: int = Field(ge=1, le=MOST_PLACES_PER_HOLD)


class HoldBody(_Body):
    """Named seats, places of pools, or both; all of them or none."""

    seats: list[int] = Field(default=[], max_length=MOST_PLACES_PER_HOLD, examples=[[12, 13]])
    places: list[Places] = Field(default=[], max_length=20)


class OrderBody(_Body):
    hold_ids: list[UUID] = Field(min_length=1, max_length=MOST_HOLDS_PER_ORDER)
    referrer: str | None = Field(default=None, max_length=200)


class PaymentBody(_Body):
    order_id: UUID
    provider: str = Field(default="fake", max_length=40)
