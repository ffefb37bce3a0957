"""Reseating plans as their vendor sees them: proposed, read, refused. Applying one is `apply`'s.

All of it runs in transactions of the role `vendor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import EventUnknown
from ticketing.catalog.layouts import publish_layout
from ticketing.catalog.venues import LayoutSummary
from ticketing.foundation import errors
from ticketing.foundation.ids import new_id
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.states import advance
from ticketing.reseating.inputs import StandingShort, find_conflict, moves_of, price_parts, read_inputs
from ticketing.reseating.planner import plan_groups
from ticketing.reseating.rules import RESEATING_TRANSITIONS, ReseatingState, Unplaced
from ticketing.reseating.tables import Reseating, ReseatingMove

MOST_SHOWN = 20
"""Plans in one list, newest first."""


class ReseatingNotFound(errors.NotFound):
    """No such plan, or another vendor's."""


class LayoutCurrent(errors.Conflict):
    """The event is in the newest layout of its configuration already, or is over."""


@dataclass(frozen=True, slots=True)
class SeatName:
    seat_no: int
    section: str
    row: str
    seat: str
    category: str


@dataclass(frozen=True, slots=True)
class TicketMove:
    ticket_id: UUID
    code: str
    from_seat: SeatName
    to_seat: SeatName | None


@dataclass(frozen=True, slots=True)
class GroupMove:
    """Tickets of one order that sat side by side."""

    order_id: UUID
    unplaced: Unplaced | None
    """Why there are no seats for them; null when there are."""
    tickets: list[TicketMove]


@dataclass(frozen=True, slots=True)
class ReseatingView:
    id: UUID
    vendor_id: UUID
    event_id: UUID
    from_layout_id: UUID
    to_layout_id: UUID
    state: ReseatingState
    held: int
    """Seats that are gone in the newer layout: in live holds when this was proposed …"""
    sold: int
    """… sold …"""
    priced: int
    """… and with a price, held and sold ones and lost standing places included."""
    standing: list[StandingShort]
    """Standing areas with fewer places than are taken."""
    unpriced: list[str]
    """Categories that the event has no price for: their seats are blocked for the house."""
    complete: bool
    """Whether it is certain that no other choice of seats places more groups."""
    proposed_at: datetime
    decided_at: datetime | None
    groups: list[GroupMove]


@dataclass(frozen=True, slots=True)
class Reseatings:
    reseatings: list[ReseatingView]


@dataclass(frozen=True, slots=True)
class EventConflict:
    """A coming event that loses something with a layout, and what was proposed."""

    event_id: UUID
    title: str
    starts_at: datetime
    held: int
    sold: int
    priced: int
    groups: int
    """Of tickets that have to move …"""
    unplaced: int
    """… of which so many have nowhere to go."""
    standing: list[StandingShort]
    reseating_id: UUID


@dataclass(frozen=True, slots=True)
class PublishedLayout:
    layout: LayoutSummary
    conflicts: list[EventConflict]
    """Coming events that lose a seat or a place, by their start. Each keeps its layout until its plan is applied."""
    unaffected: list[UUID]
    """Coming events that lose nothing. They keep their layout too; propose a plan to move one."""


EVENTS = """
select e.id, e.vendor_id, e.title, e.starts_at, e.layout_id, e.access_types
from event e
join layout has on has.id = e.layout_id
join layout n on n.configuration_id = has.configuration_id and n.version > has.version
where n.id = :layout and e.vendor_id = n.vendor_id and e.starts_at > :now and e.starts_at >= n.valid_from
  and e.status in ('draft', 'published', 'postponed')
order by e.starts_at, e.id
"""
NEWEST = """
select e.id, e.vendor_id, e.title, e.starts_at, e.layout_id, e.access_types, (
    select n.id from layout has join layout n on n.configuration_id = has.configuration_id and n.version > has.version
    where has.id = e.layout_id and n.published_at is not null and n.valid_from <= e.starts_at
    order by n.version desc limit 1
  ) as to_layout_id,
  e.status in ('draft', 'published', 'postponed') and e.starts_at > :now as coming
from event e where e.id = :event and e.vendor_id = any(:vendors)
"""
MANAGERS = "select user_id from vendor_member where vendor_id = :vendor and role in ('owner', 'manager') order by user_id"


