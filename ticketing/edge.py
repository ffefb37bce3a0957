"""The outermost layer of the HTTP process: a name for each request, security headers, bodies of bearable size, no bare 500.

It runs for every request, so it does little: headers that are always the same are put together once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticketing.foundation.http import BODY_TOO_LARGE, problem
from ticketing.foundation.ids import new_code
from ticketing.storefront.problems import is_for_programs
from ticketing.storefront.view import crash_page

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 64 * 1024
REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{8,64}$")
"""What we take over from a caller: a name, and nothing that could forge a line of a log."""

SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
ONLY_BY_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


TOO_LARGE = f"A body has at most {MOST_BODY_BYTES} bytes here."


class Edge:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self._app = app
        self._headers = [*SECURITY_HEADERS, *([ONLY_BY_TLS] if urlsplit(public_url).scheme == "https" else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, declared = _read(scope["headers"])
        headers = [*self._headers, (b"x-request-id", request_id)]
        started = False
        taken = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        async def receive_counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                raise HTTPException(413, TOO_LARGE)
            return message

        try:
            if declared > MOST_BODY_BYTES:
                await problem(413, BODY_TOO_LARGE, TOO_LARGE)(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive_counted, send_with_headers)
        except Exception:
            reference = request_id.decode()
            log.exception("unexpected error at %s %s, request %s", scope["method"], _printable(scope["path"]), reference)
            if started:
                raise
            sentence = f"Something went wrong on our side (reference {reference})."
            answer = problem(500, "unexpected", sentence) if is_for_programs(scope["path"]) else crash_page(sentence)
            await answer(scope, receive, send_with_headers)


def _read(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, int]:
    """(the request's name, ours unless it came with a good one; the length that its body is said to have)."""
    request_id, length = b"", 0
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            request_id = value
        elif name == b"content-length" and value.isdigit():
            length = int(value)
    return request_id or new_code(16).encode(), length


def _printable(path: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in path)[:200]
