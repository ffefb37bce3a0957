"""A vendor's promotions, the ticket types they are for, and how often a buyer has used one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.promotions.rules import PromotionKind


class Promotion(Base):
    __tablename__ = "promotion"
    __table_args__ = (
        UniqueConstraint("vendor_id", "code"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        CheckConstraint("(kind = 'percent') = (percent is not null) and percent between 1 and 100", name="percent"),
        CheckConstraint(
            "(kind = 'amount') = (amount_minor is not null) and (kind = 'amount') = (currency is not null) and amount_minor > 0",
            name="amount",
        ),
        CheckConstraint("kind <> 'access' or event_id is not null", name="access"),
        CheckConstraint("ends_at > starts_at", name="window"),
        CheckConstraint("uses >= 0 and uses <= max_uses", name="uses"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    code: Mapped[str] = mapped_column(Text)
    kind: Mapped[PromotionKind] = mapped_column(text_enum(PromotionKind, "kind"))
    name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    """For the vendor's own eyes."""
    percent: Mapped[int | None] = mapped_column(Integer)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(Text)
    event_id: Mapped[UUID | None]
    """Null: all of the vendor's events."""
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    max_uses: Mapped[int | None] = mapped_column(Integer)
    max_uses_per_buyer: Mapped[int | None] = mapped_column(Integer)
    uses: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Orders that have used it and have neither lapsed nor been cancelled."""
    link_code: Mapped[str] = mapped_column(Text, unique=True)
    """Of its tracking link, `/go/{link_code}`."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Ended by its vendor."""


class PromotionTicketType(Base):
    """A promotion without any is for all ticket types."""

    __tablename__ = "promotion_ticket_type"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "promotion_id"], ["promotion.vendor_id", "promotion.id"]),
        ForeignKeyConstraint(["vendor_id", "ticket_type_id"], ["ticket_type.vendor_id", "ticket_type.id"]),
    )

    promotion_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_type_id: Mapped[UUID] = mapped_column(primary_key=True)
    vendor_id: Mapped[UUID]


class PromotionBuyer(Base):
    """How often one buyer has used a promotion that limits it."""

    __tablename__ = "promotion_buyer"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "promotion_id"], ["promotion.vendor_id", "promotion.id"]),
        CheckConstraint("uses between 0 and allowed", name="uses"),
    )

    promotion_id: Mapped[UUID] = mapped_column(primary_key=True)
    buyer_id: Mapped[UUID] = mapped_column(primary_key=True)
    vendor_id: Mapped[UUID]
    uses: Mapped[int] = mapped_column(Integer)
    allowed: Mapped[int] = mapped_column(Integer)
