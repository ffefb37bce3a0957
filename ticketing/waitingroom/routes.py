"""The waiting room for those who run it: set it up, watch it, pause it. Buyers' endpoints are among the hot ones of `orders`."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.waitingroom import service
from ticketing.waitingroom.schemas import QueueBody

router = APIRouter(prefix="/api/events/{event_id}/queue", tags=["waiting room"])


@router.put("", response_model=service.QueueView)
def set_queue(request: Request, caller: Authorised, event_id: UUID, body: QueueBody) -> Response:
    """Give an event a waiting room, or change how it lets people in."""
    settings = service.QueueSettings(**body.model_dump())
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(service.set_queue(session, vendor_ids=caller.vendor_ids, event_id=event_id, settings=settings, actor_id=caller.user_id))


@router.get("", response_model=service.QueueView)
def read_queue(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """Who waits, who is inside, how many have bought."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(service.read_queue(session, vendor_ids=caller.vendor_ids, event_id=event_id))


@router.post("/pause", response_model=service.QueueView)
def pause_queue(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """Let nobody in for now; who is inside stays."""
    return _pause(request, caller, event_id, paused=True)


@router.post("/resume", response_model=service.QueueView)
def resume_queue(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """Go on letting people in."""
    return _pause(request, caller, event_id, paused=False)


def _pause(request: Request, caller: Authorised, event_id: UUID, *, paused: bool) -> Response:
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(
            service.pause_queue(
                session,
                vendor_ids=caller.vendor_ids,
                event_id=event_id,
                paused=paused,
                actor_id=caller.user_id,
                now=database_now(session),
            )
        )
