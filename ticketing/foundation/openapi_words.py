"""The docstrings of fields, for the OpenAPI document: what the code says of an amount or a state is what a caller wants to know."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

Shape = type[Any]


def hints_of(routes: Iterable[BaseRoute]) -> Iterator[Any]:
    """What FastAPI's routes take and give."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield from (route.response_model, *get_type_hints(route.endpoint).values())


def shapes_of(hints: Iterable[Any]) -> set[Shape]:
    """Every dataclass and model that these types are made of, those inside others included."""
    found: set[Shape] = set()
    for hint in hints:
        _gather(hint, found)
    return found


def _gather(hint: Any, found: set[Shape]) -> None:
    for part in get_args(hint):
        _gather(part, found)
    if not isinstance(hint, type) or hint in found or not _is_shape(hint):
        return
    found.add(hint)
    for inner in get_type_hints(hint).values():
        _gather(inner, found)


def _is_shape(kind: type[Any]) -> bool:
    return dataclasses.is_dataclass(kind) or issubclass(kind, BaseModel)


def add_field_words(openapi: dict[str, Any], shapes: Iterable[Shape]) -> None:
    """Describe the shapes and properties that nothing else describes."""
    schemas = openapi["components"]["schemas"]
    for shape in shapes:
        schema = schemas.get(shape.__name__, {})
        if shape.__doc__ and not shape.__doc__.startswith(f"{shape.__name__}("):  # as dataclasses without a docstring have it
            schema.setdefault("description", inspect.cleandoc(shape.__doc__))
        properties = schema.get("properties", {})
        for name, words in _field_words(shape):
            if name in properties and "description" not in properties[name]:
                properties[name] = {**properties[name], "description": words}


def _field_words(shape: Shape) -> Iterator[tuple[str, str]]:
    """(field, its docstring), as they stand one under the other in the class and those it is built on."""
    for kind in shape.__mro__:
        if kind in (object, BaseModel) or not _is_shape(kind):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr)):
                continue
            if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
                yield field.target.id, inspect.cleandoc(below.value.value)
