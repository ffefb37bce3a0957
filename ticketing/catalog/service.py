"""Making the catalogue: venues, layouts, series, events, ticket types, how they are paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.plan import SeatingPlan, parse_plan
from ticketing.catalog.rules import ConfigurationKind, EventStatus, SectionKind, Visibility, platform_fee, tax_in_price
from ticketing.catalog.tables import (
    Artist,
    Configuration,
    Event,
    EventArtist,
    EventPaymentMethod,
    Layout,
    LayoutSeat,
    PaymentAccount,
    Section,
    Series,
    TicketType,
    TicketTypeSection,
    Venue,
)
from ticketing.foundation.clock import to_utc, zone
from ticketing.foundation.errors import Invalid, NotFound
from ticketing.foundation.ids import new_id
from ticketing.foundation.money import exponent

LONGEST_TITLE = 300


class PaymentAccountNotFound(NotFound):
    """The vendor has no account at this provider."""


def create_venue(
    session: Session, *, vendor_id: UUID | None, name: str, city: str, country: str | None, zone_name: str, source_key: str | None = None
) -> UUID:
    """A venue, or the one that was made with the same `source_key` before (by default name and city)."""
    zone(zone_name)
    key = source_key or f"{name}|{city}"
    found = session.execute(select(Venue.id).where(Venue.vendor_id.is_not_distinct_from(vendor_id), Venue.source_key == key)).scalar()
    if found is not None:
        return found
    venue = Venue(vendor_id=vendor_id, name=name, city=city, country=country, zone=zone_name, source_key=key)
    session.add(venue)
    session.flush()
    record(session, actor_id=None, action="venue.created", subject_id=venue.id)
    return venue.id


def create_layout(session: Session, *, vendor_id: UUID, venue_id: UUID, name: str, plan: SeatingPlan, now: datetime) -> UUID:
    """A published layout of the venue's configuration `name`; an unchanged plan gives the newest version again."""
    configuration_id = _configuration(session, vendor_id=vendor_id, venue_id=venue_id, name=name, plan=plan)
    newest = session.execute(
        select(Layout).where(Layout.configuration_id == configuration_id).order_by(Layout.version.desc()).limit(1)
    ).scalar()
    digest = plan.digest()
    if newest is not None and newest.plan_digest == digest:
        return newest.id
    layout = Layout(
        vendor_id=vendor_id,
        configuration_id=configuration_id,
        version=newest.version + 1 if newest else 1,
        valid_from=now,
        plan=plan.source,
        plan_digest=digest,
        seat_count=plan.seat_count,
        standing_capacity=plan.standing_capacity,
        published_at=now,
    )
    session.add(layout)
    session.flush()
    _write_sections(session, layout.id, plan)
    record(session, actor_id=None, action="layout.published", subject_id=layout.id)
    return layout.id


def _configuration(session: Session, *, vendor_id: UUID, venue_id: UUID, name: str, plan: SeatingPlan) -> UUID:
    same = (Configuration.venue_id == venue_id, Configuration.vendor_id == vendor_id, Configuration.name == name)
    found = session.execute(select(Configuration.id).where(*same)).scalar()
    if found is not None:
        return found
    if plan.seat_count and plan.standing_capacity:
        kind = ConfigurationKind.MIXED
    else:
        kind = ConfigurationKind.SEATED if plan.seat_count else ConfigurationKind.STANDING
    configuration = Configuration(vendor_id=vendor_id, venue_id=venue_id, name=name, kind=kind)
    session.add(configuration)
    session.flush()
    record(session, actor_id=None, action="configuration.created", subject_id=configuration.id)
    return configuration.id


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


def _write_sections(session: Session, layout_id: UUID, plan: SeatingPlan) -> None:
    sections: list[dict[str, Any]] = []
    seats: list[dict[str, Any]] = []
    for position, part in enumerate(plan.sections):
        section_id = new_id()
        values = {"name": part.name, "kind": part.kind, "capacity": part.capacity, "displayed": part.displayed}
        sections.append({"id": section_id, "layout_id": layout_id, "position": position, **values})
        first = len(seats)
        seats.extend(
            {
                "layout_id": layout_id,
                "seat_no": first + offset,
                "section_id": section_id,
                "row_label": seat.row_label,
                "row_position": seat.row_position,
                "seat_label": seat.seat_label,
                "seat_position": seat.seat_position,
                "x": seat.x,
                "y": seat.y,
                "category": seat.category,
                "guid": seat.guid,
            }
            for offset, seat in enumerate(part.seats)
        )
    session.execute(insert(Section), sections)
    if seats:
        session.execute(insert(LayoutSeat), seats)


