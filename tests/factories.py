"""Typed factories: rows with sensible defaults and overrides. They flush, they don't commit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from ticketing.accounts.rules import UserKind
from ticketing.accounts.tables import UserAccount, Vendor
from ticketing.catalog.rules import ConfigurationKind, EventStatus, SectionKind, platform_fee, tax_in_price
from ticketing.catalog.tables import (
    Configuration,
    Event,
    EventPaymentMethod,
    Layout,
    LayoutSeat,
    PaymentAccount,
    Section,
    TicketType,
    TicketTypeSection,
    Venue,
)
from ticketing.inventory.tables import EventSeat, Pool


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def make_vendor(session: Session, **overrides: Any) -> Vendor:
    vendor = Vendor(
        **{"slug": unique("vendor"), "name": "Vendor", "zone": "Europe/Berlin", "fee_bps": 500, "fee_fixed_minor": 50} | overrides
    )
    session.add(vendor)
    session.flush()
    session.add(PaymentAccount(vendor_id=vendor.id, provider="fake", account_ref=f"acct_{vendor.slug}"))
    session.flush()
    return vendor


def make_buyer(session: Session, **overrides: Any) -> UserAccount:
    buyer = UserAccount(**{"kind": UserKind.GUEST, "display_name": "Buyer"} | overrides)
    session.add(buyer)
    session.flush()
    return buyer


@dataclass(frozen=True)
class OnSale:
    """A published event: `seats` named seats (seat_no from 0, one section, rows of 10) and one standing pool of `places`."""

    vendor: Vendor
    event: Event
    seated_type: TicketType
    standing_type: TicketType
    pool: Pool
    seats: int


def make_hall(session: Session, *, vendor: Vendor, seats: int, places: int, now: datetime) -> tuple[Venue, Layout, Section, Section]:
    """A venue with a published layout: stalls with `seats`, a floor for `places`."""
    venue = Venue(vendor_id=vendor.id, name="Hall", city="Berlin", country="DE", zone="Europe/Berlin", source_key=unique("venue"))
    session.add(venue)
    session.flush()
    configuration = Configuration(vendor_id=vendor.id, venue_id=venue.id, name=unique("seated"), kind=ConfigurationKind.MIXED)
    session.add(configuration)
    session.flush()
    layout = Layout(
        vendor_id=vendor.id,
        configuration_id=configuration.id,
        version=1,
        valid_from=now - timedelta(days=365),
        plan={},
        plan_digest=b"",
        seat_count=seats,
        standing_capacity=places,
        published_at=now - timedelta(days=365),
    )
    session.add(layout)
    session.flush()
    stalls = Section(layout_id=layout.id, position=0, name="Stalls", kind=SectionKind.SEATED, capacity=seats)
    floor = Section(layout_id=layout.id, position=1, name="Floor", kind=SectionKind.STANDING, capacity=places)
    session.add_all([stalls, floor])
    session.flush()
    session.add_all(
        LayoutSeat(
            layout_id=layout.id,
            seat_no=n,
            section_id=stalls.id,
            row_label=chr(65 + n // 10 % 26),
            row_position=n // 10,
            seat_label=str(n % 10 + 1),
            seat_position=n % 10,
            x=float(n % 10 * 25),
            y=float(n // 10 * 30),
            category="Stalls",
            guid=f"s{n}",
        )
        for n in range(seats)
    )
    return venue, layout, stalls, floor


def ticket_type(event: Event, vendor: Vendor, *, name: str, position: int, price_minor: int) -> TicketType:
    """Not yet added; fee and tax as the product computes them (7 % tax)."""
    return TicketType(
        vendor_id=vendor.id,
        event_id=event.id,
        name=name,
        position=position,
        price_minor=price_minor,
        fee_minor=platform_fee(price_minor, fee_bps=vendor.fee_bps, fee_fixed_minor=vendor.fee_fixed_minor),
        tax_rate_bps=700,
        tax_minor=tax_in_price(price_minor, tax_rate_bps=700),
    )


def make_event_on_sale(
    session: Session,
    *,
    vendor: Vendor | None = None,
    seats: int = 50,
    places: int = 100,
    price_minor: int = 4_500,
    currency: str = "EUR",
    now: datetime | None = None,
    **overrides: Any,
) -> OnSale:
    now = now or datetime.now(UTC)
    vendor = vendor or make_vendor(session)
    venue, layout, stalls, floor = make_hall(session, vendor=vendor, seats=seats, places=places, now=now)
    starts_at = now + timedelta(days=30)
    event = Event(
        **{
            "vendor_id": vendor.id,
            "venue_id": venue.id,
            "layout_id": layout.id,
            "title": "Evening concert",
            "category": "concert",
            "local_start": starts_at.replace(tzinfo=None),
            "zone": "Europe/Berlin",
            "starts_at": starts_at,
            "sales_open_at": now - timedelta(days=1),
            "sales_close_at": starts_at,
            "currency": currency,
            "refund_policy": {"steps": [{"days_before": 2, "percent": 100}], "fee_refunded": False},
            "status": EventStatus.PUBLISHED,
            "published_at": now - timedelta(days=2),
        }
        | overrides
    )
    session.add(event)
    session.flush()

    seated_type = ticket_type(event, vendor, name="Stalls", position=0, price_minor=price_minor)
    standing_type = ticket_type(event, vendor, name="Floor", position=1, price_minor=price_minor // 2)
    session.add_all([seated_type, standing_type])
    session.flush()
    session.add_all(
        [
            TicketTypeSection(event_id=event.id, section_id=stalls.id, ticket_type_id=seated_type.id),
            TicketTypeSection(event_id=event.id, section_id=floor.id, ticket_type_id=standing_type.id),
        ]
    )
    pool = Pool(vendor_id=vendor.id, event_id=event.id, ticket_type_id=standing_type.id, section_id=floor.id, name="Floor", capacity=places)
    session.add(pool)
    session.add_all(EventSeat(event_id=event.id, seat_no=n, ticket_type_id=seated_type.id) for n in range(seats))
    account = session.query(PaymentAccount).filter_by(vendor_id=vendor.id, provider="fake").one()
    session.add(EventPaymentMethod(vendor_id=vendor.id, event_id=event.id, payment_account_id=account.id))
    session.flush()
    return OnSale(vendor=vendor, event=event, seated_type=seated_type, standing_type=standing_type, pool=pool, seats=seats)


def buyer_ids(session: Session, count: int) -> list[UUID]:
    return [make_buyer(session).id for _ in range(count)]
