"""What the waiting room keeps on people: their places."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

PLACES = """
select q.event_id, e.title as event_title, q.arrived_at, q.position, q.tell, q.state, q.admitted_at, q.turn_ends_at, q.hold_id
from queue_entry q join event e on e.id = q.event_id where q.buyer_id = any(:ids) order by q.arrived_at, q.id
"""

LEAVE = """
update queue_entry set tell = false, state = case when state in ('waiting', 'admitted', 'shopping') then 'left' else state end
where buyer_id = any(:ids)
"""


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Where they have waited."""
    yield "queue_entry", rows_of(session, PLACES, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """They wait no more, and are not told."""
    session.execute(text(LEAVE), {"ids": list(person.ids)})


PART = Part(
    "waitingroom",
    {"queue_entry": "Kept as a position that was left: those behind keep theirs."},
    export_person,
    erase_person,
)