def create_series(session: Session, *, vendor_id: UUID, title: str, source_key: str) -> UUID:
    """A series, or the one with this key."""
    found = session.execute(select(Series.id).where(Series.vendor_id == vendor_id, Series.source_key == source_key)).scalar()
    if found is not None:
        return found
    series = Series(vendor_id=vendor_id, title=title, source_key=source_key)
    session.add(series)
    session.flush()
    record(session, actor_id=None, action="series.created", subject_id=series.id)
    return series.id


@dataclass(frozen=True, slots=True)
class EventDraft:
    """What a vendor says of an event. `local_start` is wall time at the venue, without offset."""

    title: str
    category: str
    local_start: datetime
    zone: str
    currency: str
    sales_open_at: datetime
    sales_close_at: datetime | None = None
    """By default when it starts."""
    description: str = ""
    tags: tuple[str, ...] = ()
    doors_at: datetime | None = None
    visibility: Visibility = Visibility.PUBLIC
    public_at: datetime | None = None
    """When it becomes public; only with `Visibility.PUBLIC_FROM`."""
    max_per_buyer: int = 10
    hold_seconds: int = 600
    checkout_seconds: int = 3600
    refund_policy: dict[str, Any] | None = None
    source_key: str | None = None

    def check(self) -> None:
        """Raises `Invalid` naming the fields, `UnknownZone`, `UnknownCurrency`."""
        exponent(self.currency)
        starts_at = to_utc(self.local_start, self.zone)
        closes_at = self.sales_close_at or starts_at
        fields: dict[str, str] = {}
        if not 0 < len(self.title) <= LONGEST_TITLE:
            fields["title"] = f"1 to {LONGEST_TITLE} characters"
        for name in ("sales_open_at", "sales_close_at", "doors_at", "public_at"):
            instant: datetime | None = getattr(self, name)
            if instant is not None and instant.tzinfo is None:
                fields[name] = "needs a time zone"
        if not fields and self.sales_open_at >= closes_at:
            fields["sales_open_at"] = "must be before sales close"
        if not fields and self.doors_at is not None and self.doors_at > starts_at:
            fields["doors_at"] = "must not be after the start"
        if (self.visibility is Visibility.PUBLIC_FROM) != (self.public_at is not None):
            fields["public_at"] = "is given exactly with visibility public_from"
        if not 0 < self.max_per_buyer <= 1000:
            fields["max_per_buyer"] = "1 to 1000"
        if not 30 <= self.hold_seconds <= 7200 or self.checkout_seconds < self.hold_seconds:
            fields["hold_seconds"] = "30 to 7200, and not above checkout_seconds"
        if fields:
            raise Invalid(f"The event can't be: {', '.join(f'{name}: {why}' for name, why in fields.items())}.", fields=fields)


def create_event(
    session: Session, *, vendor_id: UUID, venue_id: UUID, layout_id: UUID, draft: EventDraft, series_id: UUID | None = None
) -> UUID:
    """A draft event. A start in a DST gap moves forward with the clock. Raises `Invalid`, `UnknownZone`, `UnknownCurrency`."""
    draft.check()
    starts_at = to_utc(draft.local_start, draft.zone)
    local_start = starts_at.astimezone(zone(draft.zone)).replace(tzinfo=None)
    event = Event(
        vendor_id=vendor_id,
        venue_id=venue_id,
        layout_id=layout_id,
        series_id=series_id,
        title=draft.title,
        description=draft.description,
        category=draft.category,
        tags=list(draft.tags),
        local_start=local_start,
        zone=draft.zone,
        starts_at=starts_at,
        doors_at=draft.doors_at,
        sales_open_at=draft.sales_open_at,
        sales_close_at=draft.sales_close_at or starts_at,
        visibility=draft.visibility,
        public_at=draft.public_at,
        max_per_buyer=draft.max_per_buyer,
        hold_seconds=draft.hold_seconds,
        checkout_seconds=draft.checkout_seconds,
        currency=draft.currency,
        refund_policy=draft.refund_policy if draft.refund_policy is not None else DEFAULT_REFUND_POLICY,
        source_key=draft.source_key,
    )
    session.add(event)
    session.flush()
    record(session, actor_id=None, action="event.created", subject_id=event.id)
    return event.id


