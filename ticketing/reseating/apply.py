"""Applying a plan: the event takes over the newer layout, and its tickets move, in one transaction.

Runs as the role `core`, since it moves what buyers own; whose plan it is, the queries check. Locks come in the order of all
others: plan, event, orders, seats, pools, each kind by its key. Everything the plan stood on is looked at again under them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ticketing.audit.service import record, record_many
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Conflict, Unavailable
from ticketing.foundation.idempotency import IdempotencyKey, reused
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.states import advance
from ticketing.inventory.blocks import gather_blocked
from ticketing.reseating.inputs import POOLS, PricedPart, pool_capacity, price_parts
from ticketing.reseating.rules import RESEATING_TRANSITIONS, ReseatingState
from ticketing.reseating.service import ReseatingView, find_reseating, read_reseating
from ticketing.reseating.tables import Reseating, ReseatingMove

KEY_KIND = "reseating"


class PlanOutdated(Conflict):
    """Something the plan stands on has changed since (a sale, a cancellation, a seat that was free): propose it again."""


class SeatsStillHeld(Conflict):
    """Seats that are gone are in live holds: `details["held"]` counts them, `details["held_until"]` says when the last one ends."""


class GroupsUnplaced(Conflict):
    """Some groups have nowhere to go: `details["order_ids"]` lists their orders."""


class StandingTooSmall(Conflict):
    """More places are sold or held than a standing area has in the newer layout; `details["pool_ids"]` lists the pools."""


class EventBusy(Unavailable):
    """Sales of the event kept the plan from being applied: try again, or pause sales."""


LOCK_TIMEOUT = "400ms"
"""Before the database looks for deadlocks (after a second): it is the plan that steps back, never a sale."""
TRIES = 6
LOST_LOCK = frozenset({"40P01", "55P03"})
"""SQLSTATE of a deadlock, and of a lock that was not to be had in time."""


@dataclass(frozen=True, slots=True)
class Applied:
    reseating: ReseatingView
    replayed: bool


LOCK_EVENT = """
select id, layout_id, status in ('draft', 'published', 'postponed') and starts_at > :now as coming, status = 'draft' as draft
from event where id = :event for no key update
"""
LAID_OUT = "select exists (select from event_seat where event_id = :event) or exists (select from pool where event_id = :event)"
"""A draft's places may be laid out before it is published."""
NO_PRICE = "No price in the new layout."
LOCK_ORDERS = "select id from ticket_order where id = any(:orders) order by id for no key update"
LOCK_SEATS = "select seat_no from event_seat where event_id = :event order by seat_no for update"
LOCK_POOLS = "select id from pool where event_id = :event order by id for no key update"

STILL_HELD = """
select count(*) as held, max(es.held_until) as held_until
from event_seat es
join layout_seat o on o.layout_id = :from and o.seat_no = es.seat_no
where es.event_id = :event and es.state = 'held' and es.held_until > :now and not exists (
  select from layout_seat n where n.layout_id = :to and n.seat_no = o.seat_no and n.guid = o.guid)
"""

CHANGED = """
with gone as (
  select o.seat_no from layout_seat o where o.layout_id = :from and not exists (
    select from layout_seat n where n.layout_id = :to and n.seat_no = o.seat_no and n.guid = o.guid)
),
move as (
  select ticket_id, from_seat_no, to_seat_no from reseating_move where reseating_id = :plan
)
select 'ticket' from ticket t join gone g on g.seat_no = t.seat_no
where t.event_id = :event and t.state in ('valid', 'used', 'listed') and t.id not in (select ticket_id from move)
union all
select 'moved' from move m left join ticket t on t.id = m.ticket_id
where t.state is distinct from 'valid' and t.state is distinct from 'used' and t.state is distinct from 'listed'
  or t.seat_no is distinct from m.from_seat_no
union all
select 'sold' from gone g join event_seat es on es.event_id = :event and es.seat_no = g.seat_no and es.state = 'sold'
where es.ticket_id not in (select ticket_id from move)
union all
select 'target' from move m
left join layout_seat n on n.layout_id = :to and n.seat_no = m.to_seat_no
left join layout_seat o on o.layout_id = :from and o.seat_no = n.seat_no and o.guid = n.guid
left join event_seat es on es.event_id = :event and es.seat_no = o.seat_no
where n.seat_no is null
  or es.state not in ('free', 'held', 'sold')
  or (es.state = 'held' and es.held_until > :now)
  or (es.state = 'sold' and es.ticket_id not in (select ticket_id from move))
limit 1
"""
"""A ticket on a seat that is gone and is not in the plan; one in the plan that was cancelled or has moved; a new seat that is not
free (or held until now, or given up by the plan itself)."""

