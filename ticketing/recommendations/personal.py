"""What recommendations keep on people: that somebody wants none."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Their choice, if they have made one."""
    choice = "select opted_out_at from recommendation_opt_out where user_id = any(:ids)"
    yield "recommendation_opt_out", rows_of(session, choice, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """The choice goes with the person."""
    session.execute(text("delete from recommendation_opt_out where user_id = any(:ids)"), {"ids": list(person.ids)})


PART = Part("recommendations", {"recommendation_opt_out": "Deleted."}, export_person, erase_person)
