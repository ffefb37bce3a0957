"""Finding again what a vendor has in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.catalog.plan import SeatingPlan, parse_plan
from ticketing.catalog.rules import EventStatus
from ticketing.catalog.tables import Configuration, Event, Layout, Venue


def find_layout(session: Session, *, vendor_id: UUID, venue_id: UUID) -> tuple[UUID, SeatingPlan] | None:
    """The vendor's layout of the venue that was published last, and its plan."""
    row = session.execute(
        select(Layout.id, Layout.plan)
        .join(Configuration, Configuration.id == Layout.configuration_id)
        .where(Configuration.venue_id == venue_id, Layout.vendor_id == vendor_id, Layout.published_at.is_not(None))
        .order_by(Layout.published_at.desc(), Layout.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.id, parse_plan(row.plan))


def find_venues(session: Session, *, vendor_id: UUID, name: str) -> list[tuple[UUID, str]]:
    """The vendor's venues of that name: (id, city)."""
    rows = session.execute(select(Venue.id, Venue.city).where(Venue.vendor_id == vendor_id, Venue.name == name).order_by(Venue.city))
    return [(row.id, row.city) for row in rows]


@dataclass(frozen=True, slots=True)
class ImportedEvent:
    id: UUID
    status: EventStatus
    sales_close_at: datetime


def find_imported_events(session: Session, *, vendor_id: UUID) -> dict[str, ImportedEvent]:
    """The vendor's events that came from elsewhere, by `source_key`."""
    columns = (Event.source_key, Event.id, Event.status, Event.sales_close_at)
    rows = session.execute(select(*columns).where(Event.vendor_id == vendor_id, Event.source_key.is_not(None)))
    return {key: ImportedEvent(event_id, status, closes_at) for key, event_id, status, closes_at in rows}


def find_vendor_of_event(session: Session, *, event_id: UUID) -> UUID | None:
    """Whose event it is."""
    return session.execute(select(Event.vendor_id).where(Event.id == event_id)).scalar_one_or_none()
