"""What vendors send about venues, configurations and layouts."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ticketing.catalog.rules import ConfigurationKind
from ticketing.catalog.schemas import Zone

LONGEST_NAME = 200


def _named(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise ValueError("must hold something to read, and no control characters")
    return value.strip()


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_named)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"], description="ISO 3166-1")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VenueBody(_Body):
    name: Name = Field(examples=["Town Hall"])
    city: Name = Field(examples=["Berlin"])
    country: Country | None = None
    zone: Zone
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""


class VenueChanges(_Body):
    """Only what is to be changed."""

    name: Name | None = None
    city: Name | None = None
    country: Country | None = Field(default=None, description="null clears it")
    zone: Zone | None = None

    def changes(self) -> dict[str, Any]:
        """What was sent; null clears the country and leaves the others as they are."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value for name, value in sent.items() if value is not None or name == "country"}


class VenueCopy(_Body):
    name: Name | None = Field(default=None, description="left out: the same")
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""


class ConfigurationBody(_Body):
    name: Name = Field(examples=["Floor standing"])
    kind: ConfigurationKind = Field(examples=["mixed"])
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""


SEATING_PLAN: dict[str, Any] = {
    "name": "Town Hall, seated",
    "size": {"width": 800, "height": 600},
    "categories": [{"name": "Stalls", "color": "#1e7d3c"}],
    "zones": [
        {
            "name": "Stalls",
            "position": {"x": 0, "y": 0},
            "rows": [
                {
                    "row_number": "A",
                    "position": {"x": 0, "y": 0},
                    "seats": [
                        {"seat_guid": "a-1", "seat_number": "1", "position": {"x": 0, "y": 0}, "category": "Stalls", "accessible": True}
                    ],
                }
            ],
        }
    ],
}
"""The smallest plan that shows the form; docs/importing.md has the rest."""
