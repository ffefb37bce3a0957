"""An upload from the form to the row: read in pieces, checked and drawn anew in the photos' lane, written, then committed.

Deleting goes the other way: the row, then the file.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Invalid, Malformed
from ticketing.foundation.ids import new_id
from ticketing.photos import service
from ticketing.photos.encode import Kept, prepare
from ticketing.photos.service import NewPhoto, PhotoView

UPLOADS_PER_PERSON = "40 per 10 minutes"
LONGEST_FIELD = 1_024


class FormExpected(Invalid):
    """The body is not multipart/form-data, which files are sent in."""

    status = 415


class FormBroken(Malformed):
    """The body says that it is a form, and is not one that we read."""


async def receive_photo(request: Request, *, user_id: UUID) -> PhotoView:
    """The photo in the request's form (`event_id`, `image`), kept and waiting for its vendor.

    The body is read here and not before, so that only whoever may send is listened to. Raises `FormExpected`, `FormBroken`,
    `Invalid`, `EventNotAttended`, `TooManyPhotos`, `TooManyRequests`, `PhotosBusy` and what `prepare` raises.
    """
    state = request.app.state
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise FormExpected("Send the photo as multipart/form-data, with the fields event_id and image.")
    await run_in_threadpool(state.limits.spend, "photos", UPLOADS_PER_PERSON, "account", str(user_id))
    form = await _read_form(request)
    try:
        event_id, image = _event_id(form.get("event_id")), form.get("image")
        if not isinstance(image, UploadFile):
            raise Invalid("There is no file in the form.", fields={"image": "is needed, as a file"})
        await run_in_threadpool(_check, request, user_id, event_id)
        kept = await state.photo_lane.run(prepare, image.file)
    finally:
        await form.close()
    return await run_in_threadpool(_keep, request, user_id, event_id, kept)


def delete_with_file(request: Request, *, user_id: UUID, photo_id: UUID) -> None:
    """A person's photo: the row, then its file. Raises `PhotoNotFound`."""
    state = request.app.state
    with state.database.transaction() as session:
        service.delete_photo(session, user_id=user_id, photo_id=photo_id)
    state.photos.remove(photo_id)


async def _read_form(request: Request) -> FormData:
    """One file, spooled to disk, and a few short fields. The caller closes it."""
    try:
        return await request.form(max_files=1, max_fields=4, max_part_size=LONGEST_FIELD)
    except HTTPException as error:
        if error.status_code != 400:  # too large, says the edge
            raise
        raise FormBroken("The form could not be read: send one file, and nothing but the fields asked for.") from error


def _event_id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Invalid("The form names no event.", fields={"event_id": "is needed, as an event's id"}) from error


def _check(request: Request, user_id: UUID, event_id: UUID) -> None:
    """Before anything is decoded."""
    with request.app.state.database.transaction() as session:
        service.check_may_send(session, user_id=user_id, event_id=event_id, now=database_now(session))


def _keep(request: Request, user_id: UUID, event_id: UUID, kept: Kept) -> PhotoView:
    """The file first: a row is never without one."""
    state = request.app.state
    new = NewPhoto(new_id(), kept.width, kept.height, len(kept.content))
    state.photos.write(new.id, kept.content)
    try:
        with state.database.transaction() as session:
            return service.add_photo(session, user_id=user_id, event_id=event_id, new=new, now=database_now(session))
    except (service.TooManyPhotos, service.EventNotAttended):  # no row, for certain; after any other fault the janitor looks
        state.photos.remove(new.id)
        raise
