"""Browse, event, seats."""

from __future__ import annotations

from collections.abc import Sequence
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
from ticketing.orders import service as orders
from ticketing.photos.service import PhotoPage, list_of_event
from ticketing.storefront.seat_plan import draw_plan
from ticketing.storefront.view import page

router = APIRouter()
SEATS_PER_VIEW = 600
SORTS = {
    browse.EventSort.DATE: "Soonest first",
    browse.EventSort.PRICE_ASC: "Lowest price first",
    browse.EventSort.PRICE_DESC: "Highest price first",
    browse.EventSort.POPULARITY: "Most sold first",
}
NO_PHOTOS = PhotoPage([], None)
Filter = Annotated[str | None, Query(max_length=200)]
Seats = Annotated[list[int] | None, Query(max_length=100)]


class StandingSection(NotFound):
    """The section has no seats to choose: its places are taken on the event's page."""


@router.get("/")
def show_events(
    request: Request,
    search: Filter = None,
    city: Filter = None,
    category: Filter = None,
    sort: browse.EventSort = browse.EventSort.DATE,
    cursor: Filter = None,
) -> Response:
    """What is on."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        found = browse.list_events(session, now=now, search=search, city=city, category=category, sort=sort, cursor=cursor, limit=24)
        cities, categories = browse.list_filters(session, now=now)
    chosen = {"search": search or "", "city": city or "", "category": category or "", "sort": sort.value}
    user = current_user(request)
    return page(request, "events.html", user=user, found=found, cities=cities, categories=categories, sorts=SORTS, chosen=chosen)


@router.get("/events/{event_id}")
def show_event(request: Request, event_id: UUID, photos_before: UUID | None = None) -> Response:
    """One event: what, when, where, prices, sections; when it is over, photos that its visitors took."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        event = browse.get_event(session, event_id=event_id, now=now)
        types = seatmap.availability(session, event_id=event_id, now=now)
        sections = seatmap.section_overview(session, event_id=event_id, now=now)
        needs_code = orders.needs_access_code(session, event_id=event_id)
        shown = list_of_event(session, event_id=event_id, now=now, before=photos_before, limit=24) if event.starts_at <= now else NO_PHOTOS
    left = sum(item.available for item in types)
    return page(
        request,
        "event.html",
        user=current_user(request),
        event=event,
        types=types,
        sections=sections,
        left=left,
        photos=shown,
        needs_code=needs_code,
        queued=request.app.state.places.watch.has_queue(event_id),
        key=new_token(),
        now=now,
    )


@router.get("/events/{event_id}/sections/{section_id}")
def show_section(
    request: Request, event_id: UUID, section_id: UUID, category: Filter = None, taken: Seats = None, keep: Seats = None
) -> Response:
    """The seats of one section; a large one is shown category by category.

    After a choice that failed, `taken` are the seats that were lost and `keep` those that stay chosen.
    """
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        event = browse.get_event(session, event_id=event_id, now=now)
        sections = seatmap.section_overview(session, event_id=event_id, now=now)
        seats = seatmap.section_seats(session, event_id=event_id, section_id=section_id, now=now)
        needs_code = orders.needs_access_code(session, event_id=event_id)
    section = next(item for item in sections if item.section_id == section_id)
    if not seats:
        raise StandingSection("This is a standing area: choose how many places on the event's page.", event_id=event_id)
    lost = [f"row {seat.row_label} seat {seat.seat_label}" for seat in seats if seat.seat_no in set(taken or ())]
    categories = _categories(seats) if len(seats) > SEATS_PER_VIEW else []
    if categories:
        category = category if category in categories else categories[0]
        seats = [seat for seat in seats if seat.category == category]
    return page(
        request,
        "section.html",
        user=current_user(request),
        event=event,
        section=section,
        sections=sections,
        plan=draw_plan(seats),
        free=sum(seat.state == "free" for seat in seats),
        categories=categories,
        category=category if categories else "",
        lost=lost,
        needs_code=needs_code,
        kept=set(keep or ()),
        key=new_token(),
    )


def _categories(seats: Sequence[seatmap.SeatView]) -> list[str]:
    """Of the seats, nearest to the stage first."""
    return list(dict.fromkeys(seat.category for seat in sorted(seats, key=lambda seat: seat.row_position)))
