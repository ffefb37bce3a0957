"""Seat maps over HTTP: the whole map from this process's copy, one section by name, and a stream of changes.

Bare ASGI endpoints: a map is asked for more often than anything else, and answering it is a look into a dictionary.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ticketing.catalog.browse import EventNotPublic
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Invalid
from ticketing.inventory.routes import visible_event
from ticketing.inventory.seat_copy import Published
from ticketing.inventory.seat_viewers import SeatMaps
from ticketing.inventory.seatmap import SeatView, SectionView, section_seats

MAP = "/api/events/{event_id}/seats"
STREAM = "/api/events/{event_id}/seats/stream"
OCTETS = b"application/octet-stream"
SECONDS_PER_COMMENT = 15.0
"""Of silence: proxies end connections that say nothing for half a minute or more."""
RETRY = b"retry: 2000\n\n"
"""How many milliseconds a viewer waits before they come back."""
COMMENT = b": still here\n\n"
VARY = (b"vary", b"accept, accept-encoding")
TAGGED = (b"cache-control", b"no-cache")
"""May be kept, and must be asked after each time."""


@dataclass(frozen=True, slots=True)
class SeatMapView:
    """All seats of an event; at most a quarter of a second old where this service changed them, two seconds whoever did."""

    version: str
    """Names this state; the id of the stream's events."""
    seat_count: int
    bitmap: str
    """base64; two bits a seat: seat n is in byte n // 4 from bit 2 * (n % 4) on. 0 free, 1 held, 2 sold or blocked, 3 no seat."""
    sections: list[SectionView]


@dataclass(frozen=True, slots=True)
class SectionSeats:
    """The seats of one section with their names; none for a standing one."""

    seats: list[SeatView]


class ReadMap:
    """GET of the map, or of one section."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        event_id = _event_id(scope)
        published = await _published(scope, receive, event_id)
        query = scope["query_string"]
        if query and (section := _section(query)) is not None:
            await (await _read_section(scope, published, section))(scope, receive, send)
            return
        version = published.version.encode()
        accepts = encodings = seen = b""
        for name, value in scope["headers"]:
            if name == b"accept":
                accepts = value
            elif name == b"accept-encoding":
                encodings = value
            elif name == b"if-none-match":
                seen = value
        headers = [(b"etag", b'W/"%b"' % version), TAGGED, VARY]
        body, status = b"", 200
        if version in seen:
            status = 304
        elif OCTETS in accepts:
            body = published.bitmap
            headers += [(b"content-type", OCTETS), (b"content-length", str(len(body)).encode())]
        else:
            zipped = b"gzip" in encodings
            body = published.zipped if zipped else published.json
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            if zipped:
                headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class StreamMap:
    """GET of the stream."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        event_id = _event_id(scope)
        await _published(scope, receive, event_id)
        maps = _maps(scope)
        if await maps.find(event_id) is None:
            raise EventNotPublic("There is no such event.", event_id=event_id)
        request = Request(scope)
        address = request.client.host if request.client else ""
        viewer = maps.join(event_id, address, request.headers.get("last-event-id"))
        watching = asyncio.ensure_future(_until_gone(receive, viewer.end))
        try:
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": RETRY, "more_body": True})
            while not viewer.ended:
                if viewer.behind:
                    message = maps.catch_up(viewer)
                elif viewer.waiting:
                    message = viewer.waiting.popleft()
                elif await viewer.wait(SECONDS_PER_COMMENT):
                    continue
                else:
                    message = COMMENT
                await send({"type": "http.response.body", "body": message, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            maps.leave(viewer)
            watching.cancel()


async def _until_gone(receive: Receive, end: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    end()


def _maps(scope: Scope) -> SeatMaps:
    maps: SeatMaps = scope["app"].state.seat_maps
    return maps


def _event_id(scope: Scope) -> UUID:
    try:
        return UUID(scope["path_params"]["event_id"])
    except ValueError:
        raise Invalid("Some fields are not acceptable.", fields={"event_id": "Input should be a valid UUID"}) from None


def _section(query: bytes) -> UUID | None:
    named = parse_qs(query.decode("latin-1")).get("section")
    try:
        return UUID(named[-1]) if named else None
    except ValueError:
        raise Invalid("Some fields are not acceptable.", fields={"section": "Input should be a valid UUID"}) from None


async def _published(scope: Scope, receive: Receive, event_id: UUID) -> Published:
    """The map, if the caller may see the event; raises `EventNotPublic`. Only what is not kept, or not public, costs a read."""
    maps = _maps(scope)
    published = maps.latest(event_id)
    if published is None or not published.public:
        request = Request(scope, receive)

        def look() -> None:
            with request.app.state.database.transaction() as session:
                visible_event(request, session, event_id, database_now(session))

        await run_in_threadpool(look)
        published = await maps.find(event_id)
        if published is None:
            raise EventNotPublic("There is no such event.", event_id=event_id)
    return published


async def _read_section(scope: Scope, published: Published, section_id: UUID) -> Response:
    request = Request(scope)

    def find() -> bytes:
        with request.app.state.database.transaction() as session:
            now = database_now(session)
            return orjson.dumps({"seats": section_seats(session, event_id=published.event_id, section_id=section_id, now=now)})

    answers = request.app.state.section_answers
    body = await run_in_threadpool(answers.answer, f"{published.event_id}:{published.version}", str(section_id), find)
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]
read_map: Endpoint = ReadMap()
stream_map: Endpoint = StreamMap()
routes = [Route(MAP, read_map, methods=["GET"]), Route(STREAM, stream_map, methods=["GET"])]

EVENT_ID = {"name": "event_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
SECTION = {
    "name": "section",
    "in": "query",
    "description": "answer the seats of this section, with their names and prices",
    "schema": {"type": "string", "format": "uuid"},
}
SEEN = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "the id of the last event that arrived; browsers send it by themselves",
    "schema": {"type": "string"},
}
STREAM_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "the version that the map has then"},
        "event": {"type": "string", "enum": ["map", "delta"]},
        "data": {"type": "string", "description": "JSON: a map as this path's parent answers, or what changed since another version"},
        "retry": {"type": "integer"},
    },
}
"""As OpenAPI before 3.2 has it: the schema of one event."""


SHAPES = (SeatMapView, SectionSeats)
"""What is answered, for whoever explains its fields."""


def describe(openapi: dict[str, Any]) -> None:
    """Add these routes to the OpenAPI document."""
    schema = TypeAdapter(SeatMapView | SectionSeats).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    openapi.setdefault("components", {}).setdefault("schemas", {}).update(schema.pop("$defs", {}))
    openapi["paths"].setdefault(MAP, {})["get"] = {
        "description": "What is left of each section and every seat in two bits; with `section`, the seats of that one.",
        "operationId": "read_seats",
        "tags": ["events"],
        "parameters": [EVENT_ID, SECTION],
        "responses": {
            "200": {
                "description": "The map, or a section",
                "content": {
                    "application/json": {"schema": schema},
                    OCTETS.decode(): {"schema": {"type": "string", "format": "binary"}},
                },
            },
            "304": {"description": "Nothing has changed"},
        },
    }
    openapi["paths"].setdefault(STREAM, {})["get"] = {
        "description": "Server-sent events: `map` with the whole map, then `delta` with what changed, at most four a second.",
        "operationId": "stream_seats",
        "tags": ["events"],
        "parameters": [EVENT_ID, SEEN],
        "responses": {"200": {"description": "Events without end", "content": {"text/event-stream": {"schema": STREAM_EVENT}}}},
    }
