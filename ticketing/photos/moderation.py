"""What a vendor decides about photos of its events. All of it runs in transactions of the role `vendor`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.foundation.states import advance
from ticketing.photos.rules import PHOTO_TRANSITIONS, PhotoState
from ticketing.photos.service import PhotoNotFound, PhotoPage, PhotoView, page_of, views


def list_of_vendor(
    session: Session, *, vendor_id: UUID, state: PhotoState | None = None, before: UUID | None = None, limit: int
) -> PhotoPage:
    """Photos of a vendor's events, in one state or in all, newest first."""
    where = "where p.vendor_id = :vendor and (cast(:state as text) is null or p.state = :state)"
    return page_of(session, where, before, limit, vendor=vendor_id, state=state)


def decide_photo(
    session: Session, *, vendor_ids: Collection[UUID], photo_id: UUID, to: PhotoState, actor_id: UUID, now: datetime
) -> PhotoView:
    """Approve or reject what waits; of two who decide at once the first one does.

    Raises `PhotoNotFound`, also for another vendor's, and `TransitionNotAllowed` for what is decided.
    """
    own = {"photo": photo_id, "vendors": list(vendor_ids)}
    found = session.execute(text("select state from photo where id = :photo and vendor_id = any(:vendors) for no key update"), own)
    state = found.scalar_one_or_none()
    if state is None:
        raise PhotoNotFound("There is no such photo.", image_id=photo_id)
    values = {"photo": photo_id, "state": advance(PHOTO_TRANSITIONS, PhotoState(state), to), "actor": actor_id, "now": now}
    session.execute(text("update photo set state = :state, decided_by_id = :actor, decided_at = :now where id = :photo"), values)
    record(session, actor_id=actor_id, action=f"photo.{to}", subject_id=photo_id)
    return views(session, "where p.id = :photo", photo=photo_id)[0]
