"""Accounts: people, how to reach them, vendors and their members, sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.accounts.rules import Audience, ContactKind, LinkPurpose, MemberRole, UserKind
from ticketing.foundation.capture import Captured
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id


class UserAccount(Base):
    __tablename__ = "user_account"
    __table_args__ = (Index("user_account_claimed_by_id_idx", "claimed_by_id", postgresql_where=text("claimed_by_id is not null")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    analytics_id: Mapped[UUID | None] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    """How the warehouse knows this person; random, nulled by erasure."""
    kind: Mapped[UserKind] = mapped_column(text_enum(UserKind, "kind"))
    display_name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text, server_default="en_GB")
    is_operator: Mapped[bool] = mapped_column(server_default=text("false"))
    is_analyst: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    """Of a guest: the account to which what they bought belongs since it proved the guest's address."""


class UserCredential(Base):
    __tablename__ = "user_credential"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class UserContact(Base):
    """E-mail addresses and phone numbers: encrypted; found by exact normalised value through the blind index."""

    __tablename__ = "user_contact"
    __table_args__ = (Index("user_contact_login_key", "blind_index", unique=True, postgresql_where=text("is_login")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    kind: Mapped[ContactKind] = mapped_column(text_enum(ContactKind, "kind"))
    value_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(Text)
    blind_index: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    is_login: Mapped[bool] = mapped_column(server_default=text("false"))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    in_use: Mapped[bool] = mapped_column(server_default=text("true"))
    """False for an address that is not confirmed yet, and for one that another has replaced."""


class Vendor(Captured, Base):
    __tablename__ = "vendor"
    __table_args__ = (CheckConstraint("fee_bps between 0 and 10000 and fee_fixed_minor >= 0", name="fees"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    zone: Mapped[str] = mapped_column(Text)
    """IANA zone in which this vendor's business days are counted."""
    fee_bps: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The platform's fee on top of the price, in ten-thousandths of it …"""
    fee_fixed_minor: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """… plus this per ticket, in the minor unit of the event's currency."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class VendorMember(Base):
    __tablename__ = "vendor_member"

    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True, index=True)
    role: Mapped[MemberRole] = mapped_column(text_enum(MemberRole, "role"))


class UserSession(Base):
    __tablename__ = "user_session"

    token_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, server_default=text("uuidv7()"))
    """What its owner names it by; the token stays secret."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    audience: Mapped[Audience] = mapped_column(text_enum(Audience, "audience"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str | None] = mapped_column(Text)


class AccountLink(Base):
    """A link that was mailed to somebody; its token is made from `id`, and never stored."""

    __tablename__ = "account_link"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("user_contact.id"))
    purpose: Mapped[LinkPurpose] = mapped_column(text_enum(LinkPurpose, "purpose"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LinkRequest(Base):
    """Somebody asked for a link. Whether an account has the address is looked up later, so that the answer can't tell."""

    __tablename__ = "link_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    blind_index: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[LinkPurpose] = mapped_column(text_enum(LinkPurpose, "purpose"))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
