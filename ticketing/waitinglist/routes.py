"""Waiting lists over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ticketing.accounts.access import Authorised
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json
from ticketing.waitinglist import service
from ticketing.waitinglist.service import Entries, EntryView, Wish

router = APIRouter(prefix="/api", tags=["waiting list"])


class WishBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quantity: int = Field(ge=1, le=100, examples=[2], description="side by side, where places are seats")
    section_ids: list[UUID] = Field(default=[], max_length=service.MOST_SECTIONS, description="none: anywhere")
    max_price: Annotated[str | None, Field(max_length=20, pattern=r"^[0-9.]+$", examples=["65.00"])] = None
    """Of one place, all-in, in the event's currency."""
    accessible: bool = Field(default=False, description="at least one accessible seat")


@router.post("/events/{event_id}/waiting-list", status_code=201, response_model=EntryView)
def join_waiting_list(request: Request, caller: Authorised, event_id: UUID, body: WishBody) -> Response:
    """Wait for places that are sold out: when such places become free, they are held for you and a mail brings the link."""
    wish = Wish(body.quantity, body.section_ids, body.max_price, body.accessible)
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        entry = service.join_waiting_list(session, event_id=event_id, buyer_id=caller.user_id, wish=wish, now=now)
    return Json(entry, status_code=201)


@router.get("/waiting-list", response_model=Entries)
def list_entries(request: Request, caller: Authorised) -> Response:
    """What I wait for, how many wait before me, and what I was offered: `hold_id` is a hold to order from."""
    with request.app.state.database.transaction() as session:
        return Json(Entries(service.list_entries(session, buyer_id=caller.user_id)))


@router.delete("/waiting-list/{entry_id}", status_code=204)
def leave_waiting_list(request: Request, caller: Authorised, entry_id: UUID) -> Response:
    """Wait no more. An offer is given back by releasing its hold."""
    with request.app.state.database.transaction() as session:
        service.leave_waiting_list(session, entry_id=entry_id, buyer_id=caller.user_id, now=database_now(session))
    return Response(status_code=204)
