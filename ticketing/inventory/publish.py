"""Publishing an event: its seats and pools are made from its layout, and it can be sold."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.rules import EVENT_TRANSITIONS, EventStatus
from ticketing.foundation.errors import Conflict, NotFound
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.states import advance


class EventUnknown(NotFound):
    """No such event."""


class EventIncomplete(Conflict):
    """The event lacks something that selling it needs; the message says what."""


SEATS = """
insert into event_seat (event_id, seat_no, ticket_type_id)
select e.id, s.seat_no, coalesce(by_category.ticket_type_id, whole.ticket_type_id)
from event e
join layout_seat s on s.layout_id = e.layout_id
left join ticket_type_section by_category
  on by_category.event_id = e.id and by_category.section_id = s.section_id and by_category.category = s.category
left join ticket_type_section whole on whole.event_id = e.id and whole.section_id = s.section_id and whole.category = ''
where e.id = :event
"""

POOLS = """
insert into pool (id, vendor_id, event_id, ticket_type_id, section_id, name, capacity)
select uuidv7(), e.vendor_id, e.id, t.ticket_type_id, s.id, s.name, s.capacity
from event e
join section s on s.layout_id = e.layout_id and s.kind = 'standing'
join ticket_type_section t on t.event_id = e.id and t.section_id = s.id
where e.id = :event
order by s.position
"""

CHECKS = """
select e.status, l.published_at is not null as layout_published,
  exists (select from event_payment_method m where m.event_id = e.id) as payable,
  (select count(*) from section s where s.layout_id = e.layout_id
    and not exists (select from ticket_type_section t where t.event_id = e.id and t.section_id = s.id)) as unpriced
from event e join layout l on l.id = e.layout_id
where e.id = :event for update of e
"""


def publish_event(session: Session, *, event_id: UUID, now: datetime) -> None:
    """Draft → published, in the caller's transaction. Raises `EventUnknown`, `EventIncomplete`, `TransitionNotAllowed`."""
    row = session.execute(text(CHECKS), {"event": event_id}).one_or_none()
    if row is None:
        raise EventUnknown("There is no such event.", event_id=event_id)
    status = advance(EVENT_TRANSITIONS, EventStatus(row.status), EventStatus.PUBLISHED)
    for missing, what in (
        (not row.layout_published, "a published layout"),
        (not row.payable, "a way to be paid"),
        (row.unpriced > 0, f"prices for {row.unpriced} of its sections"),
    ):
        if missing:
            raise EventIncomplete(f"The event lacks {what}.", event_id=event_id)
    session.execute(text(SEATS), {"event": event_id})
    session.execute(text(POOLS), {"event": event_id})
    session.execute(
        text("update event set status = :status, published_at = :now where id = :event"),
        {"status": status.value, "now": now, "event": event_id},
    )
    # Analytics reads capacity with the ticket types: their stamp tells it to look.
    session.execute(text("update ticket_type set position = position where event_id = :event"), {"event": event_id})
    record(session, actor_id=None, action="event.published", subject_id=event_id)
    enqueue(session, topic="event.published", subject_id=event_id)
