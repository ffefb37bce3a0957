"""Layouts: dated versions of a configuration. A draft is a seating plan; its sections and seats are made when it is published.

A seat keeps its number through all versions of its configuration, for as long as its `seat_guid` is in the plan. So tickets, holds
and orders of a seat that stays need no change when an event takes over a newer version, and a number never comes to mean
another seat: those of seats that are gone are not used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.plan import PlanRefused, SeatingPlan, parse_plan
from ticketing.catalog.rules import ConfigurationKind
from ticketing.catalog.tables import Configuration, Layout, LayoutSeat, Section
from ticketing.catalog.venues import LayoutSummary, insert_draft, layout_summaries, lock_configuration
from ticketing.foundation.errors import Conflict, Invalid, NotFound
from ticketing.foundation.ids import new_id


class LayoutNotFound(NotFound):
    """No such layout, or another vendor's."""


class LayoutPublished(Conflict):
    """A published layout is never changed: make a new version."""


class PlanNotAcceptable(Invalid):
    """The seating plan contradicts itself, or does not fit its configuration; `details["fields"]` names each place by its path."""


def checked_plan(source: dict[str, Any]) -> SeatingPlan:
    """The plan as somebody sent it; raises `PlanNotAcceptable`, which quotes nothing of it."""
    try:
        return parse_plan(source)
    except PlanRefused as refused:
        fields = refused.details.get("fields", {"plan": "holds text or numbers that can't be stored"})
    raise PlanNotAcceptable("This seating plan is not acceptable.", fields=fields)


def draft_layout(
    session: Session, *, vendor_ids: Sequence[UUID], configuration_id: UUID, plan: SeatingPlan, valid_from: datetime, actor_id: UUID
) -> LayoutSummary:
    """The configuration's next version, not yet in force. Raises `ConfigurationNotFound`, `PlanNotAcceptable`."""
    configuration = lock_configuration(session, vendor_ids=vendor_ids, configuration_id=configuration_id)
    _check_kind(configuration, plan)
    layout_id = insert_draft(
        session, vendor_id=configuration.vendor_id, configuration_id=configuration_id, plan=plan, valid_from=valid_from
    )
    record(session, actor_id=actor_id, action="layout.drafted", subject_id=layout_id)
    return _summary(session, layout_id)


def replace_draft(
    session: Session, *, vendor_ids: Sequence[UUID], layout_id: UUID, plan: SeatingPlan, valid_from: datetime | None, actor_id: UUID
) -> LayoutSummary:
    """Another plan for a draft, and another day if one is given. Raises `LayoutNotFound`, `LayoutPublished`, `PlanNotAcceptable`."""
    layout = _lock_draft(session, vendor_ids, layout_id)
    _check_kind(session.get_one(Configuration, layout.configuration_id), plan)
    layout.plan = plan.source
    layout.plan_digest = plan.digest()
    layout.seat_count, layout.standing_capacity = plan.seat_count, plan.standing_capacity
    layout.valid_from = valid_from or layout.valid_from
    session.flush()
    record(session, actor_id=actor_id, action="layout.changed", subject_id=layout_id)
    return _summary(session, layout_id)


def export_plan(session: Session, *, vendor_ids: Sequence[UUID], layout_id: UUID) -> dict[str, Any]:
    """The seating plan as it came in, unknown parts included. Raises `LayoutNotFound`."""
    found = select(Layout.plan).where(Layout.id == layout_id, Layout.vendor_id.in_(vendor_ids))
    plan: dict[str, Any] | None = session.execute(found).scalar_one_or_none()
    if plan is None:
        raise LayoutNotFound("There is no such layout.", layout_id=layout_id)
    return plan


