"""Photos of attended events: add, list, delete. Reading and deciding as a vendor stands in `moderation.py`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from ticketing.accounts.claims import PERSONS, persons_of
from ticketing.audit.service import record
from ticketing.catalog.browse import PUBLIC, get_event
from ticketing.foundation.errors import Conflict, Forbidden, NotFound
from ticketing.photos.rules import MOST_PER_EVENT, PhotoState
from ticketing.photos.tables import Photo
from ticketing.tickets.attendance import find_attended


class PhotoNotFound(NotFound):
    """No such photo, or not for this person's eyes."""


class PlaceNotFound(NotFound):
    """No such venue or artist."""


class EventNotAttended(Forbidden):
    """The person has no ticket to this event, or it has not begun."""


class TooManyPhotos(Conflict):
    """As many of this event as one person may send."""


@dataclass(frozen=True, slots=True)
class PhotoView:
    """A photo as it is listed; its file is at `url`. Who sent it is not told."""

    id: UUID
    event_id: UUID
    event_title: str
    state: PhotoState
    url: str
    width: int
    height: int
    created_at: datetime
    decided_at: datetime | None
    """Approved or rejected then."""


@dataclass(frozen=True, slots=True)
class PhotoPage:
    """Newest first."""

    images: list[PhotoView]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """What is known of a file that lies ready under `id`; sizes in pixels and bytes."""

    id: UUID
    width: int
    height: int
    file_bytes: int


CARD = """
select p.id, p.event_id, e.title, p.state, p.width, p.height, p.created_at, p.decided_at from photo p join event e on e.id = p.event_id
"""
PAGE = "and (cast(:before as uuid) is null or p.id < :before) order by p.id desc limit :limit"
OPEN = f"p.state = 'approved' and e.status not in ('draft', 'withdrawn') and {PUBLIC}"
"""What lists of several events may show."""


def check_may_send(session: Session, *, user_id: UUID, event_id: UUID, now: datetime) -> UUID:
    """The event's vendor. Raises `EventNotAttended`, `TooManyPhotos`."""
    vendor_id = find_attended(session, user_id=user_id, event_ids=[event_id], now=now).get(event_id)
    if vendor_id is None:
        raise EventNotAttended("Photos are for who was there: a ticket of yours, to an event that has begun.", event_id=event_id)
    persons = persons_of(session, user_id=user_id)
    sent = select(func.count()).where(Photo.user_id.in_(persons), Photo.event_id == event_id)
    if session.execute(sent).scalar_one() >= MOST_PER_EVENT:
        raise TooManyPhotos(f"You have sent {MOST_PER_EVENT} photos of this event: delete one first.", event_id=event_id)
    return vendor_id


def add_photo(session: Session, *, user_id: UUID, event_id: UUID, new: NewPhoto, now: datetime) -> PhotoView:
    """A photo that waits for the vendor's decision. Its file is there already. Raises `EventNotAttended`, `TooManyPhotos`."""
    lock = text("select pg_advisory_xact_lock(hashtextextended('photos:' || :whose, 0))")
    session.execute(lock, {"whose": f"{user_id}:{event_id}"})
    vendor_id = check_may_send(session, user_id=user_id, event_id=event_id, now=now)
    session.add(
        Photo(
            id=new.id,
            vendor_id=vendor_id,
            event_id=event_id,
            user_id=user_id,
            width=new.width,
            height=new.height,
            file_bytes=new.file_bytes,
            created_at=now,
        )
    )
    session.flush()
    record(session, actor_id=user_id, action="photo.sent", subject_id=new.id)
    return views(session, "where p.id = :photo", photo=new.id)[0]


def delete_photo(session: Session, *, user_id: UUID, photo_id: UUID) -> None:
    """For good, whatever was decided; the caller removes the file after the commit. Raises `PhotoNotFound`."""
    gone = text(f"delete from photo where id = :photo and user_id in {PERSONS} returning id")
    if session.execute(gone, {"photo": photo_id, "person": user_id}).one_or_none() is None:
        raise PhotoNotFound("There is no such photo.", image_id=photo_id)
    record(session, actor_id=user_id, action="photo.deleted", subject_id=photo_id)


def list_own(session: Session, *, user_id: UUID, event_id: UUID | None = None, before: UUID | None = None, limit: int) -> PhotoPage:
    """A person's photos in every state, newest first; of one event, or of all."""
    where = f"where p.user_id in {PERSONS} and (cast(:event as uuid) is null or p.event_id = :event)"
    return page_of(session, where, before, limit, person=user_id, event=event_id)


def list_of_event(session: Session, *, event_id: UUID, now: datetime, before: UUID | None = None, limit: int) -> PhotoPage:
    """An event's approved photos, newest first. Raises `EventNotPublic`."""
    get_event(session, event_id=event_id, now=now)
    return page_of(session, "where p.state = 'approved' and p.event_id = :event", before, limit, event=event_id)


def list_of_venue(session: Session, *, venue_id: UUID, now: datetime, before: UUID | None = None, limit: int) -> PhotoPage:
    """Approved photos of all public events at a venue, newest first. Raises `PlaceNotFound`."""
    if session.execute(text("select 1 from venue where id = :venue"), {"venue": venue_id}).first() is None:
        raise PlaceNotFound("There is no such venue.", venue_id=venue_id)
    return page_of(session, f"where e.venue_id = :venue and {OPEN}", before, limit, venue=venue_id, now=now)


def list_of_artist(session: Session, *, artist_id: UUID, now: datetime, before: UUID | None = None, limit: int) -> PhotoPage:
    """Approved photos of all public events of an artist, newest first. Raises `PlaceNotFound`."""
    if session.execute(text("select 1 from artist where id = :artist"), {"artist": artist_id}).first() is None:
        raise PlaceNotFound("There is no such artist.", artist_id=artist_id)
    where = f"where exists (select from event_artist ea where ea.event_id = e.id and ea.artist_id = :artist) and {OPEN}"
    return page_of(session, where, before, limit, artist=artist_id, now=now)


def is_approved(session: Session, *, photo_id: UUID) -> bool:
    """Whether everybody may see it."""
    return session.execute(select(Photo.id).where(Photo.id == photo_id, Photo.state == PhotoState.APPROVED)).first() is not None


def may_see(session: Session, *, photo_id: UUID, user_id: UUID | None, vendor_ids: Collection[UUID]) -> bool:
    """Whether it is this person's, or of an event of these vendors: then it is seen in every state."""
    sql = text(f"select 1 from photo where id = :photo and (user_id in {PERSONS} or vendor_id = any(:vendors))")
    return session.execute(sql, {"photo": photo_id, "person": user_id, "vendors": list(vendor_ids)}).first() is not None


def views(session: Session, rest: str, **values: Any) -> list[PhotoView]:
    """The photos that a `where` of this feature finds."""
    return [
        PhotoView(row.id, row.event_id, row.title, PhotoState(row.state), address(row.id), *row[4:])
        for row in session.execute(text(CARD + rest), values)
    ]


def page_of(session: Session, where: str, before: UUID | None, limit: int, **values: Any) -> PhotoPage:
    """One page of them, newest first; `before`: those older than this one."""
    found = views(session, f"{where} {PAGE}", before=before, limit=limit + 1, **values)
    return PhotoPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def address(photo_id: UUID) -> str:
    """Of its file."""
    return f"/api/images/{photo_id}"
