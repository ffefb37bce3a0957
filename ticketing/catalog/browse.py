"""Browsing what is public: lists with filters and cursor pages, and one event with all it needs to be shown."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.errors import Malformed, NotFound

MOST_PER_PAGE = 100


class EventNotPublic(NotFound):
    """No such event, or it is not public."""


@dataclass(frozen=True, slots=True)
class EventCard:
    """An event in a list. Prices are all-in, in minor units of `currency`."""

    id: UUID
    title: str
    category: str
    local_start: datetime
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
    local_start: datetime
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


ON_SALE = "(e.status = 'published' and e.sales_paused_at is null and e.sales_open_at <= :now and e.sales_close_at > :now)"
PUBLIC = "(e.visibility = 'public' or (e.visibility = 'public_from' and e.public_at <= :now))"
CARD = f"""
select e.id, e.title, e.category, e.local_start, e.zone, e.starts_at, v.name, v.city, e.currency,
  (select min(t.price_minor + t.fee_minor) from ticket_type t where t.event_id = e.id), e.sales_open_at, {ON_SALE}
from event e join venue v on v.id = e.venue_id
"""
LIST = f"""{CARD}
where e.status = 'published' and {PUBLIC} and e.starts_at > :now
  and (cast(:city as text) is null or v.city = :city)
  and (cast(:category as text) is null or e.category = :category)
  and (cast(:search as text) is null or e.title ilike :search or v.name ilike :search
    or exists (select from event_artist ea join artist a on a.id = ea.artist_id where ea.event_id = e.id and a.name ilike :search))
  and (e.starts_at, e.id) > (:after, :after_id)
order by e.starts_at, e.id
limit :limit
"""


def list_events(
    session: Session,
    *,
    now: datetime,
    search: str | None = None,
    city: str | None = None,
    category: str | None = None,
    cursor: str | None = None,
    limit: int = 24,
) -> EventPage:
    """Public events to come, soonest first. `search` looks in title, venue and artists.

    Raises `Malformed` for a bad cursor and for a NUL character, which PostgreSQL's text can't hold.
    """
    if any("\0" in (value or "") for value in (search, city, category)):
        raise Malformed("A filter holds a NUL character.")
    after, after_id = _read_cursor(cursor) if cursor else (now, UUID(int=0))
    pattern = _like(search) if search and search.strip() else None
    limit = max(1, min(limit, MOST_PER_PAGE))
    rows = session.execute(
        text(LIST),
        {
            "now": now,
            "search": pattern,
            "city": city or None,
            "category": category or None,
            "after": after,
            "after_id": after_id,
            "limit": limit + 1,
        },
    ).all()
    events = tuple(EventCard(*row) for row in rows[:limit])
    return EventPage(events, _cursor(events[-1]) if len(rows) > limit else None)


def _like(search: str) -> str:
    literal = search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def _cursor(event: EventCard) -> str:
    return base64.urlsafe_b64encode(f"{event.starts_at.isoformat()}|{event.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        instant, event_id = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        after = datetime.fromisoformat(instant)
        if after.tzinfo is None:
            raise ValueError("naive")
        return after, UUID(event_id)
    except (ValueError, binascii.Error) as error:
        raise Malformed("This page address is not one of ours: start again from the first page.") from error


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


def get_event(session: Session, *, event_id: UUID, now: datetime) -> EventView:
    """One event that was ever public (also when it is over or cancelled); hidden ones are found by who has the address.

    Raises `EventNotPublic`.
    """
    row = session.execute(
        text(f"""
select e.id, e.vendor_id, vd.name as vendor_name, e.title, e.description, e.category, e.tags, e.local_start, e.zone, e.starts_at,
  e.doors_at, e.sales_open_at, e.sales_close_at, {ON_SALE} as on_sale, e.status,
  v.name as venue_name, v.city, v.country, e.currency, e.max_per_buyer,
  e.refund_policy, e.series_id,
  array(select array[a.name, ea.role] from event_artist ea join artist a on a.id = ea.artist_id
    where ea.event_id = e.id order by ea.position) as artists,
  array(select p.provider from event_payment_method m join payment_account p on p.id = m.payment_account_id
    where m.event_id = e.id order by p.provider) as providers
from event e join venue v on v.id = e.venue_id join vendor vd on vd.id = e.vendor_id
where e.id = :event and e.status <> 'draft' and (e.visibility <> 'public_from' or e.public_at <= :now)
"""),
        {"event": event_id, "now": now},
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
