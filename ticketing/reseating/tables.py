"""Reseating plans: how an event would take over a newer version of its layout."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

import ticketing.tickets.service  # noqa: F401 - brings the table of tickets, which moves refer to
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.reseating.rules import ReseatingState, Unplaced


class Reseating(Base):
    """A plan for one event, from the layout it has to a newer version."""

    __tablename__ = "reseating"
    __table_args__ = (
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        ForeignKeyConstraint(["vendor_id", "from_layout_id"], ["layout.vendor_id", "layout.id"]),
        ForeignKeyConstraint(["vendor_id", "to_layout_id"], ["layout.vendor_id", "layout.id"]),
        Index("reseating_event_id_idx", "event_id"),
        Index("reseating_open_idx", "event_id", unique=True, postgresql_where=text("state = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID]
    from_layout_id: Mapped[UUID]
    to_layout_id: Mapped[UUID]
    state: Mapped[ReseatingState] = mapped_column(text_enum(ReseatingState, "state"), server_default="proposed")
    held: Mapped[int] = mapped_column(Integer)
    """Seats that are gone in the newer version: in live holds …"""
    sold: Mapped[int] = mapped_column(Integer)
    """… sold …"""
    priced: Mapped[int] = mapped_column(Integer)
    """… and with a price, the held and sold ones included."""
    standing: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Pools that have more places taken than the newer version has: `[{"pool_id", "name", "taken", "capacity"}]`."""
    unpriced: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Categories of the newer version that the event has no price for."""
    complete: Mapped[bool]
    """False: the search for seats was broken off, and more groups may be placeable than it found."""
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReseatingMove(Base):
    """One ticket of a group that moves: to another seat, or nowhere."""

    __tablename__ = "reseating_move"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "reseating_id"], ["reseating.vendor_id", "reseating.id"]),
        ForeignKeyConstraint(["vendor_id", "ticket_id"], ["ticket.vendor_id", "ticket.id"]),
        CheckConstraint("(to_seat_no is null) = (unplaced is not null)", name="somewhere"),
    )

    reseating_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    vendor_id: Mapped[UUID]
    order_id: Mapped[UUID]
    group_no: Mapped[int] = mapped_column(Integer)
    """From 1. Tickets of one order that sat side by side."""
    from_seat_no: Mapped[int] = mapped_column(Integer)
    to_seat_no: Mapped[int | None] = mapped_column(Integer)
    """May be the seat it had, when its neighbours move beside it."""
    unplaced: Mapped[Unplaced | None] = mapped_column(text_enum(Unplaced, "unplaced"))
