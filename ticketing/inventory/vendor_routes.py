"""A vendor's own events over HTTP: made, read, changed, published, withdrawn.

Who changes an event sends the version they have seen as `If-Match`: the `ETag` of the answer that showed it.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.catalog import changes
from ticketing.catalog.changes import EventSetup, OwnEvents, change_own_event, create_own_event
from ticketing.catalog.rules import check_start
from ticketing.catalog.schemas import EventBody, EventChanges, NewEvent, draft_fields, to_artists, to_prices
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.errors import Malformed, TicketingError
from ticketing.foundation.http import Json
from ticketing.inventory.publish import publish_event
from ticketing.inventory.withdraw import withdraw_event

router = APIRouter(prefix="/api", tags=["events"])
VERSION = re.compile(r'"(\d{1,9})(-[0-9a-f]+)?"')
IfMatch = Annotated[str | None, Header(max_length=100, examples=['"3"'], description="the version you have seen, or * for any")]


class VersionNeeded(TicketingError):
    """An event is only changed by who says which version they have seen: send its `ETag` as `If-Match`."""

    status: ClassVar[int] = 428


def seen_version(value: str | None) -> int | None:
    """The version in an `If-Match`; None for `*`. Raises `VersionNeeded`, `Malformed`."""
    if value is None:
        raise VersionNeeded("Send the event's ETag as If-Match, so that nobody's change is overwritten unseen.")
    if value.strip() == "*":
        return None
    found = VERSION.fullmatch(value.strip().removeprefix("W/"))
    if found is None:
        raise Malformed("If-Match is not an ETag of ours.")
    return int(found[1])


def _answer(event: EventSetup, status_code: int = 200) -> Response:
    headers = {"ETag": f'"{event.version}"', "Location": f"/api/vendors/{event.vendor_id}/events/{event.id}"}
    return Json(event, status_code=status_code, headers=headers if status_code == 201 else {"ETag": headers["ETag"]})


@router.post("/events", status_code=201, response_model=EventSetup)
def create_event(request: Request, caller: Authorised, body: NewEvent) -> Response:
    """A draft: nobody else sees it until it is published."""
    vendor_id = caller.vendor(body.vendor_id)
    draft = body.draft()
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        event = create_own_event(
            session,
            vendor_id=vendor_id,
            layout_id=body.layout_id,
            draft=draft,
            artists=to_artists(body.artists),
            prices=to_prices(body.prices, body.currency),
            actor_id=caller.user_id,
        )
    return _answer(event, 201)


@router.get("/vendors/{vendor_id}/events", response_model=OwnEvents)
def list_own_events(request: Request, caller: Authorised, vendor_id: UUID) -> Response:
    """All of a vendor's events, drafts and withdrawn ones included, latest start first."""
    own = caller.vendor(vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[own]) as session:
        return Json(changes.list_own_events(session, vendor_id=own))


@router.get("/vendors/{vendor_id}/events/{event_id}", response_model=EventSetup)
def read_own_event(request: Request, caller: Authorised, vendor_id: UUID, event_id: UUID) -> Response:
    """One event with everything that can be set."""
    own = caller.vendor(vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[own]) as session:
        return _answer(changes.read_own_event(session, vendor_ids=[own], event_id=event_id))


@router.put("/events/{event_id}", response_model=EventSetup)
def replace_event(request: Request, caller: Authorised, event_id: UUID, body: EventBody, if_match: IfMatch = None) -> Response:
    """Set everything; what is left out gets its default. Once published, what buyers have agreed to is fixed."""
    version = seen_version(if_match)
    body.draft()
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        event = change_own_event(
            session,
            vendor_ids=list(caller.vendor_ids),
            event_id=event_id,
            version=version,
            changes=draft_fields(body.model_dump()),
            artists=to_artists(body.artists),
            prices=to_prices(body.prices, body.currency),
            actor_id=caller.user_id,
        )
    return _answer(event)


@router.patch("/events/{event_id}", response_model=EventSetup)
def change_event(request: Request, caller: Authorised, event_id: UUID, body: EventChanges, if_match: IfMatch = None) -> Response:
    """Set only what is sent; null clears what may be empty."""
    version = seen_version(if_match)
    changed = body.changes()
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        now = changes.read_own_event(session, vendor_ids=list(caller.vendor_ids), event_id=event_id)
        if body.local_start is not None or body.zone is not None:
            check_start(body.local_start or now.local_start, body.zone or now.zone)
        event = change_own_event(
            session,
            vendor_ids=list(caller.vendor_ids),
            event_id=event_id,
            version=version,
            changes=changed,
            artists=None if body.artists is None else to_artists(body.artists),
            prices=None if body.prices is None else to_prices(body.prices, body.currency or now.currency),
            actor_id=caller.user_id,
        )
    return _answer(event)


@router.delete("/events/{event_id}", status_code=204)
def withdraw(request: Request, caller: Authorised, event_id: UUID, if_match: IfMatch = None) -> Response:
    """Take a draft or a published event back, as long as nothing of it is sold or held."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        withdraw_event(
            session,
            vendor_ids=list(caller.vendor_ids),
            event_id=event_id,
            version=seen_version(if_match),
            actor_id=caller.user_id,
        )
    return Response(status_code=204)


@router.post("/events/{event_id}/publish", response_model=EventSetup)
def publish(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """Put a draft on sale. A second call finds it published and answers 409."""
    own = list(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        changes.lock_own_event(session, vendor_ids=own, event_id=event_id, version=None)
        publish_event(session, event_id=event_id, now=database_now(session), actor_id=caller.user_id)
        return _answer(changes.read_own_event(session, vendor_ids=own, event_id=event_id))