LEAVE_TICKETS = "update ticket t set seat_no = null from reseating_move m where m.reseating_id = :plan and t.id = m.ticket_id"
"""First they leave, then they come: two that change places would meet on the way."""
LEAVE_SEATS = """
update event_seat es set state = 'free', ticket_id = null, hold_id = null
from reseating_move m where m.reseating_id = :plan and es.event_id = :event and es.seat_no = m.from_seat_no and es.ticket_id = m.ticket_id
"""
LEAVE_BLOCKS = """
delete from event_block_seat b where b.event_id = :event and not exists (
  select from layout_seat o join layout_seat n on n.layout_id = :to and n.seat_no = o.seat_no and n.guid = o.guid
  where o.layout_id = :from and o.seat_no = b.seat_no)
"""
REMOVE_SEATS = """
delete from event_seat es where es.event_id = :event and not exists (
  select from layout_seat o join layout_seat n on n.layout_id = :to and n.seat_no = o.seat_no and n.guid = o.guid
  where o.layout_id = :from and o.seat_no = es.seat_no)
"""
ADD_SEATS = """
insert into event_seat (event_id, seat_no, ticket_type_id, state, block_reason)
select :event, n.seat_no, coalesce(p.ticket_type_id, dearest.id), case when p.ticket_type_id is null then 'blocked' else 'free' end,
  case when p.ticket_type_id is null then 'house' end
from layout_seat n
join unnest(cast(:sections as uuid[]), cast(:categories as text[]), cast(:types as uuid[])) as p(section_id, category, ticket_type_id)
  on p.section_id = n.section_id and p.category = n.category
cross join (select id from ticket_type where event_id = :event order by price_minor desc, position limit 1) dearest
where n.layout_id = :to
order by n.seat_no
on conflict (event_id, seat_no) do update set ticket_type_id = excluded.ticket_type_id
  where event_seat.state <> 'sold' and excluded.block_reason is null
"""
"""Seats that stay are sold from now on as their category is; one whose new category has no price keeps the old one."""
TAKE_TICKETS = """
update ticket t set seat_no = m.to_seat_no, nonce = substr(uuid_send(gen_random_uuid()), 1, 8)
from reseating_move m where m.reseating_id = :plan and t.id = m.ticket_id
"""
TAKE_LINES = """
update order_line l set seat_no = m.to_seat_no
from reseating_move m join ticket t on t.id = m.ticket_id where m.reseating_id = :plan and l.id = t.order_line_id
"""
TAKE_SEATS = """
update event_seat es set state = 'sold', ticket_id = m.ticket_id, hold_id = l.hold_id, held_until = null
from reseating_move m join ticket t on t.id = m.ticket_id join order_line l on l.id = t.order_line_id
where m.reseating_id = :plan and es.event_id = :event and es.seat_no = m.to_seat_no
"""
TELL = """
select t.id, t.order_id, t.holder_id, o.buyer_id from reseating_move m
join ticket t on t.id = m.ticket_id join ticket_order o on o.id = t.order_id
where m.reseating_id = :plan and t.state <> 'used' order by t.order_id, t.id
"""
TAKE_LAYOUT = "update event set layout_id = :to, version = version + 1 where id = :event"
RESTAMP = "update ticket_type set position = position where event_id = :event"
"""Analytics reads capacity with the ticket types: their stamp tells it to look."""
HISTORY = """
insert into order_event (order_id, kind, detail)
select distinct order_id, 'reseated', jsonb_build_object('reseating_id', reseating_id) from reseating_move where reseating_id = :plan
"""


