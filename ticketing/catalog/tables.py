"""Catalogue: venues and their layouts, events, ticket types, how an event may be paid."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.catalog.rules import ConfigurationKind, EventStatus, PaymentKind, SectionKind, Visibility
from ticketing.foundation.capture import Captured
from ticketing.foundation.db import Base, UtcDateTime, text_enum
from ticketing.foundation.ids import new_id


class Venue(Captured, Base):
    """A place; owned by a vendor, or shared (no vendor) and then read-only for vendors."""

    __tablename__ = "venue"
    __table_args__ = (UniqueConstraint("vendor_id", "source_key", postgresql_nulls_not_distinct=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID | None] = mapped_column(ForeignKey("vendor.id"))
    name: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    zone: Mapped[str] = mapped_column(Text)
    source_key: Mapped[str] = mapped_column(Text)
    """What makes it the same venue when it is imported again."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))


class Configuration(Base):
    """One way to set a venue up."""

    __tablename__ = "configuration"
    __table_args__ = (UniqueConstraint("venue_id", "vendor_id", "name"), UniqueConstraint("vendor_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[ConfigurationKind] = mapped_column(text_enum(ConfigurationKind, "kind"))


class Layout(Base):
    """One dated version of a configuration; never changed once published."""

    __tablename__ = "layout"
    __table_args__ = (
        UniqueConstraint("configuration_id", "version"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "configuration_id"], ["configuration.vendor_id", "configuration.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    configuration_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime)
    plan: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The seating plan as it was read, unknown parts included."""
    plan_digest: Mapped[bytes]
    """SHA-256 of the canonical plan: an unchanged plan makes no new version."""
    seat_count: Mapped[int] = mapped_column(Integer)
    standing_capacity: Mapped[int] = mapped_column(Integer)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Section(Base):
    """A block of seats, or a standing area."""

    __tablename__ = "section"
    __table_args__ = (UniqueConstraint("layout_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    layout_id: Mapped[UUID] = mapped_column(ForeignKey("layout.id"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[SectionKind] = mapped_column(text_enum(SectionKind, "kind"))
    capacity: Mapped[int] = mapped_column(Integer)
    """Seats, or standing places."""
    displayed: Mapped[bool] = mapped_column(server_default=text("true"))


class LayoutSeat(Base):
    """A named place. `seat_no` is the seat's in all versions of its configuration; `layouts.write_sections` gives the numbers."""

    __tablename__ = "layout_seat"
    __table_args__ = (UniqueConstraint("layout_id", "guid"),)

    layout_id: Mapped[UUID] = mapped_column(ForeignKey("layout.id"), primary_key=True)
    seat_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    section_id: Mapped[UUID] = mapped_column(ForeignKey("section.id"))
    row_label: Mapped[str] = mapped_column(Text)
    row_position: Mapped[int] = mapped_column(Integer)
    """Rows of a section, from the front, from 0."""
    seat_label: Mapped[str] = mapped_column(Text)
    seat_position: Mapped[int] = mapped_column(Integer)
    """Places of a row from 0; neighbours differ by 1."""
    x: Mapped[float] = mapped_column(REAL)
    y: Mapped[float] = mapped_column(REAL)
    """In the plan's units, from its upper left."""
    category: Mapped[str] = mapped_column(Text)
    accessible: Mapped[bool] = mapped_column(server_default=text("false"))
    companion_of: Mapped[int | None] = mapped_column(Integer)
    view_note: Mapped[str | None] = mapped_column(Text)
    guid: Mapped[str] = mapped_column(Text)
    """The plan's `seat_guid`."""


class Series(Base):
    """Events that are the same show on other nights."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("vendor_id", "source_key"), UniqueConstraint("vendor_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    title: Mapped[str] = mapped_column(Text)
    source_key: Mapped[str] = mapped_column(Text)


class Event(Captured, Base):
    """One dated performance in one layout."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("vendor_id", "source_key"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "layout_id"], ["layout.vendor_id", "layout.id"]),
        ForeignKeyConstraint(["vendor_id", "series_id"], ["series.vendor_id", "series.id"]),
        CheckConstraint("sales_open_at < sales_close_at", name="sales_window"),
        CheckConstraint("max_per_buyer > 0 and hold_seconds between 30 and 7200 and checkout_seconds >= hold_seconds", name="limits"),
        CheckConstraint("visibility <> 'public_from' or public_at is not null", name="public_at"),
        Index("event_public_idx", "starts_at", postgresql_where=text("status = 'published'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    layout_id: Mapped[UUID]
    series_id: Mapped[UUID | None]
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    category: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    local_start: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    """Wall time at the venue."""
    zone: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The instant of `local_start` in `zone`."""
    doors_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sales_open_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sales_close_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sales_paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    visibility: Mapped[Visibility] = mapped_column(text_enum(Visibility, "visibility"), server_default="public")
    public_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    max_per_buyer: Mapped[int] = mapped_column(Integer, server_default=text("10"))
    hold_seconds: Mapped[int] = mapped_column(Integer, server_default=text("600"))
    checkout_seconds: Mapped[int] = mapped_column(Integer, server_default=text("3600"))
    """Longest time from the first hold to the end of payment."""
    currency: Mapped[str] = mapped_column(Text)
    refund_policy: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    """`{"steps": [{"days_before": 7, "percent": 100}], "fee_refunded": false}`; empty: no refund on request."""
    status: Mapped[EventStatus] = mapped_column(text_enum(EventStatus, "status"), server_default="draft")
    source_key: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Counts the vendor's changes: who changes an event says which version they have seen."""
    access_types: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    """Ticket types that only an access code opens; promotions write it."""
    windowed_types: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    """Ticket types that are sold for a part of the event's sales only."""


class EventPostponement(Base):
    """A move of an event to another time. Its buyers are told of it, and what they may do about it hangs on it."""

    __tablename__ = "event_postponement"
    __table_args__ = (ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID] = mapped_column(index=True)
    from_local_start: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    to_local_start: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    """Wall times at the venue."""
    postponed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CatalogueVersion(Base):
    """Counts the transactions that changed a vendor's events, prices or venues; triggers write it. Shared venues count under 0."""

    __tablename__ = "catalogue_version"

    vendor_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class Artist(Base):
    __tablename__ = "artist"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text, unique=True)


class EventArtist(Base):
    __tablename__ = "event_artist"

    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), primary_key=True)
    artist_id: Mapped[UUID] = mapped_column(ForeignKey("artist.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)


class TicketType(Captured, Base):
    """A price category of an event. Buyers pay `price_minor + fee_minor`, shown as one figure."""

    __tablename__ = "ticket_type"
    __table_args__ = (
        UniqueConstraint("event_id", "name"),
        UniqueConstraint("vendor_id", "id"),
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        CheckConstraint("price_minor >= 0 and fee_minor >= 0 and tax_minor between 0 and price_minor", name="amounts"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID]
    event_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    """The vendor's price, tax included, fee not."""
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    """The platform's fee on top."""
    tax_rate_bps: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    """The tax contained in `price_minor`."""
    sales_open_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sales_close_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Narrow the event's own window."""


class TicketTypeSection(Base):
    """Which sections a ticket type sells; a section of one event has one type."""

    __tablename__ = "ticket_type_section"

    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), primary_key=True)
    section_id: Mapped[UUID] = mapped_column(ForeignKey("section.id"), primary_key=True)
    category: Mapped[str] = mapped_column(Text, primary_key=True, server_default="")
    """Only the seats of this category of the section; empty: all of them."""
    ticket_type_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_type.id"))


class PaymentAccount(Base):
    """One way in which a vendor is paid: an account at a payment provider, cash on arrival, or a bank transfer."""

    __tablename__ = "payment_account"
    __table_args__ = (
        UniqueConstraint("vendor_id", "id"),
        Index("payment_account_vendor_id_provider_idx", "vendor_id", "provider", unique=True, postgresql_where=text("removed_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    provider: Mapped[str] = mapped_column(Text)
    """Of a card; else the kind again."""
    account_ref: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("app_now()"))
    kind: Mapped[PaymentKind] = mapped_column(text_enum(PaymentKind, "kind"), server_default="card")
    label: Mapped[str] = mapped_column(Text, server_default=text("''"))
    instructions: Mapped[str] = mapped_column(Text, server_default=text("''"))
    """What buyers are told: where to pay on arrival, or how to transfer."""
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class EventPaymentMethod(Base):
    """How an event may be paid."""

    __tablename__ = "event_payment_method"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "event_id"], ["event.vendor_id", "event.id"]),
        ForeignKeyConstraint(["vendor_id", "payment_account_id"], ["payment_account.vendor_id", "payment_account.id"]),
    )

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_account_id: Mapped[UUID] = mapped_column(primary_key=True)
    vendor_id: Mapped[UUID]
