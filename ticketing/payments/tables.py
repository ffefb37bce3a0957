"""Payments, refunds, what providers told us, and the ledger."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.capture import Captured
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id
from ticketing.payments.rules import JournalKind, LedgerAccount, PaymentState, RefundReason, RefundState


class Payment(Captured, Base):
    """Money asked from a provider for an order. The order's table is above this feature, so its id has no foreign key."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("vendor_id", "id"),
        UniqueConstraint("provider", "provider_ref"),
        ForeignKeyConstraint(["vendor_id", "payment_account_id"], ["payment_account.vendor_id", "payment_account.id"]),
        CheckConstraint("amount_minor >= 0 and captured_minor >= 0", name="amounts"),
        CheckConstraint("refund_reserved_minor between 0 and captured_minor", name="refund_reserved"),
        CheckConstraint("refunded_minor between 0 and refund_reserved_minor", name="refunded"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    order_id: Mapped[UUID] = mapped_column(index=True)
    provider: Mapped[str] = mapped_column(Text)
    payment_account_id: Mapped[UUID]
    provider_ref: Mapped[str | None] = mapped_column(Text)
    """The provider's id of the checkout session; null until the provider has answered."""
    state: Mapped[PaymentState] = mapped_column(text_enum(PaymentState, "state"), server_default="created")
    currency: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    captured_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    refund_reserved_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Refunds planned, sent, unknown and done."""
    refunded_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    redirect_url: Mapped[str | None] = mapped_column(Text)
    session_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    captured_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Refund(Captured, Base):
    """Money to give back for one payment; a single refund is a batch of one."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("batch_id", "payment_id"),
        ForeignKeyConstraint(["vendor_id", "payment_id"], ["payment.vendor_id", "payment.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("refund_open_idx", "id", postgresql_where=text("state in ('planned', 'sent', 'unknown', 'failed')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    batch_id: Mapped[UUID]
    payment_id: Mapped[UUID] = mapped_column(index=True)
    order_id: Mapped[UUID] = mapped_column(index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[RefundReason] = mapped_column(text_enum(RefundReason, "reason"))
    state: Mapped[RefundState] = mapped_column(text_enum(RefundState, "state"), server_default="planned")
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Part of the provider's key `refund_id:attempt`; rises only after a definite failure."""
    provider_ref: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[UUID | None]
    """Fences a worker that was frozen while another took over."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefundLine(Captured, Base):
    """What part of a refund is for which order line."""

    __tablename__ = "refund_line"

    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refund.id"), primary_key=True)
    order_line_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)


class RefundAttempt(Base):
    __tablename__ = "refund_attempt"

    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refund.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    outcome: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ProviderEvent(Base):
    """A webhook as it arrived, once per provider event."""

    __tablename__ = "provider_event"
    __table_args__ = (
        UniqueConstraint("provider", "event_key"),
        Index("provider_event_parked_idx", "received_at", postgresql_where=text("state = 'parked'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider: Mapped[str] = mapped_column(Text)
    event_key: Mapped[str] = mapped_column(Text)
    """The provider's event id, else the hash of the raw body."""
    kind: Mapped[str] = mapped_column(Text)
    payment_ref: Mapped[str | None] = mapped_column(Text)
    """The provider's payment reference it speaks of."""
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text)
    """settled, ignored (nothing to do), parked (could not be settled yet)"""
    tries: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    error: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class LedgerEntry(Captured, Base):
    """Double entry, append-only. The entries of a `journal_id` sum to zero per currency."""

    __tablename__ = "ledger_entry"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    journal_id: Mapped[UUID]
    journal_kind: Mapped[JournalKind] = mapped_column(text_enum(JournalKind, "journal_kind"))
    account: Mapped[LedgerAccount] = mapped_column(text_enum(LedgerAccount, "account"))
    vendor_id: Mapped[UUID]
    order_id: Mapped[UUID | None] = mapped_column(index=True)
    event_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    refund_id: Mapped[UUID | None]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    """Debit positive, credit negative."""
    currency: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
