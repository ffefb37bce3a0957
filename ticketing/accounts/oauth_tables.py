"""Programs that act for people and vendors, what they were granted, and accounts elsewhere that people sign in with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.foundation.db import Base, UtcDateTime
from ticketing.foundation.ids import new_id


class ApiClient(Base):
    """A program that a vendor has registered."""

    __tablename__ = "api_client"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    secret_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None: a public client, which can't keep a secret and acts for people only."""
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The most that it may ask for."""
    created_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OauthGrant(Base):
    """What a person has allowed a client once; its refresh tokens are a family that ends together."""

    __tablename__ = "oauth_grant"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """The code is made from it, and never stored."""
    client_id: Mapped[UUID] = mapped_column(ForeignKey("api_client.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    redirect_uri: Mapped[str] = mapped_column(Text)
    challenge: Mapped[str] = mapped_column(Text)
    """PKCE, S256."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    code_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    code_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshToken(Base):
    """Used once; its token is made from `id`, and never stored."""

    __tablename__ = "refresh_token"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grant.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    spent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    successor_id: Mapped[UUID | None]


class Identity(Base):
    """A person's account at another provider."""

    __tablename__ = "identity"

    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
