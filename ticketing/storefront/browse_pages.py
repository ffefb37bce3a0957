"""Browse, event, seats."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ticketing.accounts.http import current_user
from ticketing.catalog import browse
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import NotFound
from ticketing.foundation.ids import new_token
from ticketing.inventory import seatmap
from ticketing.storefront.problems import friendly
from ticketing.storefront.view import page

router = APIRouter()
SEATS_PER_VIEW = 600
Filter = Annotated[str | None, Query(max_length=200)]


@router.get("/")
@friendly
def show_events(request: Request, search: Filter = None, city: Filter = None, category: Filter = None, cursor: Filter = None) -> Response:
    """What is on."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        found = browse.list_events(session, now=now, search=search, city=city, category=category, cursor=cursor, limit=24)
        cities, categories = browse.list_filters(session, now=now)
    chosen = {"search": search or "", "city": city or "", "category": category or ""}
    return page(request, "events.html", user=current_user(request), found=found, cities=cities, categories=categories, chosen=chosen)


@router.get("/events/{event_id}")
@friendly
def show_event(request: Request, event_id: UUID) -> Response:
    """One event: what, when, where, prices, sections."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        event = browse.get_event(session, event_id=event_id, now=now)
        types = seatmap.availability(session, event_id=event_id, now=now)
        sections = seatmap.section_overview(session, event_id=event_id, now=now)
    left = sum(item.available for item in types)
    user = current_user(request)
    return page(request, "event.html", user=user, event=event, types=types, sections=sections, left=left, key=new_token(), now=now)


@router.get("/events/{event_id}/sections/{section_id}")
@friendly
def show_section(
    request: Request, event_id: UUID, section_id: UUID, category: Filter = None, taken: Filter = None, keep: Filter = None
) -> Response:
    """The seats of one section; a large one is shown category by category."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        event = browse.get_event(session, event_id=event_id, now=now)
        sections = seatmap.section_overview(session, event_id=event_id, now=now)
        seats = seatmap.section_seats(session, event_id=event_id, section_id=section_id, now=now)
    section = next((item for item in sections if item.section_id == section_id), None)
    if section is None or not seats:
        raise NotFound("This event has no such section.", event_id=event_id)
    categories = sorted({seat.category for seat in seats}) if len(seats) > SEATS_PER_VIEW else []
    if categories:
        category = category if category in categories else categories[0]
        seats = [seat for seat in seats if seat.category == category]
    rows: dict[int, list[seatmap.SeatView]] = {}
    for seat in seats:
        rows.setdefault(seat.row_position, []).append(seat)
    kept = {int(part) for part in (keep or "").split(",") if part.isdecimal()}
    return page(
        request,
        "section.html",
        user=current_user(request),
        event=event,
        section=section,
        rows=list(rows.values()),
        categories=categories,
        category=category,
        taken=taken,
        kept=kept,
        key=new_token(),
    )
