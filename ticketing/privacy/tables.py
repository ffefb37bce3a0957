"""Erasures: begun, and finished or still to be finished."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime


class Erasure(Base):
    """One person's. It stays: whoever asks whether somebody was erased, and when, finds it by their id."""

    __tablename__ = "erasure"
    __table_args__ = (Index("erasure_open_idx", "asked_at", postgresql_where=text("finished_at is null")),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    """The person, or an operator."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
