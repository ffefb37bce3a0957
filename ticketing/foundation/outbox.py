"""The outbox: how a lower feature tells higher ones what happened, in the transaction in which it happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from ticketing.foundation.db import Base, UtcDateTime


class Outbox(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_open_idx", "id", postgresql_where=text("consumed_at is null")),
        Index(
            "outbox_webhooks_idx",
            "id",
            postgresql_where=text("webhooks_at is null and topic in ('order.confirmed', 'order.cancelled', 'event.published')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    consumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When messages were planned from it."""
    webhooks_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When outgoing webhooks were planned from it: a reader of its own, so that neither waits for the other."""


def enqueue(session: Session, *, topic: str, subject_id: UUID, payload: dict[str, Any] | None = None) -> None:
    """Add a row in the caller's transaction. `payload` holds ids and numbers, never personal data."""
    session.execute(insert(Outbox).inline().values(topic=topic, subject_id=subject_id, payload=payload or {}))
