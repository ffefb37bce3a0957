"""Tickets: the right to enter, one per person."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.capture import Captured
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.tickets.rules import TicketState


class Ticket(Captured, Base):
    """The QR code is not stored: it is signed from this row when it is shown."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index("ticket_issued_at_idx", "issued_at", postgresql_using="brin"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        Index(
            "ticket_live_seat_key",
            "event_id",
            "seat_no",
            unique=True,
            postgresql_where=text("state in ('valid', 'used', 'listed') and seat_no is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text, unique=True)
    """The order's code and the line's number: `K7QFM2XA-1`."""
    vendor_id: Mapped[UUID]
    order_id: Mapped[UUID] = mapped_column(index=True)
    order_line_id: Mapped[UUID] = mapped_column(unique=True)
    event_id: Mapped[UUID]
    ticket_type_id: Mapped[UUID]
    seat_no: Mapped[int | None] = mapped_column(Integer)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    state: Mapped[TicketState] = mapped_column(text_enum(TicketState, "state"), server_default="valid")
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    """New on transfer or reissue, which makes older QR codes void."""
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
