"""Browsing over HTTP: events, what is free, seats."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from ticketing.accounts.http import current_user
from ticketing.catalog import browse
from ticketing.catalog.rules import EventStatus
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.http import Json
from ticketing.foundation.openapi import ETAG, TAGGED
from ticketing.foundation.shared_look import SharedLook
from ticketing.inventory import seatmap

router = APIRouter(prefix="/api/events", tags=["events"])
ENDED = frozenset({EventStatus.CANCELLED, EventStatus.COMPLETED})
X_AVAILABLE = {"X-Available": {"description": "how many places are left", "schema": {"type": "string"}}}
COUNTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "Something can be bought", "headers": X_AVAILABLE | ETAG},
    410: {"description": "Sold out, or sales have ended", "headers": X_AVAILABLE | ETAG},
}
Availability = tuple[list[seatmap.TypeAvailability], str, bool]
"""(types, their tag, whether sales have ended)"""
Text = Annotated[str | None, Query(max_length=200)]
Price = Annotated[
    Decimal | None,
    Query(ge=0, le=10**12, decimal_places=3, description="all-in, of the cheapest place, as in 19.50 of the event's currency"),
]


@router.get("", response_model=browse.EventPage, responses=TAGGED)
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
        state = browse.read_catalogue_state(session)

        def find() -> bytes:
            found = browse.list_events(
                session,
                now=state.now,
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
            return orjson.dumps(found)

        question = repr((search, city, category, date_from, date_to, price_min, price_max, sort, cursor, limit))
        body = request.app.state.answers.answer(state.stamp, question, find)
    return _tagged(request, body, f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def visible_event(request: Request, session: Session, event_id: UUID, now: datetime) -> browse.EventView:
    """As everybody may see it; what is not public, as the members of its vendor do."""
    try:
        return browse.get_event(session, event_id=event_id, now=now)
    except browse.EventNotPublic:
        user = current_user(request)
        if user is None or not user.memberships:
            raise
        return browse.get_event(session, event_id=event_id, now=now, member_of={member.vendor_id for member in user.memberships})


@router.get("/{event_id}", response_model=browse.EventView, responses=TAGGED)
def read_event(request: Request, event_id: UUID) -> Response:
    """One event; drafts for the members of their vendor. The `ETag` is what a vendor's change sends as `If-Match`."""
    with request.app.state.database.transaction() as session:
        event = visible_event(request, session, event_id, database_now(session))
    body = orjson.dumps(event)
    return _tagged(request, body, f'"{event.version}-{hashlib.sha256(body).hexdigest()[:12]}"')


def _tagged(request: Request, body: bytes, tag: str) -> Response:
    """The body, or 304 to who has it already."""
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/{event_id}/tickets", response_model=seatmap.Availability, responses=TAGGED)
async def read_availability(request: Request, event_id: UUID) -> Response:
    """Ticket types with all-in prices and what is left. A hint: holding decides."""
    types, tag, _ = await _availability(request, event_id)
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Json(seatmap.Availability(types), headers={"ETag": tag})


@router.head("/{event_id}/tickets", responses=COUNTED)
async def head_availability(request: Request, event_id: UUID) -> Response:
    """200 while something can be bought, 410 when it is sold out or its sales have ended; `X-Available` counts."""
    types, tag, ended = await _availability(request, event_id)
    left = 0 if ended else sum(item.available for item in types)
    return Response(status_code=200 if left else 410, headers={"X-Available": str(left), "ETag": tag})


async def _availability(request: Request, event_id: UUID) -> Availability:
    """One look for all who ask at the same time; an event that is not public is looked at for each member of its vendor."""
    database: Database = request.app.state.database
    looks: SharedLook[Availability] = request.app.state.availability

    def look_for_all() -> Availability:
        with database.transaction() as session:
            now = database_now(session)
            return _count(session, browse.get_event(session, event_id=event_id, now=now), now)

    def look_for_member() -> Availability:
        with database.transaction() as session:
            now = database_now(session)
            return _count(session, visible_event(request, session, event_id, now), now)

    try:
        return await looks.ask(event_id, look_for_all)
    except browse.EventNotPublic:
        return await run_in_threadpool(look_for_member)


def _count(session: Session, event: browse.EventView, now: datetime) -> Availability:
    types = seatmap.availability(session, event_id=event.id, now=now)
    digest = hashlib.sha256(orjson.dumps(types)).hexdigest()
    return types, f'"{digest[:16]}"', event.sales_close_at <= now or event.status in ENDED
