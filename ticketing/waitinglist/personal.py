"""What the waiting list keeps on people: what they wait for."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

WISHES = """
select w.event_id, e.title as event_title, w.quantity, w.section_ids, w.most_each_minor, w.accessible, w.state, w.joined_at, w.hold_id,
  w.offered_at, w.offer_ends_at, w.ended_at
from waiting_list_entry w join event e on e.id = w.event_id where w.buyer_id = any(:ids) order by w.id
"""

LEAVE = """
update waiting_list_entry set state = 'left', ended_at = app_now() where buyer_id = any(:ids) and state in ('waiting', 'offered')
"""


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """What they wait or waited for."""
    yield "waiting_list_entry", rows_of(session, WISHES, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """They wait no more; what was offered goes to the next when its hold runs out."""
    session.execute(text(LEAVE), {"ids": list(person.ids)})


PART = Part(
    "waitinglist",
    {"waiting_list_entry": "Kept as a wish that was left: figures of demand, of an id that names nobody."},
    export_person,
    erase_person,
)
