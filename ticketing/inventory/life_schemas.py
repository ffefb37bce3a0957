"""What vendors send about an event that has been published: another time, another night, seats out of sale, a ticket type."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NaiveDatetime, model_validator

from ticketing.catalog.schemas import Moment, Words, no_control_characters
from ticketing.foundation.errors import Invalid
from ticketing.inventory.capacity import MOST_PLACES
from ticketing.inventory.rules import BlockReason

MOST_SEATS = 50_000
SeatNumber = Annotated[int, Field(ge=0, lt=2**31)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PostponeBody(_Body):
    """Another time. Doors keep their distance from the start, and sales that end with it move with it, unless said otherwise."""

    local_start: NaiveDatetime = Field(examples=["2030-04-20T20:00:00"], description="wall time at the venue, without offset")
    doors_at: Moment | None = None
    sales_close_at: Moment | None = None


class CloneBody(_Body):
    """Another night."""

    local_start: NaiveDatetime = Field(examples=["2030-04-21T20:00:00"], description="wall time at the venue, without offset")
    title: Words | None = None
    sales_open_at: Moment | None = Field(default=None, description="when the original's sales open, unless said otherwise")


class TicketTypeChanges(_Body):
    """Only what is to be changed; null: as the event's sales."""

    capacity: int | None = Field(default=None, ge=0, le=MOST_PLACES, examples=[250], description="places without a number")
    sales_open_at: Moment | None = None
    sales_close_at: Moment | None = None

    def changes(self) -> dict[str, Any]:
        """What was sent. Raises `Invalid`."""
        sent = self.model_dump(exclude_unset=True)
        if not sent:
            raise Invalid("Say what is to be changed.", fields={"capacity": "or a sales window is needed"})
        if "capacity" in sent and sent["capacity"] is None:
            raise Invalid("A capacity is a number.", fields={"capacity": "can't be empty"})
        return sent


class BlockBody(_Body):
    """Seats by number, or all seats of a section."""

    seats: list[SeatNumber] = Field(default=[], max_length=MOST_SEATS, examples=[[12, 13]])
    section_id: UUID | None = None
    reason: BlockReason = Field(examples=["house"])
    note: Annotated[str, Field(max_length=300), AfterValidator(no_control_characters)] = Field(default="", examples=["Press"])

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.seats) == (self.section_id is not None):
            raise ValueError("name `seats` or `section_id`, one of them")
        if len(set(self.seats)) != len(self.seats):
            raise ValueError("`seats` names a seat twice")
        return self