def publish_layout(session: Session, *, vendor_ids: Sequence[UUID], layout_id: UUID, now: datetime, actor_id: UUID) -> LayoutSummary:
    """Draft → published: events can be made in it. Raises `LayoutNotFound`, `LayoutPublished`."""
    configuration_id = session.execute(
        select(Layout.configuration_id).where(Layout.id == layout_id, Layout.vendor_id.in_(vendor_ids))
    ).scalar_one_or_none()
    if configuration_id is None:
        raise LayoutNotFound("There is no such layout.", layout_id=layout_id)
    lock_configuration(session, vendor_ids=vendor_ids, configuration_id=configuration_id)  # numbers are given one version after another
    layout = _lock_draft(session, vendor_ids, layout_id)
    layout.published_at = now
    session.flush()
    write_sections(session, layout_id=layout_id, configuration_id=configuration_id, plan=parse_plan(layout.plan))
    record(session, actor_id=actor_id, action="layout.published", subject_id=layout_id)
    return _summary(session, layout_id)


def write_sections(session: Session, *, layout_id: UUID, configuration_id: UUID, plan: SeatingPlan) -> None:
    """Sections and seats of a layout. Seats that the configuration had before keep their numbers."""
    numbers = _seat_numbers(session, configuration_id)
    used = set(numbers.values())
    fresh = max(used, default=-1) + 1
    for part in plan.sections:
        for seat in part.seats:
            if seat.guid not in numbers:
                numbers[seat.guid] = fresh
                fresh += 1
    sections: list[dict[str, Any]] = []
    seats: list[dict[str, Any]] = []
    for position, part in enumerate(plan.sections):
        section_id = new_id()
        values = {"name": part.name, "kind": part.kind, "capacity": part.capacity, "displayed": part.displayed}
        sections.append({"id": section_id, "layout_id": layout_id, "position": position, **values})
        seats += [
            {
                "layout_id": layout_id,
                "seat_no": numbers[seat.guid],
                "section_id": section_id,
                "row_label": seat.row_label,
                "row_position": seat.row_position,
                "seat_label": seat.seat_label,
                "seat_position": seat.seat_position,
                "x": seat.x,
                "y": seat.y,
                "category": seat.category,
                "accessible": seat.accessible,
                "companion_of": None if seat.companion_of is None else numbers[seat.companion_of],
                "view_note": seat.view_note,
                "guid": seat.guid,
            }
            for seat in part.seats
        ]
    session.execute(insert(Section), sections)
    if seats:
        session.execute(insert(LayoutSeat), seats)


def _seat_numbers(session: Session, configuration_id: UUID) -> dict[str, int]:
    """By guid, of all versions; should two versions disagree, the newer one counts, and a number means one guid only."""
    rows = session.execute(
        select(LayoutSeat.guid, LayoutSeat.seat_no)
        .join(Layout, Layout.id == LayoutSeat.layout_id)
        .where(Layout.configuration_id == configuration_id)
        .order_by(Layout.version.desc(), LayoutSeat.seat_no)
    )
    numbers: dict[str, int] = {}
    used: set[int] = set()
    for guid, seat_no in rows:
        if guid not in numbers and seat_no not in used:
            numbers[guid] = seat_no
            used.add(seat_no)
    return numbers


def _lock_draft(session: Session, vendor_ids: Sequence[UUID], layout_id: UUID) -> Layout:
    found = select(Layout).where(Layout.id == layout_id, Layout.vendor_id.in_(vendor_ids)).with_for_update()
    layout = session.execute(found.execution_options(populate_existing=True)).scalar_one_or_none()
    if layout is None:
        raise LayoutNotFound("There is no such layout.", layout_id=layout_id)
    if layout.published_at is not None:
        raise LayoutPublished("A published layout is never changed: make a new version of its configuration.", layout_id=layout_id)
    return layout


def _check_kind(configuration: Configuration, plan: SeatingPlan) -> None:
    wrong = {
        ConfigurationKind.SEATED: plan.standing_capacity > 0 and "have places to stand, and the configuration is seated",
        ConfigurationKind.STANDING: plan.seat_count > 0 and "have seats, and the configuration is standing",
        ConfigurationKind.MIXED: False,
    }[configuration.kind]
    if wrong:
        raise PlanNotAcceptable("This seating plan does not fit its configuration.", fields={"zones": wrong})


def _summary(session: Session, layout_id: UUID) -> LayoutSummary:
    return layout_summaries(session, Layout.id == layout_id)[0]
