"""Who wants no recommendations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime


class RecommendationOptOut(Base):
    __tablename__ = "recommendation_opt_out"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    opted_out_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
