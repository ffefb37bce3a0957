"""A vendor's packages: make, list, end, in transactions of the role `vendor`; and one as everybody sees it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.browse import FOUND_BY_ADDRESS, ON_SALE
from ticketing.foundation.errors import Invalid
from ticketing.foundation.openapi import WallTime
from ticketing.packages.rules import FEWEST_EVENTS, MOST_EVENTS, PackageState
from ticketing.packages.sale import PackageNotFound, price_places, state_of
from ticketing.packages.tables import Package, PackageEvent

NO_OTHER = "is there already: a package has one place at an event"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPackage:
    """What a vendor asks for; the price in minor units, for one person and all events, fees not included."""

    name: str
    price_minor: int | None
    percent: int | None
    currency: str
    events: Sequence[tuple[UUID, UUID]]
    """(event, ticket type), in the order in which they are shown."""
    max_per_buyer: int
    sales_open_at: datetime | None = None
    """Null: at once."""
    sales_close_at: datetime | None = None

    def check(self) -> None:
        """Raises `Invalid` for what no catalogue could make right, naming each field."""
        wrong: dict[str, str] = {}
        if (self.price_minor is None) == (self.percent is None):
            wrong["price"] = "either a price or a percentage off is needed, and not both"
        if not FEWEST_EVENTS <= len(self.events) <= MOST_EVENTS:
            wrong["events"] = f"are {FEWEST_EVENTS} to {MOST_EVENTS}"
        seen: set[UUID] = set()
        for number, (event_id, _) in enumerate(self.events):
            if event_id in seen:
                wrong[f"events.{number}.event_id"] = NO_OTHER
            seen.add(event_id)
        if self.sales_open_at and self.sales_close_at and self.sales_close_at <= self.sales_open_at:
            wrong["sales_close_at"] = "must be later than sales_open_at"
        if wrong:
            raise Invalid("This package is not acceptable.", fields=wrong)


@dataclass(frozen=True, slots=True)
class PackagedEvent:
    """One event of a package; amounts in minor units for one person."""

    event_id: UUID
    event_title: str
    local_start: WallTime
    zone: str
    starts_at: datetime
    venue_name: str
    city: str
    ticket_type_id: UUID
    ticket_type_name: str
    single_minor: int
    """What the ticket costs on its own, fee included."""
    share_minor: int
    """What of the package's `total_minor` falls on this event, fee included: what a refund is reckoned from."""
    on_sale: bool
    """Whether the event's own sales are open: a package is sold while all of them are."""


@dataclass(frozen=True, slots=True)
class PackageView:
    """Amounts in minor units of `currency`, for one person and all events."""

    id: UUID
    vendor_id: UUID
    name: str
    state: PackageState
    currency: str
    percent: int | None
    """Off the single prices; null: the package has a price of its own."""
    price_minor: int
    """Tax included, fees not."""
    fee_minor: int
    total_minor: int
    """All-in: what one person pays."""
    singles_minor: int
    """All-in: what the single tickets would cost."""
    sales_open_at: datetime
    sales_close_at: datetime | None
    """Null: as long as all of its events are on sale."""
    max_per_buyer: int
    events: tuple[PackagedEvent, ...]
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Packages:
    packages: list[PackageView]
    next_cursor: UUID | None


def create_package(session: Session, *, vendor_id: UUID, new: NewPackage, actor_id: UUID, now: datetime) -> PackageView:
    """A new package, which `new.check` has let through.

    Raises `Invalid` naming each event or ticket type that is not the vendor's, has begun, is not published or is sold in another
    currency; a price that is more than the single tickets make; a window that is over.
    """
    opens_at = new.sales_open_at or now
    wrong = _wrong_events(session, vendor_id=vendor_id, new=new, now=now)
    if new.sales_close_at is not None and new.sales_close_at <= max(now, opens_at):
        wrong["sales_close_at"] = "is over, or not later than its beginning"
    if wrong:
        raise Invalid("This package is not acceptable.", fields=wrong)
    package = Package(
        vendor_id=vendor_id,
        name=new.name,
        price_minor=new.price_minor,
        percent=new.percent,
        currency=new.currency,
        sales_open_at=opens_at,
        sales_close_at=new.sales_close_at,
        max_per_buyer=new.max_per_buyer,
        created_at=now,
    )
    session.add(package)
    session.flush()
    session.add_all(
        PackageEvent(package_id=package.id, event_id=event_id, vendor_id=vendor_id, ticket_type_id=type_id, position=position)
        for position, (event_id, type_id) in enumerate(new.events)
    )
    session.flush()
    session.refresh(package)
    (view,) = _views(session, [package], now=now)
    if not view.price_minor > 0 or (new.price_minor is not None and new.price_minor != view.price_minor):
        field = "price" if new.percent is None else "percent"
        raise Invalid("This package is not acceptable.", fields={field: "makes nothing, or more than the single tickets together"})
    record(session, actor_id=actor_id, action="package.created", subject_id=package.id)
    return view


CATALOGUE = """
select e.id, e.currency, e.status, e.starts_at, e.access_types, array(select t.id from ticket_type t where t.event_id = e.id) as types
from event e where e.id = any(:events) and e.vendor_id = :vendor
"""


