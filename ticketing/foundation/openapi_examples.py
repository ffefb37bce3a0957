"""Examples for the OpenAPI document, made from its schemas: one word has one meaning here, so one value does as well.

What is written for a schema comes first, then a field's own example, then what its name stands for, then what its type allows. What
callers send leaves out what they may leave out, unless the field has an example.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FAMILY = uuid.UUID("0198f3a2-5b6c-7d8e-9f00-000000000000")
"""The same name has the same id in every example, so that they fit together."""
BY_FORMAT = {"date-time": "2027-03-20T19:00:00Z", "date": "2027-03-20", "uri": "https://example.org/"}
BY_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": False, "null": None}
TYPES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object", type(None): "null"}
MADE = frozenset({"application/json", "application/x-www-form-urlencoded"})
"""Kinds of bodies that examples are made for."""


@dataclass(frozen=True, slots=True)
class Values:
    """What stands in examples."""

    by_schema: Mapping[str, Mapping[str, Any]]
    """Whole bodies with their names, by their schema's title."""
    by_field: Mapping[str, Any]
    """By `title.field`."""
    by_name: Mapping[str, Any]


def add_examples(openapi: dict[str, Any], values: Values) -> None:
    """To every body that is sent or answered as JSON, and to every parameter that is needed."""
    examples = Examples(openapi, values)
    for path, operations in openapi["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if "example" not in parameter and (parameter.get("required") or parameter["schema"].get("examples")):
                    name = _of_path(path) if parameter["name"] == "id" else parameter["name"]
                    parameter["example"] = examples.of(parameter["schema"], name=name, owner="", sent=True)
            for content, sent in _contents(operation):
                for kind, media in content.items():
                    if kind in MADE and not media.keys() & {"example", "examples"}:
                        media |= examples.shown(media["schema"], sent=sent)


def _of_path(path: str) -> str:
    """`hold_id` for the `{id}` of `/api/holds/{id}`."""
    return path.partition("/{id}")[0].rpartition("/")[2].removesuffix("s") + "_id"


def _contents(operation: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    if "requestBody" in operation:
        yield operation["requestBody"]["content"], True
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield answer.get("content", {}), False


class Examples:
    """Makes examples of a document's schemas."""

    def __init__(self, openapi: Mapping[str, Any], values: Values) -> None:
        self._schemas: Mapping[str, Any] = openapi["components"]["schemas"]
        self._values = values

    def shown(self, schema: Mapping[str, Any], *, sent: bool) -> dict[str, Any]:
        """The member `example` of a body, or `examples` where its schema has several ways."""
        ways = self._values.by_schema.get(schema.get("$ref", "").rpartition("/")[2], {})
        if len(ways) > 1:
            return {"examples": {name: {"value": way} for name, way in ways.items()}}
        return {"example": self.of(schema, name="", owner="", sent=sent)}

    def of(self, schema: Mapping[str, Any], *, name: str, owner: str, sent: bool) -> Any:
        """An example of the schema of the field `name` of the schema titled `owner`."""
        values = self._values
        if f"{owner}.{name}" in values.by_field:
            return values.by_field[f"{owner}.{name}"]
        if "$ref" in schema:
            title = schema["$ref"].rpartition("/")[2]
            if title in values.by_schema:
                return next(iter(values.by_schema[title].values()))
            shape = self._schemas[title]
            return (
                self._object(shape, owner=title, sent=sent) if "properties" in shape else self.of(shape, name=name, owner=title, sent=sent)
            )
        if schema.get("examples"):
            return schema["examples"][0]
        if name in values.by_name and _fits(values.by_name[name], schema):
            return values.by_name[name]
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        branches = [branch for branch in schema.get("anyOf", ()) if branch.get("type") != "null"]
        if branches:
            return self.of(branches[0], name=name, owner=owner, sent=sent)
        if schema.get("type") == "array":
            return [self.of(schema["items"], name=name.removesuffix("s"), owner=owner, sent=sent)] if "items" in schema else []
        if schema.get("type") == "object":
            return self._object(schema, owner=schema.get("title", owner), sent=sent)
        return self._value(schema, name=name, owner=owner)

    def _object(self, schema: Mapping[str, Any], *, owner: str, sent: bool) -> dict[str, Any]:
        needed = schema.get("required", ())
        made = {}
        for field, part in schema.get("properties", {}).items():
            if not sent or field in needed or part.get("examples"):
                made[field] = self.of(part, name=field, owner=owner, sent=sent)
        return made

    def _value(self, schema: Mapping[str, Any], *, name: str, owner: str) -> Any:
        kind = schema.get("type", "null")
        if schema.get("format") == "uuid":
            return example_id(_id_name(name, owner))
        if kind == "string" and schema.get("format") in BY_FORMAT:
            return BY_FORMAT[schema["format"]]
        if kind == "integer" and name.endswith("_minor"):
            return 4500
        if kind in ("integer", "number"):
            return schema.get("default") or schema.get("minimum") or BY_TYPE[kind]
        return schema["default"] if schema.get("default") is not None else BY_TYPE[kind]


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is of the schema's type; of those with a name of their own none is."""
    if "anyOf" in schema:
        return any(_fits(value, branch) for branch in schema["anyOf"])
    if "enum" in schema or schema.get("format") == "uuid" or "properties" in schema:
        return False
    return TYPES.get(type(value)) == schema.get("type")


def example_id(name: str) -> str:
    """The id that stands under this name in every example."""
    return str(uuid.uuid5(FAMILY, name))


def _id_name(name: str, owner: str) -> str:
    """`event_id` for the `id` of an `EventView`, and for whatever has the name `event_id`."""
    if name != "id":
        return name
    return re.sub(r"(?<!^)(?=[A-Z])", "_", re.sub("(View|Setup|Card)$", "", owner)).lower() + "_id"
