"""What tickets keep on people: who holds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

TICKETS = """
select t.id, t.code, t.order_id, t.event_id, e.title as event_title, e.local_start, e.zone, t.ticket_type_id, t.seat_no, t.state,
  t.issued_at, t.ended_at
from ticket t join event e on e.id = t.event_id where t.holder_id = any(:ids) order by t.issued_at, t.id
"""

UPCOMING = """
select t.id, t.order_id from ticket t join event e on e.id = t.event_id
where t.holder_id = any(:ids) and t.state in ('valid', 'listed') and e.starts_at > :now
order by e.starts_at, t.id
"""

SEND_AGAIN = "update ticket set changed_xid = default where holder_id = any(:ids)"
"""The trigger stamps the rows: the warehouse's next increment takes them in without analytics_id."""


@dataclass(frozen=True, slots=True)
class UpcomingTicket:
    """One that still lets somebody in."""

    id: UUID
    order_id: UUID


def upcoming_tickets(session: Session, person: Person) -> list[UpcomingTicket]:
    """What a person holds for events to come, the next one first."""
    return [UpcomingTicket(*row) for row in session.execute(text(UPCOMING), {"ids": list(person.ids), "now": person.now})]


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Without the secrets that make the QR codes."""
    yield "ticket", rows_of(session, TICKETS, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Nothing names the person; the warehouse hears that they are gone."""
    session.execute(text(SEND_AGAIN), {"ids": list(person.ids)})


PART = Part(
    "tickets",
    {"ticket": "Kept: the vendor's proof of who may enter and who was paid back; of an id that names nobody."},
    export_person,
    erase_person,
)