def publish_new_version(session: Session, *, vendor_ids: Sequence[UUID], layout_id: UUID, now: datetime, actor_id: UUID) -> PublishedLayout:
    """Publish a draft, and propose a plan for each coming event that loses something. Raises `LayoutNotFound`, `LayoutPublished`.

    Nothing of the events changes. The vendor's owners and managers are told when an event is concerned.
    """
    layout = publish_layout(session, vendor_ids=vendor_ids, layout_id=layout_id, now=now, actor_id=actor_id)
    conflicts: list[EventConflict] = []
    unaffected: list[UUID] = []
    for event in session.execute(text(EVENTS), {"layout": layout_id, "now": now}).all():
        found = find_conflict(session, event_id=event.id, from_layout_id=event.layout_id, to_layout_id=layout_id, now=now)
        if not found.any:
            unaffected.append(event.id)
            continue
        plan = _propose(session, event, to_layout_id=layout_id, now=now, actor_id=actor_id)
        unplaced = sum(group.unplaced is not None for group in plan.groups)
        what = (found.held, found.sold, found.priced, len(plan.groups), unplaced, found.standing)
        conflicts.append(EventConflict(event.id, event.title, event.starts_at, *what, plan.id))
    if conflicts:
        for user_id in session.execute(text(MANAGERS), {"vendor": layout.vendor_id}).scalars().all():
            enqueue(session, topic="layout.conflicts", subject_id=layout_id, payload={"user_id": str(user_id)})
    return PublishedLayout(layout, conflicts, unaffected)


def propose_reseating(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, now: datetime, actor_id: UUID) -> ReseatingView:
    """A plan for the newest layout in force when the event starts; it takes the place of an open one.

    Raises `EventUnknown`, `LayoutCurrent`.
    """
    event = session.execute(text(NEWEST), {"event": event_id, "vendors": list(vendor_ids), "now": now}).one_or_none()
    if event is None:
        raise EventUnknown("There is no such event.", event_id=event_id)
    if event.to_layout_id is None or not event.coming:
        raise LayoutCurrent("The event is over, or in the newest layout that will be in force.", event_id=event_id)
    return _propose(session, event, to_layout_id=event.to_layout_id, now=now, actor_id=actor_id)


def _propose(session: Session, event: Any, *, to_layout_id: UUID, now: datetime, actor_id: UUID) -> ReseatingView:
    session.execute(text("select 1 from event where id = :event for no key update"), {"event": event.id})  # one plan at a time
    ids = {"event_id": event.id, "from_layout_id": event.layout_id, "to_layout_id": to_layout_id}
    found = find_conflict(session, **ids, now=now)
    parts = price_parts(session, **ids)
    inputs = read_inputs(session, **ids, parts=parts, closed_types=event.access_types, now=now)
    plan = plan_groups(inputs.places, inputs.groups)
    open_plan = (Reseating.event_id == event.id, Reseating.state == ReseatingState.PROPOSED)
    session.execute(update(Reseating).where(*open_plan).values(state=ReseatingState.SUPERSEDED, decided_at=now))
    reseating = Reseating(
        id=new_id(),
        vendor_id=event.vendor_id,
        **ids,
        state=ReseatingState.PROPOSED,
        held=found.held,
        sold=found.sold,
        priced=found.priced,
        standing=[asdict(short) | {"pool_id": str(short.pool_id)} for short in found.standing],
        unpriced=sorted({part.category or part.section for part in parts if part.ticket_type_id is None}),
        complete=plan.complete,
        proposed_at=now,
    )
    session.add(reseating)
    session.flush()
    moves = [
        {
            "reseating_id": reseating.id,
            "ticket_id": ticket.id,
            "vendor_id": event.vendor_id,
            "order_id": ticket.order_id,
            "group_no": number + 1,
            "from_seat_no": ticket.seat_no,
            "to_seat_no": seat_no,
            "unplaced": plan.unplaced.get(number),
        }
        for number, ticket, seat_no in moves_of(inputs, plan.seats)
    ]
    if moves:
        session.execute(insert(ReseatingMove), moves)
    record(session, actor_id=actor_id, action="reseating.proposed", subject_id=reseating.id)
    return _views(session, [reseating])[0]


def list_reseatings(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID) -> Reseatings:
    """The event's plans, newest first. Raises `EventUnknown`."""
    own = text("select 1 from event where id = :event and vendor_id = any(:vendors)")
    if session.execute(own, {"event": event_id, "vendors": list(vendor_ids)}).first() is None:
        raise EventUnknown("There is no such event.", event_id=event_id)
    found = select(Reseating).where(Reseating.event_id == event_id).order_by(Reseating.id.desc()).limit(MOST_SHOWN)
    return Reseatings(_views(session, session.execute(found).scalars().all()))


