"""Other names of endpoints, which integrators of earlier designs use.

One table. An alias runs the canonical endpoint under the canonical rule, gives the canonical answer, and is marked as deprecated.
Where its body or address differs, an adapter of the canonical endpoint's feature takes it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute, Route

from ticketing.accounts.access import Endpoint, Rule
from ticketing.foundation.openapi import body_schema
from ticketing.orders.routes import ADAPTED
from ticketing.orders.schemas import BookingBody, BookingHereBody

ALIASES: Mapping[Endpoint, Endpoint] = {
    ("POST", "/api/signUp"): ("POST", "/api/register"),
    ("POST", "/api/signIn"): ("POST", "/api/login"),
    ("POST", "/api/signOut"): ("POST", "/api/logout"),
    ("GET", "/api/currentUser"): ("GET", "/api/me"),
    ("GET", "/api/show"): ("GET", "/api/events"),
    ("GET", "/api/shows"): ("GET", "/api/events"),
    ("GET", "/api/shows/{event_id}"): ("GET", "/api/events/{event_id}"),
    ("POST", "/api/tickets/book"): ("POST", "/api/orders"),
    ("POST", "/api/shows/{event_id}/tickets"): ("POST", "/api/orders"),
    ("POST", "/api/payment"): ("POST", "/api/payments"),
    ("POST", "/api/payment/callback"): ("POST", "/api/payments/webhooks/{provider}"),
    ("POST", "/api/vendors/payment-methods"): ("POST", "/api/payment-methods"),
    ("GET", "/api/vendors/payment-methods"): ("GET", "/api/payment-methods"),
    ("PUT", "/api/vendors/payment-methods/{method_id}"): ("PUT", "/api/payment-methods/{method_id}"),
    ("DELETE", "/api/vendors/payment-methods/{method_id}"): ("DELETE", "/api/payment-methods/{method_id}"),
    ("POST", "/api/users/{user_id}/upload-image"): ("POST", "/api/users/{user_id}/images"),
}
"""Alias → canonical. Path parameters have the canonical names."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """What takes in an alias whose body or address is not the canonical one; a plain route of Starlette's."""

    endpoint: Any
    body: type[BaseModel] | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    """Of the address, as OpenAPI has them; headers are those of the canonical endpoint."""


EVENT = {"name": "event_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
PROVIDER = {
    "name": "provider",
    "in": "query",
    "description": "whose callback it is",
    "schema": {"type": "string", "default": "fake"},
}
ADAPTERS: Mapping[Endpoint, Adapter] = {
    ("POST", "/api/tickets/book"): Adapter(ADAPTED["book"], BookingBody),
    ("POST", "/api/shows/{event_id}/tickets"): Adapter(ADAPTED["book_at_event"], BookingHereBody, (EVENT,)),
    ("POST", "/api/payment/callback"): Adapter(ADAPTED["take_callback"], None, (PROVIDER,)),
}


def alias_router(routes: Iterable[BaseRoute]) -> APIRouter:
    """The aliases of these routes; raises `KeyError` when one stands for nothing."""
    known = {(method, route.path): route for route in routes if isinstance(route, Route) for method in route.methods or ()}
    router = APIRouter(include_in_schema=False)
    for (method, path), canonical in ALIASES.items():
        route, adapter = known[canonical], ADAPTERS.get((method, path))
        if adapter is not None:
            router.routes.append(Route(path, adapter.endpoint, methods=[method]))
        elif isinstance(route, APIRoute):
            router.add_api_route(path, route.endpoint, methods=[method], status_code=route.status_code)
        else:
            router.routes.append(Route(path, route.endpoint, methods=[method]))
    return router


def describe(openapi: dict[str, Any]) -> None:
    """Add the aliases to the OpenAPI document: what their endpoints say, marked as deprecated."""
    paths = openapi["paths"]
    for (method, path), (canonical_method, canonical) in ALIASES.items():
        operation = paths[canonical][canonical_method.lower()]
        adapter = ADAPTERS.get((method, path))
        paths.setdefault(path, {})[method.lower()] = (
            operation
            | (_adapted(openapi, operation, adapter) if adapter else {})
            | {
                "summary": f"Use {canonical_method} {canonical}",
                "operationId": f"alias_{method.lower()}_{path.removeprefix('/api/')}",
                "tags": ["aliases"],
                "deprecated": True,
            }
        )


def _adapted(openapi: dict[str, Any], operation: Mapping[str, Any], adapter: Adapter) -> dict[str, Any]:
    headers = [parameter for parameter in operation["parameters"] if parameter["in"] == "header"]
    own: dict[str, Any] = {"parameters": [*adapter.parameters, *headers], "description": adapter.endpoint.__doc__}
    if adapter.body is not None:
        own["requestBody"] = body_schema(openapi, adapter.body)
    return own


def with_aliases(rules: Mapping[Endpoint, Rule]) -> dict[Endpoint, Rule]:
    """The rules, with each alias under that of what it stands for."""
    return {**rules, **{alias: rules[canonical] for alias, canonical in ALIASES.items()}}
