"""The waiting room: a queue per event that has one, and a row for each buyer in it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.waitingroom.rules import EntryState


class Queue(Base):
    """The queue of an event. `admitted_upto` is the one number that all waiting buyers look at."""

    __tablename__ = "queue"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        CheckConstraint(
            "most_shoppers > 0 and grace_seconds between 30 and 3600 and shopping_seconds between 60 and 7200 and per_minute > 0",
            name="limits",
        ),
    )

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    vendor_id: Mapped[UUID]
    opens_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Who comes before gets a place by lot; who comes later, behind them."""
    most_shoppers: Mapped[int] = mapped_column(Integer)
    """So many may be inside at once; each has at most one open hold, so this bounds the holds, too."""
    per_minute: Mapped[int | None] = mapped_column(Integer)
    """No more than so many are let in a minute, as many as the payment provider takes; null: no limit."""
    grace_seconds: Mapped[int] = mapped_column(Integer)
    """A turn waits so long for its buyer."""
    shopping_seconds: Mapped[int] = mapped_column(Integer)
    """From the first hold on."""
    seed: Mapped[bytes] = mapped_column(LargeBinary)
    """The lot: random, made with the queue and kept, so that the draw can be checked afterwards."""
    drawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_position: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    admitted_upto: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    credit: Mapped[float] = mapped_column(Double, server_default=text("0"))
    """How many `per_minute` allows by now."""
    advanced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class QueueEntry(Base):
    __tablename__ = "queue_entry"
    __table_args__ = (
        UniqueConstraint("event_id", "buyer_id"),
        UniqueConstraint("event_id", "position"),
        Index("queue_entry_inside_idx", "event_id", postgresql_where=text("state in ('admitted', 'shopping')")),
        CheckConstraint("(state in ('waiting', 'left')) or (position is not null and admitted_at is not null)", name="admitted"),
        CheckConstraint("state not in ('admitted', 'shopping') or turn_ends_at is not null", name="turn"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("queue.event_id"))
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    arrived_at: Mapped[datetime] = mapped_column(UtcDateTime)
    position: Mapped[int | None] = mapped_column(BigInteger)
    """From 1; none before the draw."""
    tell: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether to mail them when it is their turn."""
    state: Mapped[EntryState] = mapped_column(text_enum(EntryState, "state"), server_default="waiting")
    admitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    turn_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_id: Mapped[UUID | None]
    """The hold they made last: one at a time."""