def list_open_reseatings(session: Session, *, vendor_ids: Sequence[UUID], to_layout_ids: Sequence[UUID]) -> Reseatings:
    """Plans for these layouts that wait for their vendor, newest first; at most `MOST_SHOWN`."""
    waiting = (Reseating.vendor_id.in_(vendor_ids), Reseating.to_layout_id.in_(to_layout_ids), Reseating.state == ReseatingState.PROPOSED)
    found = select(Reseating).where(*waiting).order_by(Reseating.id.desc()).limit(MOST_SHOWN)
    return Reseatings(_views(session, session.execute(found).scalars().all()))


def read_reseating(session: Session, *, vendor_ids: Sequence[UUID], reseating_id: UUID) -> ReseatingView:
    """Raises `ReseatingNotFound`."""
    return _views(session, [find_reseating(session, vendor_ids=vendor_ids, reseating_id=reseating_id)])[0]


def find_reseating(session: Session, *, vendor_ids: Sequence[UUID], reseating_id: UUID, lock: bool = False) -> Reseating:
    """Its row as it is now; raises `ReseatingNotFound`."""
    found = select(Reseating).where(Reseating.id == reseating_id, Reseating.vendor_id.in_(vendor_ids))
    if lock:
        found = found.with_for_update(key_share=True)
    reseating = session.execute(found.execution_options(populate_existing=True)).scalar_one_or_none()
    if reseating is None:
        raise ReseatingNotFound("There is no such reseating plan.", reseating_id=reseating_id)
    return reseating


def refuse_reseating(session: Session, *, vendor_ids: Sequence[UUID], reseating_id: UUID, now: datetime, actor_id: UUID) -> ReseatingView:
    """The event keeps its layout. Raises `ReseatingNotFound`, `TransitionNotAllowed`."""
    reseating = find_reseating(session, vendor_ids=vendor_ids, reseating_id=reseating_id, lock=True)
    reseating.state = advance(RESEATING_TRANSITIONS, reseating.state, ReseatingState.REFUSED)
    reseating.decided_at = now
    session.flush()
    record(session, actor_id=actor_id, action="reseating.refused", subject_id=reseating_id)
    return _views(session, [reseating])[0]


MOVES = """
select m.reseating_id, m.group_no, m.order_id, m.unplaced, m.ticket_id, t.code, m.from_seat_no, m.to_seat_no,
  fs.name as from_section, fl.row_label as from_row, fl.seat_label as from_seat, fl.category as from_category,
  ts.name as to_section, tl.row_label as to_row, tl.seat_label as to_seat, tl.category as to_category
from reseating_move m
join reseating r on r.id = m.reseating_id
join ticket t on t.id = m.ticket_id
join layout_seat fl on fl.layout_id = r.from_layout_id and fl.seat_no = m.from_seat_no
join section fs on fs.id = fl.section_id
left join layout_seat tl on tl.layout_id = r.to_layout_id and tl.seat_no = m.to_seat_no
left join section ts on ts.id = tl.section_id
where m.reseating_id = any(:plans)
order by m.reseating_id, m.group_no, fs.position, fl.row_position, fl.seat_position
"""


def _views(session: Session, found: Sequence[Reseating]) -> list[ReseatingView]:
    groups: dict[UUID, list[GroupMove]] = {}
    rows = session.execute(text(MOVES), {"plans": [reseating.id for reseating in found]})
    for (reseating_id, _, order_id, unplaced), moves in groupby(rows, key=lambda m: (m.reseating_id, m.group_no, m.order_id, m.unplaced)):
        tickets = [_move(move) for move in moves]
        groups.setdefault(reseating_id, []).append(GroupMove(order_id, Unplaced(unplaced) if unplaced else None, tickets))
    return [
        ReseatingView(
            id=r.id,
            vendor_id=r.vendor_id,
            event_id=r.event_id,
            from_layout_id=r.from_layout_id,
            to_layout_id=r.to_layout_id,
            state=r.state,
            held=r.held,
            sold=r.sold,
            priced=r.priced,
            standing=[StandingShort(UUID(s["pool_id"]), s["name"], s["taken"], s["capacity"]) for s in r.standing],
            unpriced=r.unpriced,
            complete=r.complete,
            proposed_at=r.proposed_at,
            decided_at=r.decided_at,
            groups=groups.get(r.id, []),
        )
        for r in found
    ]


def _move(row: Any) -> TicketMove:
    old = SeatName(row.from_seat_no, row.from_section, row.from_row, row.from_seat, row.from_category)
    new = None if row.to_seat_no is None else SeatName(row.to_seat_no, row.to_section, row.to_row, row.to_seat, row.to_category)
    return TicketMove(row.ticket_id, row.code, old, new)
