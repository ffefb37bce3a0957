"""The same show on another night, over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.catalog.changes import EventSetup
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.inventory.clone import OtherNight
from ticketing.inventory.life_schemas import CloneBody
from ticketing.waitingroom.clone import clone_night

router = APIRouter(prefix="/api/events/{event_id}/clone", tags=["events"])


@router.post("", status_code=201, response_model=EventSetup)
def clone(request: Request, caller: Authorised, event_id: UUID, body: CloneBody) -> Response:
    """A draft with the same layout, prices, capacities, blocks, payment methods and waiting room, and nothing sold."""
    own, night = sorted(caller.vendor_ids), OtherNight(body.local_start, body.title, body.sales_open_at)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        event = clone_night(session, vendor_ids=own, event_id=event_id, night=night, now=now, actor_id=caller.user_id)
    headers = {"ETag": f'"{event.version}"', "Location": f"/api/vendors/{event.vendor_id}/events/{event.id}"}
    return Json(event, status_code=201, headers=headers)
