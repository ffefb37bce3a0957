"""Photos that people took at events. The files lie in the installation's home, named after the rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.photos.rules import PhotoState


class Photo(Base):
    __tablename__ = "photo"
    __table_args__ = (
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        CheckConstraint("(state = 'pending') = (decided_at is null) and (state = 'pending') = (decided_by_id is null)", name="decided"),
        CheckConstraint("width > 0 and height > 0 and file_bytes > 0", name="size"),
        Index("photo_user_id_id_idx", "user_id", "id"),
        Index("photo_vendor_id_state_id_idx", "vendor_id", "state", "id"),
        Index("photo_shown_idx", "event_id", "id", postgresql_where=text("state = 'approved'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    """Who sent it; never shown to anybody else."""
    state: Mapped[PhotoState] = mapped_column(text_enum(PhotoState, "state"), server_default="pending")
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    file_bytes: Mapped[int] = mapped_column(Integer)
    """With width and height: of the file as it is kept."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by_id: Mapped[UUID | None]
