"""The outermost layer of the HTTP process: a name for each request, security headers, bodies of bearable size, no bare 500, figures.

It runs for every request, so it does little: headers that are always the same are put together once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticketing.foundation.access_log import AccessLog
from ticketing.foundation.errors import fault_report
from ticketing.foundation.http import BODY_TOO_LARGE, problem
from ticketing.foundation.ids import new_code
from ticketing.foundation.metrics import Metrics
from ticketing.photos.rules import MOST_BYTES, MOST_FORM_BYTES
from ticketing.storefront.problems import is_for_programs
from ticketing.storefront.view import crash_page

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 64 * 1024
PHOTOS = re.compile(r"/api/users/[^/]+/(images|upload-image)|/orders/[^/]+/photos")
"""Where forms with a photo go: these alone may be larger, up to `MOST_FORM_BYTES`. They are read in pieces."""
MOST_PLAN_BYTES = 8 * 1024 * 1024
"""A seating plan of 20,000 seats is 2 MB."""
PLANS = re.compile(r"/api/(configurations/[^/]+/layouts|layouts/[^/]+)")
"""Where seating plans go."""
REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{8,64}\Z")
"""What we take over from a caller: a name, and nothing that could forge a line of a log."""

SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
NOT_KEPT = (b"cache-control", b"no-store")
"""What neither says whether it may be kept nor has a tag to ask with stays in no browser and no proxy: it may be somebody's own."""
SAYS_WHETHER_TO_KEEP = (b"cache-control", b"etag")
ONLY_BY_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


NOWHERE = "unmatched"
"""The route of an address that leads nowhere."""
OTHER_METHOD = "OTHER"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
BROWSER_MAY_SEND = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id")
BROWSER_MAY_READ = ("ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Available", "X-Request-Id", "X-Ticket-State")


class AnswerBrokenOff(Exception):
    """A fault after an answer had begun: the server ends the connection. What it was stands in the log, under the request's name."""


class Edge:
    """Middleware around the whole application. `plain` names the templates of endpoints that are no FastAPI routes."""

    def __init__(self, app: ASGIApp, *, public_url: str, metrics: Metrics, access_log: AccessLog, plain: Mapping[Any, str]) -> None:
        self._app = app
        self._headers = [*SECURITY_HEADERS, *([ONLY_BY_TLS] if urlsplit(public_url).scheme == "https" else [])]
        self._metrics = metrics
        self._access_log = access_log
        self._plain = plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id, declared = _read(scope["headers"])
        headers = [*self._headers, (b"x-request-id", request_id)]
        status = 0
        taken = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                kept = any(name in SAYS_WHETHER_TO_KEEP for name, _ in message["headers"])
                message["headers"] = [*message["headers"], *headers, *(() if kept else (NOT_KEPT,))]
            await send(message)

        async def receive_counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES and taken > (most := _most_bytes(scope)):
                raise HTTPException(413, _too_large(most))
            return message

        try:
            if declared > MOST_BODY_BYTES and declared > (most := _most_bytes(scope)):
                await _refuse(scope, most)(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive_counted, send_with_headers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not get further
            reference = request_id.decode()
            log.error("unexpected error at %s %s, request %s: %s", _method(scope), self._route(scope), reference, fault_report(error))
            if status:
                raise AnswerBrokenOff(reference) from None
            sentence = f"Something went wrong on our side (reference {reference})."
            answer = problem(500, "unexpected", sentence) if is_for_programs(scope["path"]) else crash_page(sentence)
            await answer(scope, receive, send_with_headers)
        finally:
            self._note(scope, request_id, status, time.perf_counter() - began)

    def _note(self, scope: Scope, request_id: bytes, status: int, seconds: float) -> None:
        """`status` 0: the caller went away before the answer began."""
        method, route = _method(scope), self._route(scope)
        self._metrics.observe(method, route, status, seconds)
        self._access_log.note(request_id=request_id.decode(), method=method, route=route, status=status, seconds=seconds)

    def _route(self, scope: Scope) -> str:
        """The template of the address: the address itself may hold a token."""
        path: str | None = getattr(scope.get("route"), "path", None) or self._plain.get(scope.get("endpoint"))
        return path or NOWHERE


class ApiCors(CORSMiddleware):
    """CORS for the API alone, and only for origins on the installation's list; never with cookies."""

    def __init__(self, app: ASGIApp, *, origins: frozenset[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=BROWSER_MAY_SEND,
            expose_headers=BROWSER_MAY_READ,
            allow_credentials=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """A refusal is a problem, and says nothing of who would be let in."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        return problem(403, "origin-not-allowed", "Scripts of this origin may not call this, or not in this way.")


def _read(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, int]:
    """(the request's name, ours unless it came with a good one; the length that its body is said to have)."""
    request_id, length = b"", 0
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            request_id = value
        elif name == b"content-length" and value.isdigit():
            length = int(value[:20])
    return request_id or new_code(16).encode(), length


def _most_bytes(scope: Scope) -> int:
    """Of a body; asked only about bodies that are larger than most may be."""
    if scope["method"] == "POST" and PHOTOS.fullmatch(scope["path"]):
        return MOST_FORM_BYTES
    if scope["method"] in ("POST", "PUT") and PLANS.fullmatch(scope["path"]):
        return MOST_PLAN_BYTES
    return MOST_BODY_BYTES


def _refuse(scope: Scope, most: int) -> Response:
    """A body that says it is too large is not read. Photos come from people, who get a page."""
    if most == MOST_FORM_BYTES and not is_for_programs(scope["path"]):
        sentence = f"A photo has at most {MOST_BYTES // 1_000_000} MB here."
        return crash_page(sentence, title="Too large", advice="Go back and choose a smaller one.", status=413)
    return problem(413, BODY_TOO_LARGE, _too_large(most))


def _too_large(most: int) -> str:
    return f"A body has at most {most} bytes here."


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS or method == "OPTIONS" else OTHER_METHOD
