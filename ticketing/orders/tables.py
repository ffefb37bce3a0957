"""Orders and their lines. (`order` is a reserved word in SQL, hence `ticket_order`.)"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.capture import Captured
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.orders.rules import Channel, LineState, OrderState, UseState


class TicketOrder(Captured, Base):
    """A buyer's purchase from one vendor."""

    __tablename__ = "ticket_order"
    __table_args__ = (
        UniqueConstraint("vendor_id", "id"),
        CheckConstraint("total_minor = subtotal_minor - discount_minor + fee_minor and total_minor >= 0", name="total"),
        Index("ticket_order_open_idx", "expires_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text, unique=True)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    state: Mapped[OrderState] = mapped_column(text_enum(OrderState, "state"), server_default="pending")
    currency: Mapped[str] = mapped_column(Text)
    subtotal_minor: Mapped[int] = mapped_column(BigInteger)
    """Sum of the lines' prices, tax included, fee not."""
    discount_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    """The tax contained in the subtotal less the discount."""
    total_minor: Mapped[int] = mapped_column(BigInteger)
    """What the buyer pays."""
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_by_payment: Mapped[UUID | None]
    """The one payment that paid it; any other capture is refunded."""
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, "channel"))
    referrer: Mapped[str | None] = mapped_column(Text)
    late_reclaim: Mapped[bool] = mapped_column(server_default=text("false"))
    """Confirmed after its hold had expired, because the places were still free."""


class OrderLine(Captured, Base):
    """One place for one person."""

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "line_no"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "order_id"], ["ticket_order.vendor_id", "ticket_order.id"]),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    order_id: Mapped[UUID]
    line_no: Mapped[int] = mapped_column(Integer)
    """From 1."""
    hold_id: Mapped[UUID]
    """The fence: settling takes the seat only from this hold."""
    event_id: Mapped[UUID] = mapped_column(index=True)
    ticket_type_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_type.id"))
    seat_no: Mapped[int | None] = mapped_column(Integer)
    pool_id: Mapped[UUID | None]
    price_minor: Mapped[int] = mapped_column(BigInteger)
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    discount_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    state: Mapped[LineState] = mapped_column(text_enum(LineState, "state"), server_default="pending")


class OrderEvent(Captured, Base):
    """What happened to an order, append-only."""

    __tablename__ = "order_event"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_order.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    """placed, payment_started, confirmed, late_reclaimed, expired, cancelled, refund_planned, refunded, reseated"""
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class OrderPromotion(Base):
    """A code or tracking link of an order: what it took off, and whether it counts as a use."""

    __tablename__ = "order_promotion"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "order_id"], ["ticket_order.vendor_id", "ticket_order.id"]),
        ForeignKeyConstraint(["vendor_id", "promotion_id"], ["promotion.vendor_id", "promotion.id"]),
        CheckConstraint("discount_minor >= 0", name="discount"),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    promotion_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    vendor_id: Mapped[UUID]
    discount_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    state: Mapped[UseState] = mapped_column(text_enum(UseState, "state"), server_default="counted")


class OrderPackage(Base):
    """What an order bought of a package. Whether it counts against the buyer's limit, the order's state says."""

    __tablename__ = "order_package"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "order_id"], ["ticket_order.vendor_id", "ticket_order.id"]),
        ForeignKeyConstraint(["vendor_id", "package_id"], ["package.vendor_id", "package.id"]),
        CheckConstraint("quantity > 0 and price_minor >= 0", name="amounts"),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    package_id: Mapped[UUID] = mapped_column(index=True)
    vendor_id: Mapped[UUID]
    quantity: Mapped[int] = mapped_column(Integer)
    """People."""
    price_minor: Mapped[int] = mapped_column(BigInteger)
    """What one of them paid for all events when it was sold, fees not included."""
