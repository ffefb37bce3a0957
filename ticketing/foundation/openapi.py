"""What the OpenAPI document says of every endpoint alike: how problems look, and how callers say who they are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import WithJsonSchema

WallTime = Annotated[
    datetime, WithJsonSchema({"type": "string", "description": "wall time, without offset", "examples": ["2027-03-20T20:00:00"]})
]
"""What clocks at the venue show: no instant before its zone is known."""

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `type` is stable and names the problem; more members name the ids and values concerned.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/seats-taken"]},
        "title": {"type": "string", "examples": ["Seats taken"]},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "examples": ["Some of these seats have just been taken."]},
        "fields": {"type": "object", "description": "what is wrong, by field"},
        "retry_after_seconds": {"type": "number", "description": "as in the header Retry-After"},
    },
}
ANY_PROBLEM = {
    "description": (
        "A problem: 400 malformed, 401 sign in, 403 not for you, 404 not found (or not yours), 409 conflict with the state, 410 gone or"
        " sold out, 413 too large, 422 not acceptable (per field), 429 too often, 503 try again"
    ),
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
SIGN_IN = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of POST /api/login, /api/register or /api/guests. Browsers hold it as the cookie `ticketing_session`.",
    }
}


def document_answers(openapi: dict[str, Any], *, public: set[tuple[str, str]]) -> None:
    """Add problems and sign-in to every operation; those of `public` (method, path) need none."""
    components = openapi.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = SIGN_IN
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)  # FastAPI's own, which we never give
            operation["responses"]["default"] = ANY_PROBLEM
            if method == "head":  # headers alone
                operation["responses"] = {
                    status: {name: part for name, part in answer.items() if name != "content"}
                    for status, answer in operation["responses"].items()
                }
            if (method.upper(), path) not in public:
                operation["security"] = [{"session": []}]
