"""A vendor's own events: read with everything that can be set, made, changed, one version after the other.

All of it runs in transactions of the role `vendor`: other vendors' rows are there only as far as everybody may see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.rules import NEVER_PUBLIC, EventStatus, Visibility, platform_fee, tax_in_price
from ticketing.catalog.service import (
    EventDraft,
    add_artists,
    check_prices,
    create_event,
    event_columns,
    price_layout,
    priced_parts,
)
from ticketing.catalog.tables import Artist, Configuration, Event, EventArtist, EventPaymentMethod, Layout, PaymentAccount, TicketType
from ticketing.foundation.errors import Conflict, Invalid, NotFound, TicketingError
from ticketing.foundation.openapi import WallTime

CHANGEABLE = frozenset({EventStatus.DRAFT, EventStatus.PUBLISHED, EventStatus.POSTPONED})
FIXED_ONCE_PUBLISHED = ("local_start", "zone", "currency", "refund_policy")
"""What buyers have agreed to. Another time is a postponement."""
DRAFT_FIELDS = tuple(field.name for field in fields(EventDraft))
MOST_EVENTS = 500


class EventUnknown(NotFound):
    """No such event, or another vendor's."""


class EventVersionChanged(TicketingError):
    """Somebody has changed the event since: `details["version"]` is the present version. Nothing was changed."""

    status: ClassVar[int] = 412


class EventFixed(Conflict):
    """The event is published, over or cancelled: this can't be changed any more."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a place of one category costs, in minor units; tax included, the platform's fee not."""

    category: str
    price_minor: int
    tax_rate_bps: int


@dataclass(frozen=True, slots=True)
class BilledArtist:
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class EventSetup:
    """An event with everything its vendor sets."""

    id: UUID
    vendor_id: UUID
    venue_id: UUID
    layout_id: UUID
    status: EventStatus
    version: int
    title: str
    description: str
    category: str
    tags: list[str]
    local_start: WallTime
    zone: str
    starts_at: datetime
    doors_at: datetime | None
    sales_open_at: datetime
    sales_close_at: datetime
    sales_paused_at: datetime | None
    """Since when nothing is sold for the time being."""
    visibility: Visibility
    public_at: datetime | None
    max_per_buyer: int
    hold_seconds: int
    checkout_seconds: int
    currency: str
    refund_policy: dict[str, Any]
    artists: list[BilledArtist]
    prices: list[Price]
    payment_providers: list[str]


@dataclass(frozen=True, slots=True)
class OwnEvents:
    events: list[EventSetup]


def list_own_events(session: Session, *, vendor_id: UUID) -> OwnEvents:
    """The vendor's events, drafts and withdrawn ones included, latest start first; at most `MOST_EVENTS`."""
    found = select(Event).where(Event.vendor_id == vendor_id).order_by(Event.starts_at.desc(), Event.id).limit(MOST_EVENTS)
    return OwnEvents(_setups(session, session.execute(found).scalars().all()))


def read_own_event(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID) -> EventSetup:
    """Raises `EventUnknown`, also for another vendor's."""
    found = select(Event).where(Event.id == event_id, Event.vendor_id.in_(vendor_ids)).execution_options(populate_existing=True)
    event = session.execute(found).scalar_one_or_none()
    if event is None:
        raise EventUnknown("There is no such event.", event_id=event_id)
    return _setups(session, [event])[0]


