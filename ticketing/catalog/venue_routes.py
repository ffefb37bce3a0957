"""Venues, configurations and drafts of layouts over HTTP. Publishing a layout is `reseating`'s: events may have to follow."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse

from ticketing.accounts.access import Authorised
from ticketing.catalog import layouts, venues
from ticketing.catalog.schemas import Moment
from ticketing.catalog.venue_schemas import SEATING_PLAN, ConfigurationBody, VenueBody, VenueChanges, VenueCopy
from ticketing.catalog.venues import Configurations, ConfigurationView, LayoutSummary, Venues, VenueView
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["venues"])
Plan = Annotated[dict[str, Any], Body(description="a seating plan: docs/importing.md", examples=[SEATING_PLAN])]
ValidFrom = Annotated[Moment | None, Query(description="from when on events are made in it; a new draft without it: now")]


@router.get("/venues", response_model=Venues)
def list_venues(
    request: Request, caller: Authorised, cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> Response:
    """Your venues and the shared ones, oldest first. Follow `next_cursor` for more."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(venues.list_venues(session, vendor_ids=own, after=cursor, limit=limit))


@router.post("/venues", status_code=201, response_model=VenueView)
def add_venue(request: Request, caller: Authorised, body: VenueBody) -> Response:
    """A venue of your own."""
    vendor_id = caller.vendor(body.vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        venue = venues.add_venue(
            session,
            vendor_id=vendor_id,
            name=body.name,
            city=body.city,
            country=body.country,
            zone_name=body.zone,
            actor_id=caller.user_id,
        )
    return Json(venue, status_code=201)


@router.get("/venues/{venue_id}", response_model=VenueView)
def read_venue(request: Request, caller: Authorised, venue_id: UUID) -> Response:
    """One of your venues, or a shared one."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(venues.read_venue(session, vendor_ids=own, venue_id=venue_id))


@router.patch("/venues/{venue_id}", response_model=VenueView)
def change_venue(request: Request, caller: Authorised, venue_id: UUID, body: VenueChanges) -> Response:
    """Set only what is sent. A shared venue is read-only: copy it."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        changes = body.changes()
        return Json(venues.change_venue(session, vendor_ids=own, venue_id=venue_id, changes=changes, actor_id=caller.user_id))


@router.post("/venues/{venue_id}/copy", status_code=201, response_model=VenueView)
def copy_venue(request: Request, caller: Authorised, venue_id: UUID, body: VenueCopy) -> Response:
    """A venue of your own like this one, with your configurations of it; their newest plans become drafts."""
    vendor_id = caller.vendor(body.vendor_id)
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        venue = venues.copy_venue(session, vendor_ids=own, vendor_id=vendor_id, venue_id=venue_id, name=body.name, actor_id=caller.user_id)
    return Json(venue, status_code=201)


@router.get("/venues/{venue_id}/configurations", response_model=Configurations)
def list_configurations(request: Request, caller: Authorised, venue_id: UUID) -> Response:
    """The ways in which you set this venue up, with their layouts, newest version first."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(venues.list_configurations(session, vendor_ids=own, venue_id=venue_id))


@router.post("/venues/{venue_id}/configurations", status_code=201, response_model=ConfigurationView)
def add_configuration(request: Request, caller: Authorised, venue_id: UUID, body: ConfigurationBody) -> Response:
    """One more way to set this venue up: seated, floor standing, with a pit, a tier removed."""
    vendor_id = caller.vendor(body.vendor_id)
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        configuration = venues.add_configuration(
            session,
            vendor_ids=own,
            vendor_id=vendor_id,
            venue_id=venue_id,
            name=body.name,
            kind=body.kind,
            actor_id=caller.user_id,
        )
    return Json(configuration, status_code=201)


@router.post("/configurations/{configuration_id}/layouts", status_code=201, response_model=LayoutSummary)
def draft_layout(request: Request, caller: Authorised, configuration_id: UUID, body: Plan, valid_from: ValidFrom = None) -> Response:
    """A draft of the configuration's next version. Each place of the plan that is not acceptable is named by its path."""
    plan = layouts.checked_plan(body)
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        layout = layouts.draft_layout(
            session,
            vendor_ids=own,
            configuration_id=configuration_id,
            plan=plan,
            valid_from=valid_from or database_now(session),
            actor_id=caller.user_id,
        )
    return Json(layout, status_code=201)


@router.get("/layouts/{layout_id}", response_model=dict[str, Any])
def export_layout(request: Request, caller: Authorised, layout_id: UUID) -> Response:
    """The layout's seating plan as it came in, unknown parts included: what you put in is what you get."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        plan = layouts.export_plan(session, vendor_ids=own, layout_id=layout_id)
    return JSONResponse(plan)  # whole numbers of any size come back as they went in; our usual encoder takes 64 bits


@router.put("/layouts/{layout_id}", response_model=LayoutSummary)
def replace_draft(request: Request, caller: Authorised, layout_id: UUID, body: Plan, valid_from: ValidFrom = None) -> Response:
    """Another plan for a draft. A published layout is never changed."""
    plan = layouts.checked_plan(body)
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        layout = layouts.replace_draft(
            session, vendor_ids=own, layout_id=layout_id, plan=plan, valid_from=valid_from, actor_id=caller.user_id
        )
    return Json(layout)
