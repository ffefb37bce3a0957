"""Browsing what is public: lists with filters and cursor pages, and one event with all it needs to be shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.errors import Malformed, NotFound
from ticketing.foundation.money import currencies_of_exponent
from ticketing.foundation.openapi import WallTime

MOST_PER_PAGE = 100
STAMP_SECONDS = 5
WHOLE, THOUSANDTHS = currencies_of_exponent(0), currencies_of_exponent(3)
MOST_KEY = Decimal("1e18")


class EventSort(StrEnum):
    """Soonest, cheapest, dearest, or most sold first."""

    DATE = "date"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"
    POPULARITY = "popularity"


class EventNotPublic(NotFound):
    """No such event, or it is not public."""


@dataclass(frozen=True, slots=True)
class EventCard:
    """An event in a list. Prices are all-in, in minor units of `currency`."""

    id: UUID
    title: str
    category: str
    local_start: WallTime
    zone: str
    starts_at: datetime
    venue_name: str
    city: str
    currency: str
    price_from_minor: int | None
    sales_open_at: datetime
    on_sale: bool


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[EventCard, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as its page shows it."""

    id: UUID
    vendor_id: UUID
    vendor_name: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    local_start: WallTime
    zone: str
    starts_at: datetime
    doors_at: datetime | None
    sales_open_at: datetime
    sales_close_at: datetime
    on_sale: bool
    status: str
    venue_name: str
    city: str
    country: str | None
    currency: str
    max_per_buyer: int
    refund_policy: dict[str, Any]
    artists: tuple[tuple[str, str], ...]
    """(name, role), in billing order."""
    providers: tuple[str, ...]
    other_nights: tuple[EventCard, ...]
    version: int
    """Goes up with each change by the vendor."""


ON_SALE = "(e.status = 'published' and e.sales_paused_at is null and e.sales_open_at <= :now and e.sales_close_at > :now)"
PUBLIC = "(e.visibility = 'public' or (e.visibility = 'public_from' and e.public_at <= :now))"
FOUND_BY_ADDRESS = "(e.status not in ('draft', 'withdrawn') and (e.visibility <> 'public_from' or e.public_at <= :now))"
"""What anybody may see who has the address: hidden events, too, and those that are over."""
CARD = f"""
select e.id, e.title, e.category, e.local_start, e.zone, e.starts_at, v.name, v.city, e.currency,
  (select min(t.price_minor + t.fee_minor) from ticket_type t where t.event_id = e.id), e.sales_open_at, {ON_SALE}
from event e join venue v on v.id = e.venue_id
"""
SMALLEST = "(select min(t.price_minor + t.fee_minor) from ticket_type t where t.event_id = e.id)"
MAJOR = f"({SMALLEST}::numeric / case when e.currency = any(:whole) then 1 when e.currency = any(:thousandths) then 1000 else 100 end)"
"""The lowest all-in price in major units: what people mean by a price, whatever the currency."""

SOLD = "(select event_id, count(*) as tickets from ticket where state <> 'cancelled' group by event_id)"
LAST = "1e15"
"""Behind everything: events without a price."""

SORT_KEYS = {
    EventSort.DATE: "extract(epoch from e.starts_at)",
    EventSort.PRICE_ASC: f"coalesce({MAJOR}, {LAST})",
    EventSort.PRICE_DESC: f"coalesce(-{MAJOR}, {LAST})",
    EventSort.POPULARITY: "-coalesce(sold.tickets, 0)",
}
"""Ascending, then by id: a page goes on behind the last key of the one before."""


def _list_sql(sort: EventSort) -> str:
    key = SORT_KEYS[sort]
    sold = f" left join {SOLD} sold on sold.event_id = e.id" if sort is EventSort.POPULARITY else ""
    return f"""{CARD.replace("from event e", f", {key} as sort_key from event e")}{sold}
where e.status = 'published' and {PUBLIC} and e.starts_at > :now
  and (cast(:city as text) is null or v.city = :city)
  and (cast(:category as text) is null or e.category = :category)
  and (cast(:search as text) is null or e.title ilike :search or v.name ilike :search
    or exists (select from event_artist ea join artist a on a.id = ea.artist_id where ea.event_id = e.id and a.name ilike :search))
  and (cast(:date_from as date) is null or e.local_start >= cast(:date_from as date))
  and (cast(:date_to as date) is null or e.local_start < cast(:date_to as date) + 1)
  and (cast(:price_min as numeric) is null or {MAJOR} >= :price_min)
  and (cast(:price_max as numeric) is null or {MAJOR} <= :price_max)
  and (cast(:after as numeric) is null or ({key}, e.id) > (cast(:after as numeric), :after_id))
order by {key}, e.id
limit :limit
"""


@dataclass(frozen=True, slots=True)
class CatalogueState:
    """What answers about the catalogue are made from."""

    stamp: str
    """Another one after every change, and every `STAMP_SECONDS`: what is on sale is a matter of time, too."""
    now: datetime


def read_catalogue_state(session: Session) -> CatalogueState:
    """The present state. What is read after it, in the same transaction, is of this state or newer."""
    row = session.execute(text("select coalesce(sum(version), 0) as version, app_now() as now from catalogue_version")).one()
    return CatalogueState(f"{row.version}:{int(row.now.timestamp() // STAMP_SECONDS)}", row.now)


