"""HTTP edge: errors as RFC 9457 problem+json, and how a request's client is read."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ticketing.foundation.errors import Malformed, TicketingError

PROBLEM_BASE = "/problems/"
BODY_TOO_LARGE = "body-too-large"


class Json(Response):
    """A JSON answer encoded by orjson (UUIDs, datetimes and dataclasses included)."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "A PDF", "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}
"""For a route's `responses`."""


def pdf_answer(content: bytes, name: str) -> Response:
    """A PDF to keep as `name`.pdf (plain letters, digits and dashes). It is about somebody, so nobody else stores it."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)


def problem(status: int, kind: str, detail: str, **members: Any) -> Response:
    """A problem+json answer; `kind` is stable and names the problem."""
    body = {"type": PROBLEM_BASE + kind, "title": kind.replace("-", " ").capitalize(), "status": status, "detail": detail, **members}
    headers = {"Retry-After": str(members["retry_after_seconds"])} if "retry_after_seconds" in members else None
    return Response(orjson.dumps(body, default=str), status_code=status, media_type="application/problem+json", headers=headers)


def problem_of(error: TicketingError) -> Response:
    """The answer for one of our errors."""
    details = dict(error.details)
    if error.status == 503:
        details.setdefault("retry_after_seconds", 2)
    return problem(error.status, error.problem_type, error.message, **details)


def install_problems(app: FastAPI) -> None:
    """Every error of the application, ours or the framework's, ends as problem+json."""

    @app.exception_handler(TicketingError)
    async def _ours(_: Request, error: TicketingError) -> Response:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        fields = {".".join(str(part) for part in item["loc"][1:]): item["msg"] for item in error.errors()}
        return problem(422, "invalid", "Some fields are not acceptable.", fields=fields)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        kinds = {400: "malformed", 404: "not-found", 405: "method-not-allowed", 413: BODY_TOO_LARGE}
        return problem(error.status_code, kinds.get(error.status_code, "http-error"), str(error.detail))


async def json_object(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The raw body and the JSON object in it; raises `Malformed`."""
    raw = await request.body()
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return raw, value
