"""Making the catalogue: venues, layouts, series, events, ticket types, how they are paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.layouts import write_sections
from ticketing.catalog.plan import SeatingPlan
from ticketing.catalog.rules import ConfigurationKind, SectionKind, Visibility, platform_fee, tax_in_price
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
from ticketing.catalog.venues import insert_draft
from ticketing.foundation.clock import to_utc, zone
from ticketing.foundation.errors import Invalid, NotFound
from ticketing.foundation.ids import new_id
from ticketing.foundation.money import exponent

LONGEST_TITLE = 300


MOST_PRICE_MINOR = 10**12


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
        select(Layout)
        .where(Layout.configuration_id == configuration_id, Layout.published_at.is_not(None))
        .order_by(Layout.version.desc())
        .limit(1)
    ).scalar()
    if newest is not None and newest.plan_digest == plan.digest():
        return newest.id
    layout_id = insert_draft(session, vendor_id=vendor_id, configuration_id=configuration_id, plan=plan, valid_from=now)
    session.execute(update(Layout).where(Layout.id == layout_id).values(published_at=now))
    write_sections(session, layout_id=layout_id, configuration_id=configuration_id, plan=plan)
    record(session, actor_id=None, action="layout.published", subject_id=layout_id)
    return layout_id


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


@dataclass(frozen=True, slots=True)
class PlacedDraft:
    """A draft with where it takes place."""

    draft: EventDraft
    venue_id: UUID
    layout_id: UUID
    series_id: UUID | None = None


def create_event(
    session: Session,
    *,
    vendor_id: UUID,
    venue_id: UUID,
    layout_id: UUID,
    draft: EventDraft,
    series_id: UUID | None = None,
    actor_id: UUID | None = None,
) -> UUID:
    """A draft event. A start in a DST gap moves forward with the clock. Raises `Invalid`, `UnknownZone`, `UnknownCurrency`."""
    placed = PlacedDraft(draft, venue_id, layout_id, series_id)
    return create_events(session, vendor_id=vendor_id, drafts=[placed], actor_id=actor_id)[0]


def create_events(session: Session, *, vendor_id: UUID, drafts: Sequence[PlacedDraft], actor_id: UUID | None = None) -> list[UUID]:
    """`create_event` for many, in few statements; all of them or none."""
    rows = [_event_row(vendor_id, placed) for placed in drafts]
    if rows:
        session.execute(insert(Event), rows)
    for row in rows:
        record(session, actor_id=actor_id, action="event.created", subject_id=row["id"])
    return [row["id"] for row in rows]


def _event_row(vendor_id: UUID, placed: PlacedDraft) -> dict[str, Any]:
    place = {"venue_id": placed.venue_id, "layout_id": placed.layout_id, "series_id": placed.series_id}
    return {"id": new_id(), "vendor_id": vendor_id, **place, **event_columns(placed.draft)}


def event_columns(draft: EventDraft) -> dict[str, Any]:
    """A checked draft as columns of `event`; raises as `EventDraft.check` does."""
    draft.check()
    starts_at = to_utc(draft.local_start, draft.zone)
    return {
        "title": draft.title,
        "description": draft.description,
        "category": draft.category,
        "tags": list(draft.tags),
        "local_start": starts_at.astimezone(zone(draft.zone)).replace(tzinfo=None),
        "zone": draft.zone,
        "starts_at": starts_at,
        "doors_at": draft.doors_at,
        "sales_open_at": draft.sales_open_at,
        "sales_close_at": draft.sales_close_at or starts_at,
        "visibility": draft.visibility,
        "public_at": draft.public_at,
        "max_per_buyer": draft.max_per_buyer,
        "hold_seconds": draft.hold_seconds,
        "checkout_seconds": draft.checkout_seconds,
        "currency": draft.currency,
        "refund_policy": draft.refund_policy if draft.refund_policy is not None else DEFAULT_REFUND_POLICY,
        "source_key": draft.source_key,
    }


DEFAULT_REFUND_POLICY: dict[str, Any] = {
    "steps": [{"days_before": 14, "percent": 100}, {"days_before": 2, "percent": 50}],
    "fee_refunded": False,
}


def add_artists(session: Session, *, event_id: UUID, artists: Sequence[tuple[str, str]]) -> None:
    """(name, role) in billing order; people are made once and found by name. A name given twice keeps its first role."""
    bill_artists(session, billing={event_id: artists})


def bill_artists(session: Session, *, billing: Mapping[UUID, Sequence[tuple[str, str]]]) -> None:
    """`add_artists` for many events."""
    # Names in one order everywhere, so that two imports at once wait for each other instead of deadlocking.
    names = sorted({name for artists in billing.values() for name, _ in artists})
    if not names:
        return
    session.execute(postgresql.insert(Artist).on_conflict_do_nothing(), [{"id": new_id(), "name": name} for name in names])
    ids = {row.name: row.id for row in session.execute(select(Artist.name, Artist.id).where(Artist.name.in_(names)))}
    rows = []
    for event_id, artists in billing.items():
        first_roles = dict(reversed(artists))
        order = dict.fromkeys(name for name, _ in artists)
        rows += [
            {"event_id": event_id, "artist_id": ids[name], "role": first_roles[name], "position": position}
            for position, name in enumerate(order)
        ]
    session.execute(insert(EventArtist), rows)


@dataclass(frozen=True, slots=True)
class EventPrices:
    event_id: UUID
    layout_id: UUID
    prices_minor: Mapping[str, int]
    """By category, in the order in which they are shown."""
    tax_rate_bps: int = 0


def price_layout(
    session: Session, *, vendor_id: UUID, event_id: UUID, layout_id: UUID, prices_minor: Mapping[str, int], tax_rate_bps: int = 0
) -> None:
    """A ticket type per category of the layout, in the order of `prices_minor` (category → price in minor units).

    Raises `Invalid` when a category of the layout has no price, or a price is negative.
    """
    price_events(session, vendor_id=vendor_id, events=[EventPrices(event_id, layout_id, prices_minor, tax_rate_bps)])


def price_events(session: Session, *, vendor_id: UUID, events: Sequence[EventPrices]) -> None:
    """`price_layout` for many events, in few statements."""
    fee_bps, fee_fixed_minor = session.execute(
        text("select fee_bps, fee_fixed_minor from vendor where id = :vendor"), {"vendor": vendor_id}
    ).one()
    parts = {layout_id: priced_parts(session, layout_id) for layout_id in {event.layout_id for event in events}}
    rows: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for event in events:
        sold = {name for _, _, name in parts[event.layout_id]}
        check_prices(event.prices_minor, sold)
        types = {name: new_id() for name in event.prices_minor if name in sold}
        for position, (name, type_id) in enumerate(types.items()):
            price = event.prices_minor[name]
            rows.append(
                {
                    "id": type_id,
                    "vendor_id": vendor_id,
                    "event_id": event.event_id,
                    "name": name,
                    "position": position,
                    "price_minor": price,
                    "fee_minor": platform_fee(price, fee_bps=fee_bps, fee_fixed_minor=fee_fixed_minor),
                    "tax_rate_bps": event.tax_rate_bps,
                    "tax_minor": tax_in_price(price, tax_rate_bps=event.tax_rate_bps),
                }
            )
        links += [
            {"event_id": event.event_id, "section_id": section_id, "category": category, "ticket_type_id": types[name]}
            for section_id, category, name in parts[event.layout_id]
        ]
    if rows:
        session.execute(insert(TicketType), rows)
        session.execute(insert(TicketTypeSection), links)


def priced_parts(session: Session, layout_id: UUID) -> list[tuple[UUID, str, str]]:
    """(section, its category or '' for a standing one, the name it is priced by)"""
    seated = select(LayoutSeat.section_id, LayoutSeat.category).where(LayoutSeat.layout_id == layout_id).distinct()
    standing = select(Section.id, Section.name).where(Section.layout_id == layout_id, Section.kind == SectionKind.STANDING)
    return [
        *((section_id, category, category) for section_id, category in session.execute(seated)),
        *((section_id, "", name) for section_id, name in session.execute(standing)),
    ]


def check_prices(prices_minor: Mapping[str, int], sold: set[str]) -> None:
    if missing := sorted(sold - prices_minor.keys()):
        raise Invalid(f"There is no price for {', '.join(missing)}.", fields={"prices": missing})
    if odd := sorted(name for name, price in prices_minor.items() if not 0 <= price <= MOST_PRICE_MINOR):
        raise Invalid(f"The price of {', '.join(odd)} is negative or beyond every ticket.", fields={"prices": odd})


def connect_payment_account(session: Session, *, vendor_id: UUID, provider: str, account_ref: str) -> UUID:
    """The vendor's account at a provider, made or found."""
    found = session.execute(
        select(PaymentAccount.id).where(
            PaymentAccount.vendor_id == vendor_id, PaymentAccount.provider == provider, PaymentAccount.removed_at.is_(None)
        )
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
    allow_payments(session, vendor_id=vendor_id, event_ids=[event_id], provider=provider)


def allow_payments(session: Session, *, vendor_id: UUID, event_ids: Sequence[UUID], provider: str) -> None:
    """`allow_payment` for many events."""
    account_id = session.execute(
        select(PaymentAccount.id).where(
            PaymentAccount.vendor_id == vendor_id, PaymentAccount.provider == provider, PaymentAccount.removed_at.is_(None)
        )
    ).scalar()
    if account_id is None:
        raise PaymentAccountNotFound(f"The vendor has no account at {provider}.", provider=provider)
    rows = [{"vendor_id": vendor_id, "event_id": event_id, "payment_account_id": account_id} for event_id in event_ids]
    if rows:
        session.execute(postgresql.insert(EventPaymentMethod).on_conflict_do_nothing(), rows)
