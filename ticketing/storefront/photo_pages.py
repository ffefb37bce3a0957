"""Photos of an event that somebody was at: sent and deleted on the order's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ticketing.accounts.http import require_user
from ticketing.orders.read import OrderView
from ticketing.photos import service as photos
from ticketing.photos.rules import MOST_PER_EVENT
from ticketing.photos.service import PhotoView
from ticketing.photos.uploads import delete_with_file, receive_photo
from ticketing.tickets.attendance import find_attended

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Album:
    """What the order's page shows of one event that its buyer was at."""

    event_id: UUID
    event_title: str
    photos: Sequence[PhotoView]

    @property
    def has_room(self) -> bool:
        return len(self.photos) < MOST_PER_EVENT


def albums(session: Session, *, order: OrderView, user_id: UUID, now: datetime) -> list[Album]:
    """One for each event of the order that has begun and that the person holds a ticket to."""
    titles = {line.event_id: line.event_title for line in order.lines}
    return [
        Album(event_id, titles[event_id], photos.list_own(session, user_id=user_id, event_id=event_id, limit=MOST_PER_EVENT).images)
        for event_id in find_attended(session, user_id=user_id, event_ids=titles, now=now)
    ]


@router.post("/orders/{order_id}/photos")
async def send_photo(request: Request, order_id: UUID) -> Response:
    """Send a photo; it waits for the organiser."""
    user = await run_in_threadpool(require_user, request)
    await receive_photo(request, user_id=user.user_id)
    return RedirectResponse(f"/orders/{order_id}#photos", status_code=303)


@router.post("/orders/{order_id}/photos/{photo_id}/delete")
def delete_photo(request: Request, order_id: UUID, photo_id: UUID) -> Response:
    """Delete a photo of mine, whatever was decided about it."""
    delete_with_file(request, user_id=require_user(request).user_id, photo_id=photo_id)
    return RedirectResponse(f"/orders/{order_id}#photos", status_code=303)
