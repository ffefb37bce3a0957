"""Shapes of the data that people ask for, and of what erasing asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class TableData:
    """A person's rows of one table."""

    when_erased: str
    """What erasing the person does to them, and why."""
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Everything that is kept on a person."""

    made_at: datetime
    user_id: UUID
    accounts: list[UUID]
    """The account, and the guests whose purchases it has claimed."""
    data: dict[str, dict[str, TableData]]
    """Feature → table → rows. Amounts in minor units, times in UTC."""


class ErasureRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: str | None = Field(default=None, max_length=200)
    """The present one. Not needed within ten minutes of signing in, nor by an operator."""
    give_up_tickets: bool = Field(default=False, examples=[False])
    """Cancel the tickets for events to come and the orders that wait to be paid, and don't wait for money on its way."""
