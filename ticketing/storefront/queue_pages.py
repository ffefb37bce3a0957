"""The waiting room: enter, keep the place, be told when it is your turn. The page renews itself, with a script or without."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ticketing.accounts.http import current_user, set_session_cookie
from ticketing.catalog import browse
from ticketing.foundation.db import database_now
from ticketing.foundation.ids import new_token
from ticketing.storefront.view import page
from ticketing.storefront.visitors import Key, buyer_or_visitor
from ticketing.waitingroom import service
from ticketing.waitingroom.places import Places
from ticketing.waitingroom.tokens import PlaceToken

router = APIRouter()


def _places(request: Request) -> Places:
    places: Places = request.app.state.places
    return places


@router.get("/events/{event_id}/queue")
def show_entrance(request: Request, event_id: UUID) -> Response:
    """The door of an event's waiting room."""
    with request.app.state.database.transaction() as session:
        event = browse.get_event(session, event_id=event_id, now=database_now(session))
    return page(request, "queue.html", user=current_user(request), event=event, place=None, key=new_token())


@router.post("/events/{event_id}/queue")
def enter(request: Request, event_id: UUID, key: Key, tell: Annotated[bool, Form()] = False) -> Response:
    """Take a place, and go to its page."""
    buyer_id, token = buyer_or_visitor(request, key)
    booking = request.app.state.booking
    place = booking.wait(booking.enter_queue(event_id=event_id, buyer_id=buyer_id, tell=tell))
    answer = RedirectResponse(f"/queue/{_places(request).signer.write(PlaceToken.of(place))}", status_code=303)
    if token is not None:
        set_session_cookie(answer, request, token)
    return answer


@router.get("/queue/{token}")
async def show_place(request: Request, token: str) -> Response:
    """How things stand."""
    place = await _places(request).look(_places(request).signer.read(token))

    def read() -> Response:
        with request.app.state.database.transaction() as session:
            event = browse.get_event(session, event_id=place.event_id, now=database_now(session))
        return page(request, "queue.html", user=current_user(request), event=event, place=place, key="")

    return await run_in_threadpool(read)


@router.post("/queue/{token}/leave")
def leave(request: Request, token: str) -> Response:
    """Give the place to the next."""
    place = _places(request).signer.read(token)
    with request.app.state.database.transaction() as session:
        service.leave_queue(session, entry_id=place.entry_id)
    return RedirectResponse(f"/events/{place.event_id}", status_code=303)
