"""A vendor's venues and the ways to set them up. Venues without a vendor are shared: everybody reads them, nobody changes them.

All of it runs in transactions of the role `vendor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.plan import SeatingPlan, parse_plan
from ticketing.catalog.rules import ConfigurationKind
from ticketing.catalog.tables import Configuration, Layout, Venue
from ticketing.foundation.errors import Conflict, NotFound
from ticketing.foundation.ids import new_id


class VenueNotFound(NotFound):
    """No such venue, or another vendor's."""


class VenueShared(Conflict):
    """The venue is shared by all vendors: copy it to change it."""


class VenueTaken(Conflict):
    """The vendor has a venue of this name in this city."""


class ConfigurationNotFound(NotFound):
    """No such configuration, or another vendor's."""


class ConfigurationTaken(Conflict):
    """The vendor has a configuration of this name at the venue."""


@dataclass(frozen=True, slots=True)
class VenueView:
    id: UUID
    vendor_id: UUID | None
    """Null: shared by all vendors, and read-only."""
    name: str
    city: str
    country: str | None
    zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Venues:
    venues: list[VenueView]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class LayoutSummary:
    """One dated version of a configuration; a draft until it is published."""

    id: UUID
    vendor_id: UUID
    configuration_id: UUID
    version: int
    valid_from: datetime
    published_at: datetime | None
    name: str
    """The plan's."""
    seat_count: int
    standing_capacity: int


@dataclass(frozen=True, slots=True)
class ConfigurationView:
    id: UUID
    vendor_id: UUID
    venue_id: UUID
    name: str
    kind: ConfigurationKind
    layouts: list[LayoutSummary]
    """Newest version first."""


@dataclass(frozen=True, slots=True)
class Configurations:
    configurations: list[ConfigurationView]


def list_venues(session: Session, *, vendor_ids: Sequence[UUID], after: UUID | None = None, limit: int = 50) -> Venues:
    """The vendors' own venues and the shared ones, oldest first; `after`: those younger than this one."""
    wanted = select(Venue).where(or_(Venue.vendor_id.in_(vendor_ids), Venue.vendor_id.is_(None))).order_by(Venue.id).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(Venue.id > after)
    found = session.execute(wanted).scalars().all()
    views = [_view(venue) for venue in found[:limit]]
    return Venues(views, views[-1].id if len(found) > limit else None)


def read_venue(session: Session, *, vendor_ids: Sequence[UUID], venue_id: UUID) -> VenueView:
    """One of the vendors' own or a shared one; raises `VenueNotFound`."""
    return _view(_venue(session, vendor_ids, venue_id))


def add_venue(session: Session, *, vendor_id: UUID, name: str, city: str, country: str | None, zone_name: str, actor_id: UUID) -> VenueView:
    """Raises `VenueTaken`."""
    values = {"vendor_id": vendor_id, "name": name, "city": city, "country": country, "zone": zone_name}
    venue_id = _insert(session, values | {"source_key": f"{name}|{city}"})
    record(session, actor_id=actor_id, action="venue.created", subject_id=venue_id)
    return read_venue(session, vendor_ids=[vendor_id], venue_id=venue_id)


def change_venue(session: Session, *, vendor_ids: Sequence[UUID], venue_id: UUID, changes: Mapping[str, Any], actor_id: UUID) -> VenueView:
    """Set name, city, country or zone. Events keep the zone they were made with. Raises `VenueNotFound`, `VenueShared`."""
    venue = _venue(session, vendor_ids, venue_id)
    if venue.vendor_id is None:
        raise VenueShared("This venue is shared by all vendors: copy it, and change the copy.", venue_id=venue_id)
    if changes:
        session.execute(update(Venue).where(Venue.id == venue_id).values(**changes))
        record(session, actor_id=actor_id, action="venue.changed", subject_id=venue_id)
    return read_venue(session, vendor_ids=vendor_ids, venue_id=venue_id)


def copy_venue(
    session: Session, *, vendor_ids: Sequence[UUID], vendor_id: UUID, venue_id: UUID, name: str | None, actor_id: UUID
) -> VenueView:
    """The venue as one of `vendor_id`'s own, with that vendor's configurations there and the newest plan of each as a draft.

    Raises `VenueNotFound`, `VenueTaken`.
    """
    venue = _venue(session, vendor_ids, venue_id)
    name = name or venue.name
    values = {"vendor_id": vendor_id, "name": name, "city": venue.city, "country": venue.country, "zone": venue.zone}
    copy_id = _insert(session, values | {"source_key": f"{name}|{venue.city}"})
    record(session, actor_id=actor_id, action="venue.copied", subject_id=copy_id)
    own = select(Configuration).where(Configuration.venue_id == venue_id, Configuration.vendor_id == vendor_id)
    for configuration in session.execute(own.order_by(Configuration.id)).scalars().all():
        made = Configuration(vendor_id=vendor_id, venue_id=copy_id, name=configuration.name, kind=configuration.kind)
        session.add(made)
        session.flush()
        record(session, actor_id=actor_id, action="configuration.created", subject_id=made.id)
        newest = (
            session.execute(
                select(Layout)
                .where(Layout.configuration_id == configuration.id, Layout.published_at.is_not(None))
                .order_by(Layout.version.desc())
            )
            .scalars()
            .first()
        )
        if newest is not None:
            layout_id = insert_draft(
                session, vendor_id=vendor_id, configuration_id=made.id, plan=parse_plan(newest.plan), valid_from=newest.valid_from
            )
            record(session, actor_id=actor_id, action="layout.drafted", subject_id=layout_id)
    return read_venue(session, vendor_ids=[vendor_id], venue_id=copy_id)


