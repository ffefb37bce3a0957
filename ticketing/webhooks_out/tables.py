"""Outgoing webhooks: endpoints, what happened, its deliveries and their attempts. All rows are a vendor's."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.webhooks_out.rules import DeliveryState, WebhookEventKind


class WebhookEndpoint(Base):
    __tablename__ = "webhook_endpoint"
    __table_args__ = (UniqueConstraint("vendor_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret_version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """The secret itself is derived and nowhere kept."""
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until then the secret of the version before signs, too."""
    failures_in_row: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Deliveries given up since the last that was delivered."""
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class WebhookEvent(Base):
    """One thing that happened, as its vendor is told. `id` is the header `Webhook-Id`, the same in every attempt and replay."""

    __tablename__ = "webhook_event"
    __table_args__ = (UniqueConstraint("vendor_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    outbox_id: Mapped[int] = mapped_column(ForeignKey("outbox.id"), unique=True)
    kind: Mapped[WebhookEventKind] = mapped_column(text_enum(WebhookEventKind, "kind"))
    subject_id: Mapped[UUID]
    body: Mapped[str] = mapped_column(Text)
    """JSON, the very bytes that are signed; without personal data."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class WebhookDelivery(Base):
    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "endpoint_id"], ["webhook_endpoint.vendor_id", "webhook_endpoint.id"]),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["webhook_event.vendor_id", "webhook_event.id"]),
        Index("webhook_delivery_endpoint_id_id_idx", "endpoint_id", "id"),
        Index("webhook_delivery_open_idx", "next_try_at", postgresql_where=text("state in ('pending', 'sending')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    event_id: Mapped[UUID]
    state: Mapped[DeliveryState] = mapped_column(text_enum(DeliveryState, "state"), server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Of all rounds; a replay begins a new round."""
    attempts_left: Mapped[int] = mapped_column(Integer)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WebhookAttempt(Base):
    __tablename__ = "webhook_attempt"
    __table_args__ = (ForeignKeyConstraint(["vendor_id", "delivery_id"], ["webhook_delivery.vendor_id", "webhook_delivery.id"]),)

    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    vendor_id: Mapped[UUID]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[int | None] = mapped_column(Integer)
    """The answer's HTTP status; null when none came."""
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[str | None] = mapped_column(Text)
    """Its beginning."""
    detail: Mapped[str | None] = mapped_column(Text)
    """Why it counts as failed, in a few words."""
