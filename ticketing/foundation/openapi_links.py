"""Links in the OpenAPI document: which answer holds the id that another call asks for.

What stands under a collection takes the id that making one answers, or the first of its list: `POST /api/webhooks` leads to
`DELETE /api/webhooks/{webhook_id}`. What does not follow from paths stands in `FURTHER`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

PARAMETER = re.compile(r"\{(\w+)\}")
MADE = "$response.body#/id"
Operation = tuple[str, str]

FURTHER: list[tuple[Operation, Operation, dict[str, Any]]] = [
    (("post", "/api/events/{id}/holds"), ("get", "/api/holds/{id}"), {"parameters": {"id": MADE}}),
    (("post", "/api/events/{id}/holds"), ("patch", "/api/holds/{id}"), {"parameters": {"id": MADE}}),
    (("post", "/api/events/{id}/holds"), ("delete", "/api/holds/{id}"), {"parameters": {"id": MADE}}),
    (("post", "/api/events/{id}/holds"), ("post", "/api/orders"), {"requestBody": {"hold_ids": [MADE]}}),
    (("post", "/api/orders"), ("post", "/api/payments"), {"requestBody": {"order_id": MADE, "provider": "fake"}}),
]
"""Source, target, and what of the source's answer the target takes."""


def add_links(openapi: dict[str, Any]) -> None:
    """Add them to the answers of every operation that leads on. Call it when all operations are there."""
    paths = openapi["paths"]
    for source, target, passed in [*_by_path(paths), *FURTHER]:
        operation = paths[target[1]][target[0]]
        for status, answer in paths[source[1]][source[0]]["responses"].items():
            if status.startswith("2") and not operation.get("deprecated"):
                answer.setdefault("links", {})[f"{target[0]}_{operation['operationId']}"] = {
                    "operationId": operation["operationId"],
                    **passed,
                }


def _by_path(paths: dict[str, Any]) -> Iterator[tuple[Operation, Operation, dict[str, Any]]]:
    for collection, sources in paths.items():
        above = PARAMETER.findall(collection)
        for path, targets in paths.items():
            names = PARAMETER.findall(path)
            if not path.startswith(collection + "/{") or len(names) != len(above) + 1:
                continue
            for method in sources.keys() & {"get", "post"}:
                found = MADE if method == "post" else f"$response.body#/{collection.rpartition('/')[2].replace('-', '_')}/0/id"
                passed = {names[-1]: found} | {name: f"$request.path.{name}" for name in above}
                for target in targets.keys() - {name for name, operation in targets.items() if _is_endless(operation)}:
                    yield (method, collection), (target, path), {"parameters": passed}


def _is_endless(operation: dict[str, Any]) -> bool:
    """A stream: nothing follows from its answer, and a program that tries out all links would wait for its end."""
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