def create_own_event(
    session: Session,
    *,
    vendor_id: UUID,
    layout_id: UUID,
    draft: EventDraft,
    artists: Sequence[BilledArtist],
    prices: Sequence[Price],
    actor_id: UUID,
) -> EventSetup:
    """A draft in one of the vendor's published layouts, payable through each of the vendor's accounts.

    Raises `Invalid` naming the fields.
    """
    place = (
        select(Configuration.venue_id)
        .join(Layout, Layout.configuration_id == Configuration.id)
        .where(Layout.id == layout_id, Layout.vendor_id == vendor_id, Layout.published_at.is_not(None))
    )
    venue_id = session.execute(place).scalar_one_or_none()
    if venue_id is None:
        raise Invalid("There is no such layout.", fields={"layout_id": "is no published layout of this vendor"})
    event_id = create_event(session, vendor_id=vendor_id, venue_id=venue_id, layout_id=layout_id, draft=draft, actor_id=actor_id)
    add_artists(session, event_id=event_id, artists=[(artist.name, artist.role) for artist in artists])
    if prices:
        _price(session, vendor_id=vendor_id, event_id=event_id, layout_id=layout_id, prices=prices)
    living = select(PaymentAccount.id).where(PaymentAccount.vendor_id == vendor_id, PaymentAccount.removed_at.is_(None))
    accounts = session.execute(living).scalars()
    session.add_all(EventPaymentMethod(vendor_id=vendor_id, event_id=event_id, payment_account_id=account) for account in accounts)
    session.flush()
    return read_own_event(session, vendor_ids=[vendor_id], event_id=event_id)


def change_own_event(
    session: Session,
    *,
    vendor_ids: Sequence[UUID],
    event_id: UUID,
    version: int | None,
    changes: Mapping[str, Any],
    artists: Sequence[BilledArtist] | None,
    prices: Sequence[Price] | None,
    actor_id: UUID,
) -> EventSetup:
    """Set what `changes` names (fields of `EventDraft`), and artists and prices where they are given.

    `version` is the one the caller has seen; None overwrites any. Raises `EventUnknown`, `EventVersionChanged`, `EventFixed`, `Invalid`.
    """
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=version)
    if event.status not in CHANGEABLE:
        raise EventFixed(f"The event is {event.status.value}: it can't be changed any more.", event_id=event_id)
    before = draft_of(event)
    after = replace(before, **changes)
    if after.currency != before.currency and prices is None:
        raise Invalid("Prices are of one currency: give new ones with it.", fields={"currency": "needs prices beside it"})
    if event.status is not EventStatus.DRAFT:
        _check_fixed(session, event, before, after, prices)
        prices = None
    values = event_columns(after)
    session.execute(update(Event).where(Event.id == event_id).values(**values, version=Event.version + 1))
    if artists is not None:
        session.execute(delete(EventArtist).where(EventArtist.event_id == event_id))
        add_artists(session, event_id=event_id, artists=[(artist.name, artist.role) for artist in artists])
    if prices is not None:
        _price(session, vendor_id=event.vendor_id, event_id=event_id, layout_id=event.layout_id, prices=prices)
    record(session, actor_id=actor_id, action="event.changed", subject_id=event_id)
    return read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)


def draft_of(event: Event) -> EventDraft:
    """The event as its vendor has set it; sales that end at the start follow it."""
    draft = EventDraft(**{name: getattr(event, name) for name in DRAFT_FIELDS} | {"tags": tuple(event.tags)})
    return replace(draft, sales_close_at=None) if draft.sales_close_at == event.starts_at else draft


def lock_own_event(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, version: int | None) -> Event:
    """The event's row, locked, if it is the vendors' and of this version. Raises `EventUnknown`, `EventVersionChanged`."""
    # Not against the foreign keys of new holds: whoever changes an event must not make its buyers wait.
    found = select(Event).where(Event.id == event_id, Event.vendor_id.in_(vendor_ids)).with_for_update(key_share=True)
    event = session.execute(found.execution_options(populate_existing=True)).scalar_one_or_none()
    if event is None:
        raise EventUnknown("There is no such event.", event_id=event_id)
    if version is not None and event.version != version:
        raise EventVersionChanged("The event has been changed meanwhile: read it again.", event_id=event_id, version=event.version)
    return event


def find_owner_of_hidden_event(session: Session, *, event_id: UUID) -> UUID | None:
    """Whose event it is, when nobody else may see it."""
    return session.execute(select(Event.vendor_id).where(Event.id == event_id, Event.status.in_(NEVER_PUBLIC))).scalar_one_or_none()


