"""Photos over HTTP: send, list, delete, see, decide."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ticketing.accounts.access import Authorised, Caller
from ticketing.accounts.access_tokens import Scope
from ticketing.accounts.http import current_user
from ticketing.accounts.sessions import UserNotFound
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.photos import moderation, service
from ticketing.photos.rules import PhotoState
from ticketing.photos.service import PhotoNotFound, PhotoPage, PhotoView
from ticketing.photos.uploads import delete_with_file, receive_photo

router = APIRouter(prefix="/api", tags=["photos"])
Limit = Annotated[int, Query(ge=1, le=100)]

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["event_id", "image"],
                    "properties": {
                        "event_id": {
                            "type": "string",
                            "format": "uuid",
                            "description": "an event you hold a ticket to; it has begun",
                        },
                        "image": {"type": "string", "format": "binary", "description": "PNG, JPEG or WebP, at most 5 MB and 20 megapixels"},
                    },
                }
            }
        },
    }
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The photo", "content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}}
}
SHOWN_SECONDS = 300
"""How long others may keep a photo that was deleted since."""


def _self(caller: Caller, user_id: UUID) -> UUID:
    if user_id != caller.user_id:
        raise UserNotFound("There is no such account.", user_id=user_id)
    return user_id


@router.post("/users/{user_id}/images", status_code=201, response_model=PhotoView, openapi_extra=UPLOAD)
async def send_photo(request: Request, caller: Authorised, user_id: UUID) -> Response:
    """A photo of an event that you were at. Everybody sees it once the event's vendor has approved it."""
    photo = await receive_photo(request, user_id=_self(caller, user_id))
    return Json(photo, status_code=201, headers={"Location": photo.url})


@router.get("/users/{user_id}/images", response_model=PhotoPage)
def list_own_photos(request: Request, caller: Authorised, user_id: UUID, cursor: UUID | None = None, limit: Limit = 24) -> Response:
    """Your photos in every state, newest first. Follow `next_cursor` for older ones."""
    with request.app.state.database.transaction() as session:
        return Json(service.list_own(session, user_id=_self(caller, user_id), before=cursor, limit=limit))


@router.delete("/users/{user_id}/images/{image_id}", status_code=204)
def delete_photo(request: Request, caller: Authorised, user_id: UUID, image_id: UUID) -> Response:
    """Delete a photo of yours with its file, whatever was decided about it."""
    delete_with_file(request, user_id=_self(caller, user_id), photo_id=image_id)
    return Response(status_code=204)


@router.get("/events/{event_id}/images", response_model=PhotoPage)
def list_event_photos(request: Request, event_id: UUID, cursor: UUID | None = None, limit: Limit = 24) -> Response:
    """Approved photos of an event, newest first. Follow `next_cursor` for older ones."""
    with request.app.state.database.transaction() as session:
        return Json(service.list_of_event(session, event_id=event_id, now=database_now(session), before=cursor, limit=limit))


@router.get("/venues/{venue_id}/images", response_model=PhotoPage)
def list_venue_photos(request: Request, venue_id: UUID, cursor: UUID | None = None, limit: Limit = 24) -> Response:
    """Approved photos of events at a venue, newest first. Follow `next_cursor` for older ones."""
    with request.app.state.database.transaction() as session:
        return Json(service.list_of_venue(session, venue_id=venue_id, now=database_now(session), before=cursor, limit=limit))


@router.get("/artists/{artist_id}/images", response_model=PhotoPage)
def list_artist_photos(request: Request, artist_id: UUID, cursor: UUID | None = None, limit: Limit = 24) -> Response:
    """Approved photos of an artist's events, newest first. Follow `next_cursor` for older ones."""
    with request.app.state.database.transaction() as session:
        return Json(service.list_of_artist(session, artist_id=artist_id, now=database_now(session), before=cursor, limit=limit))


@router.get("/images/{image_id}", response_class=Response, responses=FILE)
def read_photo(request: Request, image_id: UUID) -> Response:
    """The file. Until it is approved only who sent it and the event's vendor see it."""
    state = request.app.state
    with state.database.transaction() as session:
        shown = service.is_approved(session, photo_id=image_id)
    content = state.photos.read(image_id) if shown or _is_concerned(request, image_id) else None
    if content is None:
        raise PhotoNotFound("There is no such photo.", image_id=image_id)
    keeping = f"public, max-age={SHOWN_SECONDS}" if shown else "private, no-store"
    return Response(content, media_type="image/webp", headers={"Cache-Control": keeping})


@router.get("/vendors/{vendor_id}/images", response_model=PhotoPage)
def list_vendor_photos(
    request: Request, caller: Authorised, vendor_id: UUID, state: PhotoState | None = None, cursor: UUID | None = None, limit: Limit = 24
) -> Response:
    """Photos of a vendor's events, newest first; those that wait for a decision with `state=pending`."""
    own = caller.vendor(vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[own]) as session:
        return Json(moderation.list_of_vendor(session, vendor_id=own, state=state, before=cursor, limit=limit))


@router.post("/images/{image_id}/approve", response_model=PhotoView)
def approve_photo(request: Request, caller: Authorised, image_id: UUID) -> Response:
    """Show a photo of your event to everybody. Only what waits can be approved."""
    return _decide(request, caller, image_id, PhotoState.APPROVED)


@router.post("/images/{image_id}/reject", response_model=PhotoView)
def reject_photo(request: Request, caller: Authorised, image_id: UUID) -> Response:
    """Don't show a photo of your event. Only what waits can be rejected."""
    return _decide(request, caller, image_id, PhotoState.REJECTED)


def _decide(request: Request, caller: Caller, image_id: UUID, to: PhotoState) -> Response:
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        photo = moderation.decide_photo(
            session, vendor_ids=own, photo_id=image_id, to=to, actor_id=caller.user_id, now=database_now(session)
        )
    return Json(photo)


def _is_concerned(request: Request, image_id: UUID) -> bool:
    """Whether the caller sent it or is a member of its vendor; an access token must be good for that."""
    user = current_user(request, with_access_tokens=True)
    if user is None:
        return False
    good_for = set(Scope) if user.scopes is None else set(user.scopes)
    vendors = {member.vendor_id for member in user.memberships} if Scope.EVENTS in good_for else set()
    person = user.user_id if Scope.PROFILE in good_for and not user.is_client else None
    with request.app.state.database.transaction() as session:
        return service.may_see(session, photo_id=image_id, user_id=person, vendor_ids=vendors)
