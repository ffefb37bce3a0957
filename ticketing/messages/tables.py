"""Messages to people: one row per slot (kind, recipient, subject, due time, channel)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.messages.rules import MessageChannel, MessageKind, MessageState


class Message(Base):
    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("kind", "recipient_id", "subject_id", "due_at", "channel"),
        Index("message_open_idx", "next_try_at", postgresql_where=text("state in ('pending', 'sending', 'failed', 'unknown')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[MessageKind] = mapped_column(text_enum(MessageKind, "kind"))
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    subject_id: Mapped[UUID]
    """What it speaks of: the order, or the refund of a payment that comes back."""
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    channel: Mapped[MessageChannel] = mapped_column(text_enum(MessageChannel, "channel"))
    state: Mapped[MessageState] = mapped_column(text_enum(MessageState, "state"), server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MessageAttempt(Base):
    __tablename__ = "message_attempt"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[MessageState | None] = mapped_column(text_enum(MessageState, "outcome"))
    detail: Mapped[str | None] = mapped_column(Text)
    """The server's answer, without addresses."""
