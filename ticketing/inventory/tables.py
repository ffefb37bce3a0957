"""Inventory: seats, pools, holds and what each buyer may take.

`event_seat` and `pool` are not exported to the warehouse: a stamp would end their HOT updates. Only their primary keys
are indexed, so that fenced updates can't be planned through anything else.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.capture import Captured
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.inventory.rules import BlockReason, HoldState, SeatState


class EventSeat(Base):
    """A named seat of an event. Made when the event is published; `seat_no` is the layout's."""

    __tablename__ = "event_seat"
    __table_args__ = (
        CheckConstraint("(state = 'sold') = (ticket_id is not null)", name="sold_has_ticket"),
        CheckConstraint("(state = 'held') = (held_until is not null)", name="held_has_end"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), primary_key=True)
    seat_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    state: Mapped[SeatState] = mapped_column(text_enum(SeatState, "state"), server_default="free")
    block_reason: Mapped[BlockReason | None] = mapped_column(text_enum(BlockReason, "block_reason"))
    ticket_type_id: Mapped[UUID]
    hold_id: Mapped[UUID | None]
    """The hold that has it, or had it last while it was sold."""
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ticket_id: Mapped[UUID | None]


class Pool(Base):
    """A counted allotment without named places."""

    __tablename__ = "pool"
    __table_args__ = (
        UniqueConstraint("event_id", "name"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        CheckConstraint("sold >= 0 and held >= 0 and sold + held <= capacity", name="never_over"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID]
    ticket_type_id: Mapped[UUID]
    section_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(Text)
    capacity: Mapped[int] = mapped_column(Integer)
    held: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    sold: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class EventBlock(Base):
    """Seats of an event that were taken out of sale together."""

    __tablename__ = "event_block"
    __table_args__ = (ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID] = mapped_column(index=True)
    reason: Mapped[BlockReason] = mapped_column(text_enum(BlockReason, "reason"))
    note: Mapped[str] = mapped_column(Text, server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EventBlockSeat(Base):
    """A seat of a block; a seat is in one block at a time."""

    __tablename__ = "event_block_seat"
    __table_args__ = (
        ForeignKeyConstraint(["event_id", "seat_no"], ["event_seat.event_id", "event_seat.seat_no"]),
        Index("event_block_seat_open_idx", "event_id", "seat_no", unique=True, postgresql_where=text("ended_at is null")),
    )

    block_id: Mapped[UUID] = mapped_column(ForeignKey("event_block.id"), primary_key=True)
    seat_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was released, or given away."""


class Hold(Captured, Base):
    """Seats or places of one event kept for a buyer until `expires_at`."""

    __tablename__ = "hold"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        Index("hold_open_idx", "event_id", "expires_at", postgresql_where=text("state = 'active'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID]
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    state: Mapped[HoldState] = mapped_column(text_enum(HoldState, "state"), server_default="active")
    quantity: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    extended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the buyer used the one extension."""
    order_id: Mapped[UUID | None]
    """The order it feeds; a hold feeds one order."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    promotion_id: Mapped[UUID | None]
    """The access code that opened its ticket types."""


class HoldLine(Base):
    """A seat (quantity 1) or places of a pool, at the price promised when they were held."""

    __tablename__ = "hold_line"
    __table_args__ = (CheckConstraint("(seat_no is null) <> (pool_id is null) and quantity > 0", name="place"),)

    hold_id: Mapped[UUID] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    ticket_type_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_type.id"))
    seat_no: Mapped[int | None] = mapped_column(Integer)
    pool_id: Mapped[UUID | None]
    quantity: Mapped[int] = mapped_column(Integer)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    """Each, as in `ticket_type`."""
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)


class BuyerAllowance(Base):
    """How many places of an event a buyer has taken (held in live holds, or bought and not given back)."""

    __tablename__ = "buyer_allowance"
    __table_args__ = (CheckConstraint("taken between 0 and allowed", name="cap"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    buyer_id: Mapped[UUID] = mapped_column(primary_key=True)
    taken: Mapped[int] = mapped_column(Integer)
    allowed: Mapped[int] = mapped_column(Integer)
    holds: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Made since `holds_since`; counted anew a day after that."""
    holds_since: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
