"""What privacy itself keeps on people: that, and when, they were erased."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

ASKED = "select user_id, asked_at, finished_at from erasure where user_id = any(:ids)"


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Of guests that were erased before."""
    yield "erasure", rows_of(session, ASKED, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """The proof that somebody was erased stays: ids and times."""


PART = Part("privacy", {"erasure": "Kept: the proof that it was done, and when; ids and times."}, export_person, erase_person)
