"""What the OpenAPI document says of every endpoint alike: shapes, how problems look, which headers are needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, WithJsonSchema

from ticketing.foundation.http import PROBLEM_BASE

WallTime = Annotated[
    datetime, WithJsonSchema({"type": "string", "description": "wall time, without offset", "examples": ["2027-03-20T20:00:00"]})
]
"""What clocks at the venue show: no instant before its zone is known."""

REF = "#/components/schemas/{model}"
PROBLEM_MEDIA = "application/problem+json"
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `type` is stable and names the problem; more members name the ids and values concerned.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/seats-taken"], "description": "an address of ours: a page that explains it"},
        "title": {"type": "string", "examples": ["Seats taken"]},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "examples": [409]},
        "detail": {"type": "string", "examples": ["Some of these seats have just been taken."], "description": "one sentence for people"},
        "fields": {"type": "object", "description": "what is wrong, by field"},
        "retry_after_seconds": {"type": "number", "description": "as in the header Retry-After"},
    },
}
RETRY_AFTER = {"Retry-After": {"description": "seconds until it is worth asking again", "schema": {"type": "string"}}}
REPLAYED = {"Idempotency-Replayed": {"description": "`true`: the answer of an earlier call with this key", "schema": {"type": "string"}}}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Any unique text, such as a UUID; the same again on a retry gives the same answer. Kept for 48 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["7d0c1a52-checkout-1"]},
}
ETAG = {"ETag": {"description": "of this version of the answer", "schema": {"type": "string"}}}
TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG}, 304: {"description": "It is still what you have.", "headers": ETAG}}
"""For a route's `responses`: one that looks at `If-None-Match`."""
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "the `ETag` of the answer that you have",
    "schema": {"type": "string", "examples": ['"3-5d41402abc4b"']},
}
NEEDED_HEADERS = frozenset({"idempotency-key", "if-match"})
"""The routes take them as optional, so that a missing one is told by a problem of its own."""


def add_shape(openapi: dict[str, Any], shape: Any, *, mode: Any = "serialization") -> dict[str, Any]:
    """A reference to the schema of a dataclass or model, which stands among the document's components."""
    schema = TypeAdapter(shape).json_schema(ref_template=REF, mode=mode)
    components = openapi.setdefault("components", {}).setdefault("schemas", {})
    for name, part in (*schema.pop("$defs", {}).items(), (shape.__name__, schema)):
        if components.setdefault(name, part) != part:
            raise RuntimeError(f"two shapes of the API have the name {name}")
    return {"$ref": REF.format(model=shape.__name__)}


def body_schema(openapi: dict[str, Any], body: type[BaseModel]) -> dict[str, Any]:
    """An operation's `requestBody`."""
    return {"required": True, "content": {"application/json": {"schema": add_shape(openapi, body, mode="validation")}}}


def say_headers(operation: dict[str, Any]) -> None:
    """Say of headers that a call is refused without them, of an answer that it may be a repeated one, or need not be sent again."""
    if "304" in operation["responses"]:
        operation.setdefault("parameters", []).append(dict(IF_NONE_MATCH))
    for parameter in operation.get("parameters", ()):
        name = parameter["name"].lower()
        if parameter["in"] != "header" or name not in NEEDED_HEADERS:
            continue
        parameter["required"] = True
        if name == "idempotency-key":
            parameter |= IDEMPOTENCY_KEY
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    answer.setdefault("headers", {}).update(REPLAYED)


def problem_answers(problems: Iterable[tuple[str, int, str]]) -> dict[str, Any]:
    """An operation's refusals by status, from (kind, status, sentence) of each; their examples stand among the components."""
    by_status: dict[int, list[tuple[str, str]]] = {}
    for kind, status, sentence in problems:
        by_status.setdefault(status, []).append((kind, sentence))
    return {str(status): _refusal(status, kinds) for status, kinds in sorted(by_status.items())}


def _refusal(status: int, kinds: list[tuple[str, str]]) -> dict[str, Any]:
    types = [PROBLEM_BASE + kind for kind, _ in kinds]
    named = {"type": "object", "properties": {"type": {"enum": types}, "status": {"const": status}}}
    examples = {kind: {"$ref": f"#/components/examples/{kind}"} for kind, _ in kinds}
    schema = {"allOf": [{"$ref": REF.format(model="Problem")}, named]}
    answer: dict[str, Any] = {
        "description": "\n".join(f"* `{kind}`: {sentence}" for kind, sentence in kinds),
        "content": {PROBLEM_MEDIA: {"schema": schema, "examples": examples}},
    }
    return answer | ({"headers": RETRY_AFTER} if status in (429, 503) else {})


def problem_example(kind: str, status: int, sentence: str) -> dict[str, Any]:
    """A problem as it is answered."""
    more: Mapping[str, Any] = {}
    if kind == "invalid":
        more = {"fields": {"quantity": "Input should be less than or equal to 100"}}
    elif status in (429, 503):
        more = {"retry_after_seconds": 2}
    return {
        "type": PROBLEM_BASE + kind,
        "title": kind.replace("-", " ").capitalize(),
        "status": status,
        "detail": sentence.replace("`", ""),
        **more,
    }