DEFAULT_REFUND_POLICY: dict[str, Any] = {
    "steps": [{"days_before": 14, "percent": 100}, {"days_before": 2, "percent": 50}],
    "fee_refunded": False,
}


def add_artists(session: Session, *, event_id: UUID, artists: Sequence[tuple[str, str]]) -> None:
    """(name, role) in billing order; people are made once and found by name. A name given twice keeps its first role."""
    billed = dict(reversed(artists))
    names = list(dict.fromkeys(name for name, _ in artists))
    if not names:
        return
    # Names in one order everywhere, so that two imports at once wait for each other instead of deadlocking.
    made = [{"id": new_id(), "name": name} for name in sorted(names)]
    session.execute(postgresql.insert(Artist).on_conflict_do_nothing(), made)
    ids = {row.name: row.id for row in session.execute(select(Artist.name, Artist.id).where(Artist.name.in_(names)))}
    session.execute(
        insert(EventArtist),
        [{"event_id": event_id, "artist_id": ids[name], "role": billed[name], "position": n} for n, name in enumerate(names)],
    )


def price_layout(
    session: Session, *, vendor_id: UUID, event_id: UUID, layout_id: UUID, prices_minor: dict[str, int], tax_rate_bps: int = 0
) -> None:
    """A ticket type per category of the layout, in the order of `prices_minor` (category → price in minor units).

    Raises `Invalid` when a category of the layout has no price, or a price is negative.
    """
    fee_bps, fee_fixed_minor = session.execute(
        text("select fee_bps, fee_fixed_minor from vendor where id = :vendor"), {"vendor": vendor_id}
    ).one()
    seated = session.execute(select(LayoutSeat.section_id, LayoutSeat.category).where(LayoutSeat.layout_id == layout_id).distinct()).all()
    standing = session.execute(
        select(Section.id, Section.name).where(Section.layout_id == layout_id, Section.kind == SectionKind.STANDING)
    ).all()
    sold = {category for _, category in seated} | {name for _, name in standing}
    if missing := sorted(sold - prices_minor.keys()):
        raise Invalid(f"There is no price for {', '.join(missing)}.", fields={"prices": missing})
    if negative := sorted(category for category, price in prices_minor.items() if price < 0):
        raise Invalid(f"The price of {', '.join(negative)} is negative.", fields={"prices": negative})
    types = {category: new_id() for category in prices_minor if category in sold}
    rows = [
        {
            "id": type_id,
            "vendor_id": vendor_id,
            "event_id": event_id,
            "name": category,
            "position": position,
            "price_minor": prices_minor[category],
            "fee_minor": platform_fee(prices_minor[category], fee_bps=fee_bps, fee_fixed_minor=fee_fixed_minor),
            "tax_rate_bps": tax_rate_bps,
            "tax_minor": tax_in_price(prices_minor[category], tax_rate_bps=tax_rate_bps),
        }
        for position, (category, type_id) in enumerate(types.items())
    ]
    session.execute(insert(TicketType), rows)
    links = [{"event_id": event_id, "section_id": s, "category": c, "ticket_type_id": types[c]} for s, c in seated]
    links += [{"event_id": event_id, "section_id": s, "category": "", "ticket_type_id": types[name]} for s, name in standing]
    session.execute(insert(TicketTypeSection), links)


def connect_payment_account(session: Session, *, vendor_id: UUID, provider: str, account_ref: str) -> UUID:
    """The vendor's account at a provider, made or found."""
    found = session.execute(
        select(PaymentAccount.id).where(PaymentAccount.vendor_id == vendor_id, PaymentAccount.provider == provider)
    ).scalar()
    if found is not None:
        return found
    account = PaymentAccount(vendor_id=vendor_id, provider=provider, account_ref=account_ref)
    session.add(account)
    session.flush()
    record(session, actor_id=None, action="payment_account.connected", subject_id=account.id)
    return account.id


def allow_payment(session: Session, *, vendor_id: UUID, event_id: UUID, provider: str) -> None:
    """Let an event be paid through the vendor's account at `provider`; raises `PaymentAccountNotFound`."""
    account_id = session.execute(
        select(PaymentAccount.id).where(PaymentAccount.vendor_id == vendor_id, PaymentAccount.provider == provider)
    ).scalar()
    if account_id is None:
        raise PaymentAccountNotFound(f"The vendor has no account at {provider}.", provider=provider)
    session.merge(EventPaymentMethod(vendor_id=vendor_id, event_id=event_id, payment_account_id=account_id))
    session.flush()


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
