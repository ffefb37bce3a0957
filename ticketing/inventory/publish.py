"""Publishing an event: its seats and pools are made from its layout, as far as they are not there yet, and it can be sold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import EventUnknown
from ticketing.catalog.rules import EVENT_TRANSITIONS, EventStatus
from ticketing.foundation.errors import Conflict
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.states import advance


class EventIncomplete(Conflict):
    """The event lacks something that selling it needs; the message says what."""


class EventOver(Conflict):
    """The event's sales ended before it was published."""


SEATS = """
insert into event_seat (event_id, seat_no, ticket_type_id)
select e.id, s.seat_no, coalesce(by_category.ticket_type_id, whole.ticket_type_id)
from event e
join layout_seat s on s.layout_id = e.layout_id
left join ticket_type_section by_category
  on by_category.event_id = e.id and by_category.section_id = s.section_id and by_category.category = s.category
left join ticket_type_section whole on whole.event_id = e.id and whole.section_id = s.section_id and whole.category = ''
where e.id = any(:events)
order by e.id, s.seat_no
on conflict (event_id, seat_no) do nothing
"""
"""In order, so that an event's seats lie side by side on their pages."""

POOLS = """
insert into pool (id, vendor_id, event_id, ticket_type_id, section_id, name, capacity)
select uuidv7(), e.vendor_id, e.id, t.ticket_type_id, s.id, s.name, s.capacity
from event e
join section s on s.layout_id = e.layout_id and s.kind = 'standing'
join ticket_type_section t on t.event_id = e.id and t.section_id = s.id
where e.id = any(:events) and not exists (select from pool p where p.event_id = e.id and p.section_id = s.id)
order by e.id, s.position
"""

CHECKS = """
with layouts as (
  select distinct layout_id from event where id = any(:events)
),
parts as materialized (
  -- What must have a price: each category of a seated section, and each standing section.
  select distinct layout_id, section_id, category from layout_seat where layout_id in (select layout_id from layouts)
  union all
  select layout_id, id, '' from section where kind = 'standing' and layout_id in (select layout_id from layouts)
)
select e.id, e.status, l.published_at is not null as layout_published, e.sales_close_at <= :now as over,
  exists (
    select from event_payment_method m join payment_account a on a.id = m.payment_account_id
    where m.event_id = e.id and a.kind = 'card' and a.removed_at is null
  ) as payable,
  array(
    select s.name from section s
    where s.layout_id = e.layout_id and exists (
      select from parts p where p.section_id = s.id and not exists (
        select from ticket_type_section t where t.event_id = e.id and t.section_id = p.section_id and t.category in ('', p.category)))
    order by s.position
  ) as unpriced
from event e join layout l on l.id = e.layout_id
where e.id = any(:events) order by e.id for update of e
"""


def publish_event(session: Session, *, event_id: UUID, now: datetime, actor_id: UUID | None = None) -> None:
    """Draft → published, in the caller's transaction.

    Raises `EventUnknown`, `EventIncomplete`, `EventOver`, `TransitionNotAllowed`.
    """
    publish_events(session, event_ids=[event_id], now=now, actor_id=actor_id)


def publish_events(session: Session, *, event_ids: Sequence[UUID], now: datetime, actor_id: UUID | None = None) -> None:
    """All of them or none; raises as `publish_event` does, for the first that can't be."""
    ids = {"events": list(event_ids)}
    rows = {row.id: row for row in session.execute(text(CHECKS), {**ids, "now": now})}
    for event_id in event_ids:
        _check(rows.get(event_id), event_id)
    _make_places(session, event_ids)
    session.execute(
        text("update event set status = :status, published_at = :now, version = version + 1 where id = any(:events)"),
        {**ids, "status": EventStatus.PUBLISHED.value, "now": now},
    )
    # Analytics reads capacity with the ticket types: their stamp tells it to look.
    session.execute(text("update ticket_type set position = position where event_id = any(:events)"), ids)
    for event_id in event_ids:
        record(session, actor_id=actor_id, action="event.published", subject_id=event_id)
        enqueue(session, topic="event.published", subject_id=event_id)


def lay_out(session: Session, *, event_id: UUID, now: datetime) -> None:
    """Make the places of a draft ahead of its publication, so that they can be blocked and counted. Raises `EventIncomplete`."""
    row = session.execute(text(CHECKS), {"events": [event_id], "now": now}).one()
    if row.unpriced:
        raise EventIncomplete(f"The event lacks prices for {', '.join(row.unpriced[:5])}.", event_id=event_id)
    _make_places(session, [event_id])


def _make_places(session: Session, event_ids: Sequence[UUID]) -> None:
    ids = {"events": list(event_ids)}
    session.execute(text(SEATS), ids)
    session.execute(text(POOLS), ids)


def _check(row: Row[Any] | None, event_id: UUID) -> None:
    if row is None:
        raise EventUnknown("There is no such event.", event_id=event_id)
    advance(EVENT_TRANSITIONS, EventStatus(row.status), EventStatus.PUBLISHED)
    for missing, what in (
        (not row.layout_published, "a published layout"),
        (not row.payable, "a way to be paid"),
        (bool(row.unpriced), f"prices for {', '.join(row.unpriced[:5])}"),
    ):
        if missing:
            raise EventIncomplete(f"The event lacks {what}.", event_id=event_id)
    if row.over:
        raise EventOver("The event's sales are over: it can't be published any more.", event_id=event_id)
