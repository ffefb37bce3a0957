"""A vendor's packages and the events that they are for. What was sold of them, orders know."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime
from ticketing.foundation.ids import new_id


class Package(Base):
    """One price for places at several events. Only its end can be changed."""

    __tablename__ = "package"
    __table_args__ = (
        UniqueConstraint("vendor_id", "id"),
        CheckConstraint("num_nulls(price_minor, percent) = 1 and price_minor > 0 and percent between 1 and 99", name="price"),
        CheckConstraint("sales_close_at > sales_open_at", name="window"),
        CheckConstraint("max_per_buyer > 0", name="limit"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    name: Mapped[str] = mapped_column(Text)
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    """For one person, all events, tax included, fees not; null: `percent` off the single prices."""
    percent: Mapped[int | None] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(Text)
    sales_open_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sales_close_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Null: as long as all of its events are on sale."""
    max_per_buyer: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Ended by its vendor."""


class PackageEvent(Base):
    __tablename__ = "package_event"
    __table_args__ = (
        UniqueConstraint("package_id", "position"),
        ForeignKeyConstraint(["vendor_id", "package_id"], ["package.vendor_id", "package.id"]),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        ForeignKeyConstraint(["vendor_id", "ticket_type_id"], ["ticket_type.vendor_id", "ticket_type.id"]),
    )

    package_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    vendor_id: Mapped[UUID]
    ticket_type_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(Integer)
    """From 0, as its vendor named them."""
