"""Life of a vendor's event over HTTP: sales close and reopen, it moves to another time, its ticket types change."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.catalog.changes import EventSetup
from ticketing.catalog.life import NewTime, close_sales, postpone_event, reopen_sales
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.inventory import capacity
from ticketing.inventory.capacity import OwnTicketTypes, TicketTypeSetup, change_ticket_type
from ticketing.inventory.life_schemas import PostponeBody, TicketTypeChanges
from ticketing.inventory.vendor_routes import IfMatch, seen_version

router = APIRouter(prefix="/api", tags=["events"])


def _version(if_match: str | None) -> int | None:
    """The version, where naming it is left to the caller: stopping sales can't wait for reading the event again."""
    return None if if_match is None else seen_version(if_match)


@router.post("/events/{event_id}/close-sales", response_model=EventSetup)
def close(request: Request, caller: Authorised, event_id: UUID, if_match: IfMatch = None) -> Response:
    """Sell nothing more for the time being; holds that were made may still be paid."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        event = close_sales(session, vendor_ids=own, event_id=event_id, version=_version(if_match), now=now, actor_id=caller.user_id)
    return Json(event, headers={"ETag": f'"{event.version}"'})


@router.post("/events/{event_id}/reopen-sales", response_model=EventSetup)
def reopen(request: Request, caller: Authorised, event_id: UUID, if_match: IfMatch = None) -> Response:
    """Sell again, after a pause or a postponement."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        event = reopen_sales(session, vendor_ids=own, event_id=event_id, version=_version(if_match), now=now, actor_id=caller.user_id)
    return Json(event, headers={"ETag": f'"{event.version}"'})


@router.post("/events/{event_id}/postpone", response_model=EventSetup)
def postpone(request: Request, caller: Authorised, event_id: UUID, body: PostponeBody, if_match: IfMatch = None) -> Response:
    """Move it to another time: tickets stay valid, everybody who has one is told, sales stand still until they are reopened."""
    own, version = sorted(caller.vendor_ids), seen_version(if_match)
    new_time = NewTime(body.local_start, body.doors_at, body.sales_close_at)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        event = postpone_event(
            session, vendor_ids=own, event_id=event_id, version=version, new_time=new_time, now=now, actor_id=caller.user_id
        )
    return Json(event, headers={"ETag": f'"{event.version}"'})


@router.get("/events/{event_id}/ticket-types", response_model=OwnTicketTypes)
def list_ticket_types(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """An event's ticket types with their own sales windows, and what is held and sold of places without a number."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(capacity.list_ticket_types(session, vendor_ids=own, event_id=event_id))


@router.patch("/events/{event_id}/ticket-types/{ticket_type_id}", response_model=TicketTypeSetup)
def change(
    request: Request, caller: Authorised, event_id: UUID, ticket_type_id: UUID, body: TicketTypeChanges, if_match: IfMatch = None
) -> Response:
    """Change when a ticket type is sold, or how many places without a number there are: never below what is held and sold."""
    own, version, changes = sorted(caller.vendor_ids), seen_version(if_match), body.changes()
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        changed = change_ticket_type(
            session,
            vendor_ids=own,
            event_id=event_id,
            ticket_type_id=ticket_type_id,
            version=version,
            changes=changes,
            now=database_now(session),
            actor_id=caller.user_id,
        )
    return Json(changed, headers={"ETag": f'"{changed.version}"'})
