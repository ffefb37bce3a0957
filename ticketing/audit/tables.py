"""Audit: one entry per command, written in its transaction; seals chain committed entries afterwards."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Integer, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.capture import Xid8
from ticketing.foundation.db import Base, UtcDateTime


class AuditEntry(Base):
    """Append-only. Ids and a keyed digest of the request; no personal data."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"), index=True)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    actor_id: Mapped[UUID | None]
    """The account that acted; null: the system (a flow, a provider's webhook)."""
    action: Mapped[str] = mapped_column(Text)
    """`<subject>.<verb in the past>`, e.g. `order.placed`."""
    subject_id: Mapped[UUID]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditSeal(Base):
    """Covers the entries with `from_xid <= xid < to_xid`, in order of (xid, id)."""

    __tablename__ = "audit_seal"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_xid: Mapped[int] = mapped_column(Xid8)
    to_xid: Mapped[int] = mapped_column(Xid8)
    entries: Mapped[int] = mapped_column(Integer)
    merkle_root: Mapped[bytes] = mapped_column(LargeBinary)
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary)
    seal_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 over seq, range, count, root and previous hash."""
    key_id: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    """Ed25519 over `seal_hash`."""
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)
