"""What photos keep on people: the pictures that they sent."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of
from ticketing.photos.store import PhotoStore
from ticketing.photos.tables import Photo

SENT = """
select p.id, p.event_id, e.title as event_title, p.state, p.width, p.height, p.file_bytes, p.created_at, p.decided_at,
  '/api/images/' || p.id as file
from photo p join event e on e.id = p.event_id where p.user_id = any(:ids) order by p.id
"""


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """The photos they have sent, each with the address of its file."""
    yield "photo", rows_of(session, SENT, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Their photos go, also those that others can see: the files first, so that none is left when the rows are gone."""
    store = PhotoStore(person.photos)
    for photo_id in session.execute(select(Photo.id).where(Photo.user_id.in_(person.ids))).scalars():
        store.remove(photo_id)
    session.execute(delete(Photo).where(Photo.user_id.in_(person.ids)))


PART = Part("photos", {"photo": "Deleted, files and rows."}, export_person, erase_person)