def _check_fixed(session: Session, event: Event, before: EventDraft, after: EventDraft, prices: Sequence[Price] | None) -> None:
    changed = [name for name in FIXED_ONCE_PUBLISHED if getattr(before, name) != getattr(after, name)]
    if prices is not None and sorted(prices, key=_category) != sorted(_prices(session, [event.id]).get(event.id, []), key=_category):
        changed.append("prices")
    if changed:
        problem = "can't be changed once the event is published"
        raise EventFixed(f"{', '.join(changed)} {problem}.", event_id=event.id, fields=dict.fromkeys(changed, problem))


def _category(price: Price) -> str:
    return price.category


def _price(session: Session, *, vendor_id: UUID, event_id: UUID, layout_id: UUID, prices: Sequence[Price]) -> None:
    """The first time ticket types are made; after that they are repriced, for their rows are never deleted."""
    amounts = {price.category: price.price_minor for price in prices}
    if unknown := sorted(amounts.keys() - {name for _, _, name in priced_parts(session, layout_id)}):
        raise Invalid(f"The layout has no {', '.join(unknown)}.", fields={"prices": [f"{name}: not in the layout" for name in unknown]})
    if session.execute(select(TicketType.id).where(TicketType.event_id == event_id).limit(1)).first() is None:
        price_layout(session, vendor_id=vendor_id, event_id=event_id, layout_id=layout_id, prices_minor=amounts)
    check_prices(amounts, {name for _, _, name in priced_parts(session, layout_id)})
    fee_bps, fee_fixed_minor = session.execute(
        text("select fee_bps, fee_fixed_minor from vendor where id = :vendor"), {"vendor": vendor_id}
    ).one()
    for position, price in enumerate(prices):
        session.execute(
            update(TicketType)
            .where(TicketType.event_id == event_id, TicketType.name == price.category)
            .values(
                position=position,
                price_minor=price.price_minor,
                fee_minor=platform_fee(price.price_minor, fee_bps=fee_bps, fee_fixed_minor=fee_fixed_minor),
                tax_rate_bps=price.tax_rate_bps,
                tax_minor=tax_in_price(price.price_minor, tax_rate_bps=price.tax_rate_bps),
            )
        )


def _prices(session: Session, event_ids: Sequence[UUID]) -> dict[UUID, list[Price]]:
    columns = (TicketType.event_id, TicketType.name, TicketType.price_minor, TicketType.tax_rate_bps)
    found: dict[UUID, list[Price]] = {}
    for row in session.execute(select(*columns).where(TicketType.event_id.in_(event_ids)).order_by(TicketType.position)):
        found.setdefault(row.event_id, []).append(Price(row.name, row.price_minor, row.tax_rate_bps))
    return found


def _setups(session: Session, events: Sequence[Event]) -> list[EventSetup]:
    ids = [event.id for event in events]
    prices = _prices(session, ids)
    artists: dict[UUID, list[BilledArtist]] = {}
    billed = select(EventArtist.event_id, Artist.name, EventArtist.role).join(Artist, Artist.id == EventArtist.artist_id)
    for row in session.execute(billed.where(EventArtist.event_id.in_(ids)).order_by(EventArtist.position)):
        artists.setdefault(row.event_id, []).append(BilledArtist(row.name, row.role))
    providers: dict[UUID, list[str]] = {}
    paid = select(EventPaymentMethod.event_id, PaymentAccount.provider).join(
        PaymentAccount, PaymentAccount.id == EventPaymentMethod.payment_account_id
    )
    for event_id, provider in session.execute(paid.where(EventPaymentMethod.event_id.in_(ids)).order_by(PaymentAccount.provider)):
        providers.setdefault(event_id, []).append(provider)
    plain = [field.name for field in fields(EventSetup) if field.name not in ("artists", "prices", "payment_providers")]
    return [
        EventSetup(
            **{name: getattr(event, name) for name in plain},
            artists=artists.get(event.id, []),
            prices=prices.get(event.id, []),
            payment_providers=providers.get(event.id, []),
        )
        for event in events
    ]
