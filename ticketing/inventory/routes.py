"""Browsing over HTTP: events, what is free, seats."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ticketing.catalog import browse
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json
from ticketing.inventory import seatmap

router = APIRouter(prefix="/api/events", tags=["events"])
Text = Annotated[str | None, Query(max_length=200)]
Price = Annotated[
    Decimal | None,
    Query(ge=0, le=10**12, decimal_places=3, description="all-in, of the cheapest place, as in 19.50 of the event's currency"),
]


@router.get("")
def list_events(
    request: Request,
    search: Text = None,
    city: Text = None,
    category: Text = None,
    date_from: Annotated[date | None, Query(description="the venue's date, included")] = None,
    date_to: Annotated[date | None, Query(description="the venue's date, included")] = None,
    price_min: Price = None,
    price_max: Price = None,
    sort: browse.EventSort = browse.EventSort.DATE,
    cursor: Text = None,
    limit: Annotated[int, Query(ge=1, le=browse.MOST_PER_PAGE)] = 24,
) -> Response:
    """Public events to come; `search` looks in title, venue and artists. Follow `next_cursor`, with the same sort, for more."""
    with request.app.state.database.transaction() as session:
        found = browse.list_events(
            session,
            now=database_now(session),
            search=search,
            city=city,
            category=category,
            date_from=date_from,
            date_to=date_to,
            price_min=price_min,
            price_max=price_max,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
    return Json(found)


@router.get("/{event_id}")
def read_event(request: Request, event_id: UUID) -> Response:
    """One event."""
    with request.app.state.database.transaction() as session:
        return Json(browse.get_event(session, event_id=event_id, now=database_now(session)))


@router.get("/{event_id}/tickets")
def read_availability(request: Request, event_id: UUID) -> Response:
    """Ticket types with all-in prices and what is left. A hint: holding decides."""
    types, tag = _availability(request, event_id)
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Json({"ticket_types": types}, headers={"ETag": tag})


@router.head("/{event_id}/tickets")
def head_availability(request: Request, event_id: UUID) -> Response:
    """200 while something is left, 410 when it is sold out; `X-Available` counts."""
    types, tag = _availability(request, event_id)
    left = sum(item.available for item in types)
    return Response(status_code=200 if left else 410, headers={"X-Available": str(left), "ETag": tag})


def _availability(request: Request, event_id: UUID) -> tuple[list[seatmap.TypeAvailability], str]:
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        browse.get_event(session, event_id=event_id, now=now)
        types = seatmap.availability(session, event_id=event_id, now=now)
    digest = hashlib.sha256(repr([(t.ticket_type_id, t.available, t.total_minor) for t in types]).encode()).hexdigest()
    return types, f'"{digest[:16]}"'


@router.get("/{event_id}/seats")
def read_seats(request: Request, event_id: UUID, section: UUID | None = None) -> Response:
    """All sections with what is left; with `section=`, the seats of that one."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        browse.get_event(session, event_id=event_id, now=now)
        if section is None:
            return Json({"sections": seatmap.section_overview(session, event_id=event_id, now=now)})
        return Json({"seats": seatmap.section_seats(session, event_id=event_id, section_id=section, now=now)})
