"""What the audit keeps on people: ids alone."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

ENTRIES = """
select recorded_at, action,
  case when actor_id = any(:ids) then 'you' when actor_id is null then 'the system' else 'somebody else' end as done_by,
  case when subject_id = any(:ids) then null else subject_id end as subject_id
from audit_entry where actor_id = any(:ids) or subject_id = any(:ids)
order by id
"""


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """What they did, and what was done to them; who else acted is not theirs to know."""
    yield "audit_entry", rows_of(session, ENTRIES, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Nothing to forget: an entry has ids and an action, and taking one out would break the chain of seals."""


PART = Part(
    "audit",
    {"audit_entry": "Kept: ids, an action and a time, no personal data; the chain of seals must stay whole."},
    export_person,
    erase_person,
)
