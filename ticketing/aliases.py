"""Other names of endpoints, which integrators of earlier designs use.

One table. An alias runs the canonical endpoint under the canonical rule, gives the canonical answer, and is marked as deprecated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from ticketing.accounts.access import Endpoint, Rule

ALIASES: Mapping[Endpoint, Endpoint] = {
    ("POST", "/api/signUp"): ("POST", "/api/register"),
    ("POST", "/api/signIn"): ("POST", "/api/login"),
    ("POST", "/api/signOut"): ("POST", "/api/logout"),
    ("GET", "/api/currentUser"): ("GET", "/api/me"),
    ("GET", "/api/show"): ("GET", "/api/events"),
    ("GET", "/api/shows"): ("GET", "/api/events"),
    ("GET", "/api/shows/{event_id}"): ("GET", "/api/events/{event_id}"),
    ("POST", "/api/payment"): ("POST", "/api/payments"),
    ("POST", "/api/vendors/payment-methods"): ("POST", "/api/payment-methods"),
    ("GET", "/api/vendors/payment-methods"): ("GET", "/api/payment-methods"),
    ("PUT", "/api/vendors/payment-methods/{method_id}"): ("PUT", "/api/payment-methods/{method_id}"),
    ("DELETE", "/api/vendors/payment-methods/{method_id}"): ("DELETE", "/api/payment-methods/{method_id}"),
    ("POST", "/api/users/{user_id}/upload-image"): ("POST", "/api/users/{user_id}/images"),
}
"""Alias → canonical. Path parameters have the canonical names."""


def alias_router(routes: Iterable[BaseRoute]) -> APIRouter:
    """The aliases of these routes; raises `KeyError` when one stands for nothing."""
    known = {(method, route.path): route for route in routes if isinstance(route, Route) for method in route.methods or ()}
    router = APIRouter(include_in_schema=False)
    for (method, path), canonical in ALIASES.items():
        route = known[canonical]
        if isinstance(route, APIRoute):
            router.add_api_route(path, route.endpoint, methods=[method], status_code=route.status_code)
        else:
            router.routes.append(Route(path, route.endpoint, methods=[method]))
    return router


def describe(openapi: dict[str, Any]) -> None:
    """Add the aliases to the OpenAPI document: what their endpoints say, marked as deprecated."""
    paths = openapi["paths"]
    for (method, path), (canonical_method, canonical) in ALIASES.items():
        operation = paths[canonical][canonical_method.lower()]
        paths.setdefault(path, {})[method.lower()] = operation | {
            "summary": f"Use {canonical_method} {canonical}",
            "operationId": f"alias_{method.lower()}_{path.removeprefix('/api/')}",
            "tags": ["aliases"],
            "deprecated": True,
        }


def with_aliases(rules: Mapping[Endpoint, Rule]) -> dict[Endpoint, Rule]:
    """The rules, with each alias under that of what it stands for."""
    return {**rules, **{alias: rules[canonical] for alias, canonical in ALIASES.items()}}
