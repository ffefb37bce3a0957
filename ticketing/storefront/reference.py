"""The OpenAPI document as people read it: operations by subject, shapes, types of problems. Pure: a document in, words out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from markupsafe import Markup, escape

Schema = Mapping[str, Any]
SHORT_LIST = re.compile(r"\[\s+([^\[\]{}]{1,90}?)\s+\]")
ORDER = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type in words, and the shape that it leads to."""

    words: str
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: Kind
    needed: bool
    words: str
    where: str = ""
    """Of a parameter: path, query, header."""


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    phrase: str
    words: str
    kind: Kind | None
    media: str | None
    headers: tuple[str, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    words: str
    deprecated: bool
    sign_in: bool
    parameters: tuple[Field, ...]
    body: Kind | None
    body_examples: tuple[Example, ...]
    answers: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    words: str
    operations: tuple[Operation, ...]

    @property
    def anchor(self) -> str:
        return self.name.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    words: str
    fields: tuple[Field, ...]
    values: tuple[str, ...]
    """Of an enumeration."""


def subjects(openapi: Mapping[str, Any]) -> list[Subject]:
    """All operations under their tags, in the document's order of tags, by path within."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in openapi["tags"]}
    for path, operations in sorted(openapi["paths"].items()):
        for method, operation in sorted(operations.items(), key=lambda item: ORDER.index(item[0].upper())):
            found.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation, openapi))
    words = {tag["name"]: tag["description"] for tag in openapi["tags"]}
    return [Subject(name, words.get(name, ""), tuple(operations)) for name, operations in found.items()]


def shapes(openapi: Mapping[str, Any]) -> list[Shape]:
    """Every schema that has a name."""
    return [
        Shape(name, schema.get("description", ""), tuple(_fields(schema)), tuple(map(str, schema.get("enum", ()))))
        for name, schema in sorted(openapi["components"]["schemas"].items())
    ]


def _operation(method: str, path: str, operation: Mapping[str, Any], openapi: Mapping[str, Any]) -> Operation:
    body: dict[str, Any] = next(iter(operation.get("requestBody", {}).get("content", {}).values()), {})
    return Operation(
        anchor=operation["operationId"].replace("/", "-"),
        method=method,
        path=path,
        summary=operation["summary"],
        words=operation["description"],
        deprecated=operation.get("deprecated", False),
        sign_in=bool(operation.get("security")),
        parameters=tuple(_parameter(parameter) for parameter in operation.get("parameters", ())),
        body=kind_of(body["schema"]) if body else None,
        body_examples=tuple(_examples(body)),
        answers=tuple(_answers(operation)),
        refusals=tuple(_refusals(operation, openapi["x-problems"])),
    )


def _parameter(parameter: Mapping[str, Any]) -> Field:
    words = parameter.get("description") or parameter["schema"].get("description", "")
    return Field(parameter["name"], kind_of(parameter["schema"]), parameter.get("required", False), words, parameter["in"])


def _answers(operation: Mapping[str, Any]) -> Iterator[Answer]:
    for status, answer in operation["responses"].items():
        if int(status) >= 400 and "X-" not in str(answer.get("headers", "")):
            continue
        contents: Mapping[str, Any] = answer.get("content", {})
        media = next(iter(contents), None)
        content: Mapping[str, Any] = contents[media] if media else {}
        yield Answer(
            status=int(status),
            phrase=HTTPStatus(int(status)).phrase,
            words=answer["description"],
            kind=kind_of(content["schema"]) if content else None,
            media=media,
            headers=tuple(answer.get("headers", ())),
            examples=tuple(_examples(content)),
        )


def _refusals(operation: Mapping[str, Any], problems: Mapping[str, Any]) -> Iterator[Refusal]:
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            for kind in re.findall(r"^\* `([a-z-]+)`", answer["description"], flags=re.MULTILINE):
                yield Refusal(int(status), kind, problems[kind]["sentence"])


def _examples(content: Mapping[str, Any]) -> Iterator[Example]:
    named = {name: item["value"] for name, item in content.get("examples", {}).items()}
    for name, value in (named or ({"": content["example"]} if "example" in content else {})).items():
        yield Example(name, value if isinstance(value, str) else written(value))


def written(value: Any) -> str:
    """JSON as people write it: short lists on one line."""
    return SHORT_LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", json.dumps(value, indent=2, ensure_ascii=False))


def _fields(schema: Schema) -> Iterator[Field]:
    for name, part in schema.get("properties", {}).items():
        yield Field(name, kind_of(part), name in schema.get("required", ()), part.get("description", ""))


def kind_of(schema: Schema) -> Kind:
    """`text, at most 40 characters`, `list of EventCard`, `whole number or null`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Kind(name, name)
    if "anyOf" in schema:
        parts = [kind_of(part) for part in schema["anyOf"]]
        return Kind(" or ".join(part.words for part in parts), next((part.shape for part in parts if part.shape), None))
    if "enum" in schema or "const" in schema:
        return Kind("one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")]))))
    if schema.get("type") == "array":
        inner = kind_of(schema.get("items", {}))
        return Kind(f"list of {inner.words}", inner.shape)
    return Kind(", ".join([_named(schema), *_bounds(schema)]))


NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "object", "null": "null"}
FORMATS = {"uuid": "UUID", "date-time": "instant", "date": "date", "binary": "bytes"}


def _named(schema: Schema) -> str:
    return FORMATS.get(schema.get("format", "")) or NAMES.get(schema.get("type", ""), "anything")


def _bounds(schema: Schema) -> Iterator[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        yield f"{least:g} to {most:g}" if most < 10**6 else f"at least {least:g}"
    elif least is not None:
        yield f"at least {least:g}"
    if (longest := schema.get("maxLength")) is not None:
        yield f"at most {longest} characters"
    if schema.get("default") not in (None, "", [], {}):
        yield f"{json.dumps(schema['default'])} if left out"


MARK = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def prose(text: str) -> Markup:
    """Paragraphs of a description; `code` and **strong** are all the marks there are."""
    paragraphs = []
    for paragraph in text.strip().split("\n\n"):
        marked, at = Markup(), 0
        for found in MARK.finditer(paragraph):
            code, strong = found.groups()
            marked += escape(paragraph[at : found.start()]) + (
                Markup("<code>{}</code>").format(code) if code else Markup("<strong>{}</strong>").format(strong)
            )
            at = found.end()
        paragraphs.append(Markup("<p>{}</p>").format(marked + escape(paragraph[at:])))
    return Markup("\n").join(paragraphs)