def list_events(
    session: Session,
    *,
    now: datetime,
    search: str | None = None,
    city: str | None = None,
    category: str | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    price_min: Decimal | None = None,
    price_max: Decimal | None = None,
    sort: EventSort = EventSort.DATE,
    cursor: str | None = None,
    limit: int = 24,
) -> EventPage:
    """Public events to come. `search` looks in title, venue and artists; dates are the venue's, both included; prices are all-in,
    of the cheapest place, in major units of the event's own currency.

    Raises `Malformed` for a cursor that is not of this sort, and for a NUL character, which PostgreSQL's text can't hold.
    """
    if any("\0" in (value or "") for value in (search, city, category)):
        raise Malformed("A filter holds a NUL character.")
    after, after_id = _read_cursor(cursor, sort) if cursor else (None, None)
    limit = max(1, min(limit, MOST_PER_PAGE))
    parameters = {
        "now": now,
        "search": _like(search) if search and search.strip() else None,
        "city": city or None,
        "category": category or None,
        "date_from": date_from,
        "date_to": date_to,
        "price_min": price_min,
        "price_max": price_max,
        "whole": WHOLE,
        "thousandths": THOUSANDTHS,
        "after": after,
        "after_id": after_id,
        "limit": limit + 1,
    }
    rows = session.execute(text(_list_sql(sort)), parameters).all()
    events = tuple(EventCard(*row[:-1]) for row in rows[:limit])
    return EventPage(events, _cursor(sort, rows[limit - 1].sort_key, events[-1].id) if len(rows) > limit else None)


def _like(search: str) -> str:
    literal = search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def _cursor(sort: EventSort, key: Decimal, event_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{sort.value}|{key}|{event_id}".encode()).decode()


def _read_cursor(cursor: str, sort: EventSort) -> tuple[Decimal, UUID]:
    try:
        name, key, event_id = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        after = Decimal(key)
        if name != sort.value or not after.is_finite() or abs(after) > MOST_KEY:
            raise ValueError(name)
        return after, UUID(event_id)
    except (ValueError, binascii.Error, InvalidOperation) as error:
        raise Malformed("This page address is not one of ours: start again from the first page.") from error


def list_cards(session: Session, *, event_ids: Collection[UUID], now: datetime) -> list[EventCard]:
    """These events as lists show them, in no order."""
    return [EventCard(*row) for row in session.execute(text(f"{CARD} where e.id = any(:events)"), {"events": list(event_ids), "now": now})]


def list_filters(session: Session, *, now: datetime) -> tuple[list[str], list[str]]:
    """(cities, categories) that have public events to come."""
    rows = session.execute(
        text(
            "select distinct v.city, e.category from event e join venue v on v.id = e.venue_id"
            f" where e.status = 'published' and {PUBLIC} and e.starts_at > :now"
        ),
        {"now": now},
    ).all()
    return sorted({row.city for row in rows}), sorted({row.category for row in rows})


def get_event(session: Session, *, event_id: UUID, now: datetime, member_of: Collection[UUID] = ()) -> EventView:
    """One event that was ever public (also when it is over or cancelled); hidden ones are found by who has the address, and
    drafts by the members of their vendor.

    Raises `EventNotPublic`.
    """
    row = session.execute(
        text(f"""
select e.id, e.vendor_id, vd.name as vendor_name, e.title, e.description, e.category, e.tags, e.local_start, e.zone, e.starts_at,
  e.doors_at, e.sales_open_at, e.sales_close_at, {ON_SALE} as on_sale, e.status,
  v.name as venue_name, v.city, v.country, e.currency, e.max_per_buyer,
  e.refund_policy, e.series_id, e.version,
  array(select array[a.name, ea.role] from event_artist ea join artist a on a.id = ea.artist_id
    where ea.event_id = e.id order by ea.position) as artists,
  array(select p.provider from event_payment_method m join payment_account p on p.id = m.payment_account_id
    where m.event_id = e.id order by p.provider) as providers
from event e join venue v on v.id = e.venue_id join vendor vd on vd.id = e.vendor_id
where e.id = :event and ({FOUND_BY_ADDRESS} or e.vendor_id = any(:members))
"""),
        {"event": event_id, "now": now, "members": list(member_of)},
    ).one_or_none()
    if row is None:
        raise EventNotPublic("There is no such event.", event_id=event_id)
    values = row._asdict()
    series_id, artists = values.pop("series_id"), values.pop("artists")
    nights: tuple[EventCard, ...] = ()
    if series_id is not None:
        where = f"where e.series_id = :series and e.id <> :event and e.status = 'published' and {PUBLIC} and e.starts_at > :now"
        found = session.execute(text(f"{CARD} {where} order by e.starts_at limit 12"), {"series": series_id, "event": event_id, "now": now})
        nights = tuple(EventCard(*night) for night in found)
    people = tuple((name, role) for name, role in artists)
    return EventView(
        **{**values, "tags": tuple(values["tags"]), "providers": tuple(values["providers"])}, artists=people, other_nights=nights
    )