def add_configuration(
    session: Session, *, vendor_ids: Sequence[UUID], vendor_id: UUID, venue_id: UUID, name: str, kind: ConfigurationKind, actor_id: UUID
) -> ConfigurationView:
    """A way in which `vendor_id` sets up a venue of its own or a shared one. Raises `VenueNotFound`, `ConfigurationTaken`."""
    venue = _venue(session, vendor_ids, venue_id)
    if venue.vendor_id not in (None, vendor_id):
        raise VenueNotFound("There is no such venue.", venue_id=venue_id)
    values = {"id": new_id(), "vendor_id": vendor_id, "venue_id": venue_id, "name": name, "kind": kind}
    insert = postgresql.insert(Configuration).values(values).on_conflict_do_nothing().returning(Configuration.id)
    configuration_id = session.execute(insert).scalar_one_or_none()
    if configuration_id is None:
        raise ConfigurationTaken("You have a configuration of this name at this venue.", venue_id=venue_id)
    record(session, actor_id=actor_id, action="configuration.created", subject_id=configuration_id)
    return ConfigurationView(configuration_id, vendor_id, venue_id, name, kind, [])


def list_configurations(session: Session, *, vendor_ids: Sequence[UUID], venue_id: UUID) -> Configurations:
    """The vendors' configurations of a venue with all their layouts, by name. Raises `VenueNotFound`."""
    _venue(session, vendor_ids, venue_id)
    own = select(Configuration).where(Configuration.venue_id == venue_id, Configuration.vendor_id.in_(vendor_ids))
    found = session.execute(own.order_by(Configuration.name, Configuration.id)).scalars().all()
    layouts: dict[UUID, list[LayoutSummary]] = {}
    for summary in layout_summaries(session, Layout.configuration_id.in_([configuration.id for configuration in found])):
        layouts.setdefault(summary.configuration_id, []).append(summary)
    return Configurations([ConfigurationView(c.id, c.vendor_id, c.venue_id, c.name, c.kind, layouts.get(c.id, [])) for c in found])


def layout_summaries(session: Session, which: Any) -> list[LayoutSummary]:
    """Layouts under a condition, newest version of each configuration first; without their plans."""
    columns = (
        Layout.id,
        Layout.vendor_id,
        Layout.configuration_id,
        Layout.version,
        Layout.valid_from,
        Layout.published_at,
        func.coalesce(Layout.plan["name"].astext, ""),
        Layout.seat_count,
        Layout.standing_capacity,
    )
    rows = session.execute(select(*columns).where(which).order_by(Layout.configuration_id, Layout.version.desc()))
    return [LayoutSummary(*row) for row in rows]


def lock_configuration(session: Session, *, vendor_ids: Sequence[UUID], configuration_id: UUID) -> Configuration:
    """Its row, locked: its versions are made one after another. Raises `ConfigurationNotFound`."""
    found = select(Configuration).where(Configuration.id == configuration_id, Configuration.vendor_id.in_(vendor_ids)).with_for_update()
    configuration = session.execute(found).scalar_one_or_none()
    if configuration is None:
        raise ConfigurationNotFound("There is no such configuration.", configuration_id=configuration_id)
    return configuration


def insert_draft(session: Session, *, vendor_id: UUID, configuration_id: UUID, plan: SeatingPlan, valid_from: datetime) -> UUID:
    """The next version of a locked or new configuration. Its sections and seats are made when it is published."""
    last = session.execute(
        text("select coalesce(max(version), 0) from layout where configuration_id = :configuration"), {"configuration": configuration_id}
    ).scalar_one()
    layout = Layout(
        vendor_id=vendor_id,
        configuration_id=configuration_id,
        version=last + 1,
        valid_from=valid_from,
        plan=plan.source,
        plan_digest=plan.digest(),
        seat_count=plan.seat_count,
        standing_capacity=plan.standing_capacity,
    )
    session.add(layout)
    session.flush()
    return layout.id


def _venue(session: Session, vendor_ids: Sequence[UUID], venue_id: UUID) -> Venue:
    own = or_(Venue.vendor_id.in_(vendor_ids), Venue.vendor_id.is_(None))
    found = select(Venue).where(Venue.id == venue_id, own).execution_options(populate_existing=True)
    venue = session.execute(found).scalar_one_or_none()
    if venue is None:
        raise VenueNotFound("There is no such venue.", venue_id=venue_id)
    return venue


def _insert(session: Session, values: Mapping[str, Any]) -> UUID:
    insert = postgresql.insert(Venue).values(id=new_id(), **values).on_conflict_do_nothing().returning(Venue.id)
    venue_id = session.execute(insert).scalar_one_or_none()
    if venue_id is None:
        raise VenueTaken("You have a venue of this name in this city, or it was called so once: choose another name.")
    return venue_id


def _view(venue: Venue) -> VenueView:
    return VenueView(venue.id, venue.vendor_id, venue.name, venue.city, venue.country, venue.zone, venue.created_at)
