"""What a vendor sets of one ticket type: when it is sold, and how many places without a number it has.

A pool's capacity is changed by one conditional update on the row that claims update: whoever comes first wins, and it never
falls below what is held and sold. A hold that has run out counts until it is swept, some seconds later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import CHANGEABLE, EventFixed, lock_own_event, read_own_event
from ticketing.catalog.rules import EventStatus
from ticketing.foundation.errors import Conflict, Invalid, NotFound
from ticketing.inventory.publish import lay_out

MOST_PLACES = 1_000_000


class TicketTypeUnknown(NotFound):
    """The event has no such ticket type."""


class PlacesTaken(Conflict):
    """More places are held and sold than the new capacity; `details` counts them. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class TicketTypeSetup:
    """A ticket type as its vendor sees it. Places are those without a number; null: it has none."""

    id: UUID
    event_id: UUID
    name: str
    price_minor: int
    sales_open_at: datetime | None
    sales_close_at: datetime | None
    """When it is sold, within the event's sales; null: as long as these."""
    capacity: int | None
    held: int | None
    sold: int | None
    version: int
    """The event's."""


@dataclass(frozen=True, slots=True)
class OwnTicketTypes:
    ticket_types: list[TicketTypeSetup]


READ = """
select t.id, t.event_id, t.name, t.price_minor, t.sales_open_at, t.sales_close_at, p.capacity, p.held, p.sold, e.version
from event e
join ticket_type t on t.event_id = e.id
left join (
  select ticket_type_id, sum(capacity)::int as capacity, sum(held)::int as held, sum(sold)::int as sold
  from pool where event_id = :event group by ticket_type_id
) p on p.ticket_type_id = t.id
where e.id = :event
order by t.position
"""

WINDOW = """
update ticket_type set sales_open_at = :opens, sales_close_at = :closes where id = :type
"""

WINDOWED = """
update event e set windowed_types = array(
  select t.id from ticket_type t
  where t.event_id = e.id and (t.sales_open_at is not null or t.sales_close_at is not null) order by t.id),
  version = version + 1
where e.id = :event
"""

RESIZE = """
update pool set capacity = :capacity where event_id = :event and ticket_type_id = :type and sold + held <= :capacity
"""


def list_ticket_types(session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID) -> OwnTicketTypes:
    """In the vendor's order. Raises `EventUnknown`."""
    read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)
    return OwnTicketTypes([TicketTypeSetup(*row) for row in session.execute(text(READ), {"event": event_id})])


def change_ticket_type(
    session: Session,
    *,
    vendor_ids: Sequence[UUID],
    event_id: UUID,
    ticket_type_id: UUID,
    version: int | None,
    changes: Mapping[str, Any],
    now: datetime,
    actor_id: UUID,
) -> TicketTypeSetup:
    """Set what `changes` names: `capacity`, `sales_open_at`, `sales_close_at` (None: as the event).

    Raises `EventUnknown`, `EventVersionChanged`, `EventFixed`, `TicketTypeUnknown`, `PlacesTaken`, `EventIncomplete`, `Invalid`
    naming the fields.
    """
    read_own_event(session, vendor_ids=vendor_ids, event_id=event_id)
    _find(session, event_id, ticket_type_id)  # what is not there has no version either
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=version)
    if event.status not in CHANGEABLE:
        raise EventFixed(f"The event is {event.status.value}: it can't be changed any more.", event_id=event_id)
    before = _find(session, event_id, ticket_type_id)
    opens, closes = changes.get("sales_open_at", before.sales_open_at), changes.get("sales_close_at", before.sales_close_at)
    _check_window(opens, closes, event_opens=event.sales_open_at, event_closes=event.sales_close_at)
    if "capacity" in changes:
        if event.status is EventStatus.DRAFT:
            lay_out(session, event_id=event_id, now=now)
        _resize(session, event_id=event_id, ticket_type_id=ticket_type_id, capacity=changes["capacity"])
    session.execute(text(WINDOW), {"type": ticket_type_id, "opens": opens, "closes": closes})  # also tells analytics to count again
    session.execute(text(WINDOWED), {"event": event_id})
    record(session, actor_id=actor_id, action="ticket_type.changed", subject_id=ticket_type_id)
    return _find(session, event_id, ticket_type_id)


def _find(session: Session, event_id: UUID, ticket_type_id: UUID) -> TicketTypeSetup:
    for row in session.execute(text(READ), {"event": event_id}):
        if row.id == ticket_type_id:
            return TicketTypeSetup(*row)
    raise TicketTypeUnknown("The event has no such ticket type.", ticket_type_id=ticket_type_id)


def _check_window(opens: datetime | None, closes: datetime | None, *, event_opens: datetime, event_closes: datetime) -> None:
    wrong: dict[str, str] = {}
    if opens is not None and opens >= event_closes:
        wrong["sales_open_at"] = "must be before the event's sales close"
    if closes is not None and closes <= event_opens:
        wrong["sales_close_at"] = "must be after the event's sales open"
    if opens is not None and closes is not None and opens >= closes:
        wrong["sales_open_at"] = "must be before sales_close_at"
    if wrong:
        raise Invalid("The ticket type would never be on sale.", fields=wrong)


def _resize(session: Session, *, event_id: UUID, ticket_type_id: UUID, capacity: int) -> None:
    parameters = {"event": event_id, "type": ticket_type_id, "capacity": capacity}
    resized = session.execute(text(RESIZE), parameters)
    if resized.rowcount == 1:  # type: ignore[attr-defined]
        return
    ticket_type = _find(session, event_id, ticket_type_id)
    if ticket_type.capacity is None:
        raise Invalid(
            "Only places without a number have a capacity; seats are blocked instead.",
            fields={"capacity": "is given by the layout's seats"},
        )
    raise PlacesTaken(
        "More places are held and sold than that.", ticket_type_id=ticket_type_id, held=ticket_type.held, sold=ticket_type.sold
    )
