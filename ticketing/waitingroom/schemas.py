"""What the waiting room takes and gives as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EnterBody(_Body):
    tell: bool = Field(default=False, description="mail me when it is my turn")


class QueueBody(_Body):
    """How a queue lets people in."""

    opens_at: AwareDatetime = Field(description="who comes before gets a place by lot", examples=["2027-03-01T09:00:00Z"])
    most_shoppers: int = Field(ge=1, le=100_000, description="so many inside at once, with one open hold each", examples=[500])
    grace_seconds: int = Field(default=300, ge=30, le=3600, description="a turn waits so long for its buyer")
    shopping_seconds: int = Field(default=900, ge=60, le=7200, description="from the first hold on")
    per_minute: int | None = Field(default=None, ge=1, le=1_000_000, description="no more than so many are let in a minute")


class PlaceState(StrEnum):
    BEFORE_OPENING = "before_opening"
    """Places are given by lot at the opening."""
    WAITING = "waiting"
    YOUR_TURN = "your_turn"
    """Hold now, until `turn_ends_at`."""
    OVER = "over"
    """Bought, left, or too late: enter again for a new place."""


@dataclass(frozen=True, slots=True)
class PlaceView:
    event_id: UUID
    token: str
    """Keep it: `GET /api/queue/{token}` tells how things stand, from any device."""
    state: PlaceState
    position: int | None
    ahead: int | None
    """How many are in front, those who have walked away included."""
    shortest_wait_seconds: int | None
    longest_wait_seconds: int | None
    opens_at: datetime | None
    turn_ends_at: datetime | None
    paused: bool
    ask_again_seconds: int
