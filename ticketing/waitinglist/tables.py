"""Who waits for what, and what they were offered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.waitinglist.rules import EntryState


class WaitingListEntry(Base):
    """One buyer's wish at one event; its place in the list is its id, which grows with time."""

    __tablename__ = "waiting_list_entry"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        Index("waiting_list_entry_open_key", "event_id", "buyer_id", unique=True, postgresql_where=text("state in ('waiting', 'offered')")),
        Index("waiting_list_entry_buyer_id_idx", "buyer_id"),
        CheckConstraint("quantity > 0 and most_each_minor > 0", name="wish"),
        CheckConstraint("num_nulls(hold_id, offered_at, offer_ends_at) in (0, 3)", name="offer"),
        CheckConstraint("state not in ('offered', 'bought') or hold_id is not null", name="offered"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID]
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    quantity: Mapped[int] = mapped_column(Integer)
    section_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    """Empty: anywhere."""
    most_each_minor: Mapped[int | None] = mapped_column(BigInteger)
    """All-in, of one place; null: at any price."""
    accessible: Mapped[bool] = mapped_column(server_default=text("false"))
    state: Mapped[EntryState] = mapped_column(text_enum(EntryState, "state"), server_default=EntryState.WAITING.value)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    hold_id: Mapped[UUID | None]
    """The offer."""
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offer_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