def apply_patiently(
    database: Database, *, vendor_ids: Sequence[UUID], reseating_id: UUID, key: str, digest: bytes, actor_id: UUID
) -> Applied:
    """`apply_reseating` in transactions of its own: one that runs into sales, which lock several orders at once, tries again.

    Raises `EventBusy` when it never got through, else as `apply_reseating` does.
    """
    for attempt in range(TRIES):
        try:
            with database.transaction() as session:
                session.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
                now = database_now(session)
                return apply_reseating(
                    session, vendor_ids=vendor_ids, reseating_id=reseating_id, key=key, digest=digest, now=now, actor_id=actor_id
                )
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in LOST_LOCK:
                raise
        time.sleep(random.uniform(0.02, 0.1) * (attempt + 1))  # noqa: S311 - spreads tries, guards nothing
    raise EventBusy("The event sells too fast just now: try again, or pause its sales for a moment.", reseating_id=reseating_id)


def apply_reseating(
    session: Session, *, vendor_ids: Sequence[UUID], reseating_id: UUID, key: str, digest: bytes, now: datetime, actor_id: UUID
) -> Applied:
    """Move the event and its tickets; the same key again answers the same.

    Raises `ReseatingNotFound`, `TransitionNotAllowed`, `PlanOutdated`, `SeatsStillHeld`, `GroupsUnplaced`, `StandingTooSmall`,
    `IdempotencyKeyReused`. Then nothing has moved.
    """
    plan = find_reseating(session, vendor_ids=vendor_ids, reseating_id=reseating_id, lock=True)
    known = session.get(IdempotencyKey, (actor_id, key))
    if known is not None:
        if known.kind != KEY_KIND or known.request_digest != digest:
            raise reused(key=key)
        return Applied(read_reseating(session, vendor_ids=vendor_ids, reseating_id=reseating_id), replayed=True)
    state = advance(RESEATING_TRANSITIONS, plan.state, ReseatingState.APPLIED)
    event = _lock(session, plan, now)
    ids = {"plan": plan.id, "event": plan.event_id, "from": plan.from_layout_id, "to": plan.to_layout_id, "now": now}
    _check(session, plan, ids)
    parts = price_parts(session, event_id=plan.event_id, from_layout_id=plan.from_layout_id, to_layout_id=plan.to_layout_id)
    if not event.draft or session.execute(text(LAID_OUT), ids).scalar_one():
        _move_seats(session, ids, parts)
        gather_blocked(session, vendor_id=plan.vendor_id, event_id=plan.event_id, note=NO_PRICE, now=now)
        _resize_pools(session, ids, parts)
    _tie_prices(session, plan.event_id, parts)
    session.execute(text(TAKE_LAYOUT), ids)
    session.execute(text(RESTAMP), ids)
    plan.state = state
    plan.decided_at = now
    session.flush()
    _tell(session, plan, actor_id)
    session.execute(
        insert(IdempotencyKey).inline().values(actor_id=actor_id, key=key, request_digest=digest, kind=KEY_KIND, resource_id=plan.id)
    )
    return Applied(read_reseating(session, vendor_ids=vendor_ids, reseating_id=reseating_id), replayed=False)


def _lock(session: Session, plan: Reseating, now: datetime) -> Row[Any]:
    """Everything that moves. Cancelling and settling lock an order before its seats, so orders come first here too."""
    event = session.execute(text(LOCK_EVENT), {"event": plan.event_id, "now": now}).one()
    if event.layout_id != plan.from_layout_id or not event.coming:
        raise PlanOutdated("The event has another layout by now, or is over: propose a plan again.", reseating_id=plan.id)
    orders = session.execute(select(ReseatingMove.order_id).where(ReseatingMove.reseating_id == plan.id).distinct()).scalars().all()
    session.execute(text(LOCK_ORDERS), {"orders": list(orders)})
    session.execute(text(LOCK_SEATS), {"event": plan.event_id})
    session.execute(text(LOCK_POOLS), {"event": plan.event_id})
    return event


