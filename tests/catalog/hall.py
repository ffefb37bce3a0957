"""A small venue, and events in it, made through the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from tests.catalog.plans import SMALL_PRICES, small_plan
from tests.factories import make_vendor
from ticketing.catalog import service as catalog
from ticketing.catalog.plan import parse_plan

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Hall:
    vendor_id: UUID
    venue_id: UUID
    layout_id: UUID


def build_hall(session: Session) -> Hall:
    vendor = make_vendor(session)
    venue_id = catalog.create_venue(session, vendor_id=vendor.id, name="Small hall", city="Berlin", country="DE", zone_name="Europe/Berlin")
    layout_id = catalog.create_layout(
        session, vendor_id=vendor.id, venue_id=venue_id, name="Seated", plan=parse_plan(small_plan()), now=NOW
    )
    return Hall(vendor.id, venue_id, layout_id)


def draft(**overrides: Any) -> catalog.EventDraft:
    values = {
        "title": "Evening",
        "category": "Concert",
        "local_start": datetime.fromisoformat("2026-05-01T19:30"),
        "zone": "Europe/Berlin",
        "currency": "EUR",
        "sales_open_at": NOW - timedelta(days=1),
    }
    return catalog.EventDraft(**{**values, **overrides})


def build_event(
    session: Session, hall: Hall, *, series_id: UUID | None = None, prices_minor: Mapping[str, int] = SMALL_PRICES, **overrides: Any
) -> UUID:
    """A draft event with prices and a way to be paid."""
    event_id = catalog.create_event(
        session, vendor_id=hall.vendor_id, venue_id=hall.venue_id, layout_id=hall.layout_id, draft=draft(**overrides), series_id=series_id
    )
    catalog.price_layout(
        session, vendor_id=hall.vendor_id, event_id=event_id, layout_id=hall.layout_id, prices_minor=prices_minor, tax_rate_bps=700
    )
    catalog.allow_payment(session, vendor_id=hall.vendor_id, event_id=event_id, provider="fake")
    return event_id
