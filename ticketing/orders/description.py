"""What the OpenAPI document says of the plain routes of the buyer's path: FastAPI describes its own alone."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ticketing.foundation.openapi import IDEMPOTENCY_KEY, add_shape, body_schema
from ticketing.inventory.holds import HoldView
from ticketing.orders import routes
from ticketing.orders.pay import PaymentView
from ticketing.orders.read import OrderView
from ticketing.orders.schemas import OrderPage, Settled
from ticketing.waitingroom.schemas import PlaceView

ANSWERS: Mapping[Any, tuple[int, Any]] = {
    routes.create_hold: (201, HoldView),
    routes.read_hold: (200, HoldView),
    routes.extend_hold: (200, HoldView),
    routes.release_hold: (200, HoldView),
    routes.enter_queue: (201, PlaceView),
    routes.read_place: (200, PlaceView),
    routes.leave_queue: (204, None),
    routes.place_order: (201, OrderView),
    routes.list_orders: (200, OrderPage),
    routes.read_order: (200, OrderView),
    routes.cancel_order: (200, OrderView),
    routes.start_payment: (201, PaymentView),
    routes.read_payment: (200, PaymentView),
    routes.take_webhook: (200, Settled),
}
"""Status and shape of each endpoint's answer."""

SHAPES = (*(shape for _, shape in ANSWERS.values()), *(body for _, _, _, body in routes.ENDPOINTS))

KEYED = {routes.create_hold, routes.place_order, routes.cancel_order, routes.start_payment}
TAGS = {"queue": "waiting room", "payments": "payments"}
TEXT = {"type": "string", "minLength": 1}
UUID_TEXT = {"type": "string", "format": "uuid"}
LIMIT = {"type": "integer", "minimum": 1, "maximum": routes.MOST_ORDERS_PER_PAGE, "default": routes.ORDERS_PER_PAGE}
PAGE_PARAMETERS: list[dict[str, Any]] = [
    {"name": "limit", "in": "query", "description": "how many on a page", "schema": LIMIT},
    {"name": "cursor", "in": "query", "description": "`next_cursor` of the page before", "schema": UUID_TEXT},
]
NOTICE = {
    "required": True,
    "description": "In the provider's own words; its signature, in a header of its own, covers these bytes.",
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {
                "id": "evt_1",
                "type": "payment.captured",
                "created": 1803884400,
                "data": {"session": "ses_5TQ8XH3N", "reference": "7GK4PW2M", "amount_minor": 4650, "currency": "EUR", "account": "acct_1"},
            },
        }
    },
}


def describe(openapi: dict[str, Any]) -> None:
    """Add these routes to the OpenAPI document."""
    for method, path, endpoint, body in routes.ENDPOINTS:
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": UUID_TEXT if name == "id" else TEXT} for name in names
        ]
        if endpoint in KEYED:
            parameters.append(dict(IDEMPOTENCY_KEY))
        if endpoint is routes.list_orders:
            parameters += PAGE_PARAMETERS
        status, shape = ANSWERS[endpoint]
        operation: dict[str, Any] = {
            "description": endpoint.__doc__,
            "operationId": endpoint.__name__,
            "tags": [next((tag for part, tag in TAGS.items() if part in path.split("/")), "booking")],
            "parameters": parameters,
            "responses": {str(status): _answer(openapi, status, shape)},
        }
        if endpoint is routes.take_webhook:
            operation["requestBody"] = NOTICE
        if body is not None:
            operation["requestBody"] = body_schema(openapi, body)
        openapi["paths"].setdefault("/api" + path, {})[method.lower()] = operation


def _answer(openapi: dict[str, Any], status: int, shape: Any) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    if shape is None:
        return {"description": phrase}
    return {"description": phrase, "content": {"application/json": {"schema": add_shape(openapi, shape)}}}