def _check(session: Session, plan: Reseating, ids: dict[str, Any]) -> None:
    """Under the locks: nothing of the plan has changed, and nothing is in its way."""
    unplaced = select(ReseatingMove.order_id).where(ReseatingMove.reseating_id == plan.id, ReseatingMove.to_seat_no.is_(None))
    if orders := session.execute(unplaced.distinct().order_by(ReseatingMove.order_id)).scalars().all():
        said = "Some groups have nowhere to go: make room, or cancel their tickets, and propose a plan again."
        raise GroupsUnplaced(said, reseating_id=plan.id, order_ids=list(orders))
    if session.execute(text(CHANGED), ids).first() is not None:
        raise PlanOutdated("Tickets or seats have changed since this was proposed: propose a plan again.", reseating_id=plan.id)
    held = session.execute(text(STILL_HELD), ids).one()
    if held.held:
        said = "Somebody is just buying seats that are gone: try again when their holds have ended, or pause sales."
        raise SeatsStillHeld(said, reseating_id=plan.id, held=held.held, held_until=held.held_until.isoformat())
    short = [pool.id for pool in session.execute(text(POOLS), ids) if pool.taken > pool.becomes]
    if short:
        raise StandingTooSmall("More places are taken than the standing area has in the newer layout.", pool_ids=short)


def _move_seats(session: Session, ids: dict[str, Any], parts: Sequence[PricedPart]) -> None:
    """Tickets leave their seats, seats that are gone go, new ones come, tickets take theirs."""
    seated = [part for part in parts if not part.standing]
    sold = {
        "sections": [part.section_id for part in seated],
        "categories": [part.category for part in seated],
        "types": [part.ticket_type_id for part in seated],
    }
    for statement in (LEAVE_TICKETS, LEAVE_SEATS, LEAVE_BLOCKS, REMOVE_SEATS, ADD_SEATS, TAKE_TICKETS, TAKE_LINES, TAKE_SEATS):
        session.execute(text(statement), ids | sold)


def _resize_pools(session: Session, ids: dict[str, Any], parts: Sequence[PricedPart]) -> None:
    """Standing areas are found again by name; one that is gone keeps its row, without places. New ones that have a price are added."""
    standing = {part.section: part for part in parts if part.standing}
    resize = text("update pool set capacity = :capacity, section_id = :section where id = :pool")
    known = set()
    for pool in session.execute(text(POOLS.replace("select p.id,", "select s.name as area, p.id,")), ids).all():
        known.add(pool.area)
        part = standing.get(pool.area)
        capacity = pool_capacity(pool.capacity, pool.was, pool.becomes)
        session.execute(resize, {"pool": pool.id, "capacity": capacity, "section": part and part.section_id})
    add = text(
        "insert into pool (id, vendor_id, event_id, ticket_type_id, section_id, name, capacity)"
        " select uuidv7(), vendor_id, id, :type, :section, :name, :capacity from event where id = :event on conflict do nothing"
    )
    for part in standing.values():
        if part.section not in known and part.ticket_type_id is not None:
            values = {"type": part.ticket_type_id, "section": part.section_id, "name": part.section, "capacity": part.capacity}
            session.execute(add, values | {"event": ids["event"]})


def _tie_prices(session: Session, event_id: UUID, parts: Sequence[PricedPart]) -> None:
    """Ticket types sell the sections of the newer layout."""
    session.execute(text("delete from ticket_type_section where event_id = :event"), {"event": event_id})
    tie = text(
        "insert into ticket_type_section (event_id, section_id, category, ticket_type_id) values (:event, :section, :category, :type)"
    )
    rows = [
        {"event": event_id, "section": part.section_id, "category": part.category, "type": part.ticket_type_id}
        for part in parts
        if part.ticket_type_id is not None
    ]
    if rows:
        session.execute(tie, rows)


def _tell(session: Session, plan: Reseating, actor_id: UUID) -> None:
    """The audit, the orders' history, and a mail to each buyer and to whom they gave tickets."""
    session.execute(text(HISTORY), {"plan": plan.id})
    told = session.execute(text(TELL), {"plan": plan.id}).all()
    given_away = [row for row in told if row.holder_id != row.buyer_id]
    for order_id in dict.fromkeys(row.order_id for row in told if row.holder_id == row.buyer_id):
        enqueue(session, topic="order.reseated", subject_id=order_id)
    for row in given_away:
        enqueue(session, topic="order.reseated", subject_id=row.id, payload={"user_id": str(row.holder_id)})
    record(session, actor_id=actor_id, action="reseating.applied", subject_id=plan.id)
    moved = session.execute(select(ReseatingMove.ticket_id).where(ReseatingMove.reseating_id == plan.id)).scalars().all()
    if moved:
        record_many(session, [(actor_id, "ticket.reseated", ticket_id) for ticket_id in moved])