def _wrong_events(session: Session, *, vendor_id: UUID, new: NewPackage, now: datetime) -> dict[str, str]:
    ids = [event_id for event_id, _ in new.events]
    known = {row.id: row for row in session.execute(text(CATALOGUE), {"events": ids, "vendor": vendor_id})}
    wrong: dict[str, str] = {}
    for number, (event_id, type_id) in enumerate(new.events):
        if why := _why_not(known.get(event_id), new.currency, now):
            wrong[f"events.{number}.event_id"] = why
        elif type_id not in known[event_id].types:
            wrong[f"events.{number}.ticket_type_id"] = "is not of this event"
        elif type_id in known[event_id].access_types:
            wrong[f"events.{number}.ticket_type_id"] = "needs an access code"
    return wrong


def _why_not(event: Any, currency: str, now: datetime) -> str | None:
    if event is None:
        return "is no event of this vendor"
    if event.status != "published":
        return "is not published"
    if event.starts_at <= now:
        return "has begun, or is over"
    return None if event.currency == currency else "is sold in another currency"


def list_packages(session: Session, *, vendor_ids: Sequence[UUID], now: datetime, before: UUID | None = None, limit: int = 50) -> Packages:
    """The vendors' packages, newest first; `before`: those older than this one."""
    wanted = select(Package).where(Package.vendor_id.in_(vendor_ids)).order_by(Package.id.desc()).limit(limit + 1)
    if before is not None:
        wanted = wanted.where(Package.id < before)
    found = session.execute(wanted).scalars().all()
    views = _views(session, found[:limit], now=now)
    return Packages(views, views[-1].id if len(found) > limit else None)


SHOWN = f"""
select bool_and({FOUND_BY_ADDRESS}) from package_event p join event e on e.id = p.event_id where p.package_id = :package
"""


def get_package(session: Session, *, package_id: UUID, now: datetime, member_of: Collection[UUID] = ()) -> PackageView:
    """A package as anybody sees it who has its address; one with an event that is not public yet, as its vendor's members do.

    Raises `PackageNotFound`.
    """
    package = session.get(Package, package_id)
    shown = session.execute(text(SHOWN), {"package": package_id, "now": now}).scalar_one()
    if package is None or not (shown or package.vendor_id in member_of):
        raise PackageNotFound("There is no such package.", package_id=package_id)
    return _views(session, [package], now=now)[0]


def end_package(session: Session, *, vendor_ids: Sequence[UUID], package_id: UUID, actor_id: UUID, now: datetime) -> PackageView:
    """Nobody can buy it any more; what was ordered stays. Ended again, nothing changes. Raises `PackageNotFound`."""
    found = select(Package).where(Package.id == package_id, Package.vendor_id.in_(vendor_ids)).with_for_update()
    package = session.execute(found).scalar_one_or_none()
    if package is None:
        raise PackageNotFound("There is no such package.", package_id=package_id)
    if package.ended_at is None:
        package.ended_at = now
        session.flush()
        record(session, actor_id=actor_id, action="package.ended", subject_id=package_id)
    return _views(session, [package], now=now)[0]


EVENTS = f"""
select p.package_id, e.id as event_id, e.title, e.local_start, e.zone, e.starts_at, v.name as venue_name, v.city,
  t.id as ticket_type_id, t.name as ticket_type_name, t.price_minor, t.fee_minor, t.tax_minor, {ON_SALE} as on_sale
from package_event p
join event e on e.id = p.event_id
join venue v on v.id = e.venue_id
join ticket_type t on t.id = p.ticket_type_id
where p.package_id = any(:packages)
order by p.package_id, p.position
"""


def _views(session: Session, packages: Sequence[Package], *, now: datetime) -> list[PackageView]:
    events: dict[UUID, list[Any]] = {package.id: [] for package in packages}
    for row in session.execute(text(EVENTS), {"packages": list(events), "now": now}):
        events[row.package_id].append(row)
    return [_view(package, events[package.id], now) for package in packages]


def _view(package: Package, rows: list[Any], now: datetime) -> PackageView:
    price, reduced = price_places(rows, price_minor=package.price_minor, percent=package.percent)
    fee = sum(place.fee_minor for place in reduced)
    events = tuple(
        PackagedEvent(
            event_id=row.event_id,
            event_title=row.title,
            local_start=row.local_start,
            zone=row.zone,
            starts_at=row.starts_at,
            venue_name=row.venue_name,
            city=row.city,
            ticket_type_id=row.ticket_type_id,
            ticket_type_name=row.ticket_type_name,
            single_minor=row.price_minor + row.fee_minor,
            share_minor=row.price_minor - place.discount_minor + place.fee_minor,
            on_sale=row.on_sale,
        )
        for row, place in zip(rows, reduced, strict=True)
    )
    return PackageView(
        id=package.id,
        vendor_id=package.vendor_id,
        name=package.name,
        state=state_of(opens_at=package.sales_open_at, closes_at=package.sales_close_at, ended_at=package.ended_at, now=now),
        currency=package.currency,
        percent=package.percent,
        price_minor=price,
        fee_minor=fee,
        total_minor=price + fee,
        singles_minor=sum(event.single_minor for event in events),
        sales_open_at=package.sales_open_at,
        sales_close_at=package.sales_close_at,
        max_per_buyer=package.max_per_buyer,
        events=events,
        created_at=package.created_at,
        ended_at=package.ended_at,
    )
