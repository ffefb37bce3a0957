"""Messages to people: one row per slot (kind, recipient, subject, due time, channel)."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, Time, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
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


class MessagePreference(Base):
    """What somebody wants to be told; whoever has no row gets everything."""

    __tablename__ = "message_preference"
    __table_args__ = (CheckConstraint("num_nulls(quiet_start, quiet_end, quiet_zone) in (0, 3)", name="quiet"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    email: Mapped[bool] = mapped_column(server_default=text("true"))
    push: Mapped[bool] = mapped_column(server_default=text("true"))
    quiet_start: Mapped[time | None] = mapped_column(Time)
    quiet_end: Mapped[time | None] = mapped_column(Time)
    quiet_zone: Mapped[str | None] = mapped_column(Text)
    muted: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Of `OptionalKind`."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PushSubscription(Base):
    """Where a browser takes pushes (W3C Push API): address and keys encrypted, found again through a blind index."""

    __tablename__ = "push_subscription"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    host: Mapped[str] = mapped_column(Text)
    """Of the push service: tells its owner which browser it is."""
    endpoint_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    value_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
