"""The buyer's path over HTTP: holds, orders, payments, webhooks.

Plain Starlette routes: at a few thousand calls a second they take half the CPU of FastAPI's. Their shapes stand in
`schemas.py` and appear in the OpenAPI document through `description.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ticketing.accounts.http import token_of
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import bare
from ticketing.foundation.errors import Invalid, Malformed, NotFound, TicketingError
from ticketing.foundation.http import Json, problem_of
from ticketing.foundation.idempotency import required_key
from ticketing.foundation.ids import new_id, request_digest
from ticketing.inventory.best import BestRequest
from ticketing.inventory.claim import ClaimRequest
from ticketing.orders import service
from ticketing.orders.attempts import limit_codes
from ticketing.orders.book import hold_key
from ticketing.orders.booking import Booking
from ticketing.orders.eager import Eager
from ticketing.orders.pay import read_payments
from ticketing.orders.rules import Channel
from ticketing.orders.schemas import BookingBody, BookingHereBody, HoldBody, OrderBody, OrderPage, PaymentBody, Settled
from ticketing.waitingroom import service as waitingroom
from ticketing.waitingroom.places import Places
from ticketing.waitingroom.schemas import EnterBody
from ticketing.waitingroom.tokens import PlaceToken

Body = TypeVar("Body", bound=BaseModel)
ORDERS_PER_PAGE = 50
MOST_ORDERS_PER_PAGE = 100


async def _buyer(request: Request) -> UUID:
    buyer: UUID = await _booking(request).sessions.user_of(token_of(request))
    return buyer


def _booking(request: Request) -> Booking:
    booking: Booking = request.app.state.booking
    return booking


def _eager(request: Request) -> Eager:
    eager: Eager = request.app.state.eager
    return eager


def _id(request: Request, name: str = "id") -> UUID:
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise NotFound("There is no such thing.", id=request.path_params[name]) from None


async def _body(request: Request, shape: type[Body]) -> tuple[bytes, Body]:
    kind = request.headers.get("content-type", "")
    if not kind.startswith("application/json"):
        raise Malformed("The body must be application/json.", content_type=kind)  # also keeps cross-site forms out
    raw = await request.body()
    try:
        return raw, shape.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise Malformed("The body is not JSON.") from None
        fields = {".".join(map(str, item["loc"])): item["msg"] for item in error.errors()}
        raise Invalid("Some fields are not acceptable.", fields=fields) from None


def _digest(request: Request, raw: bytes) -> bytes:
    return request_digest(request.app.state.digest_key, request.url.path.encode(), raw)


def _answer(view: Any, status: int) -> Response:
    headers = {"Idempotency-Replayed": "true"} if view.replayed else None
    return Json(view, status_code=status, headers=headers)


async def create_hold(request: Request) -> Response:
    """Keep places of an event for some minutes: all of them, or none."""
    buyer, event_id = await _buyer(request), _id(request)
    key = required_key(request.headers.get("idempotency-key"))
    raw, body = await _body(request, HoldBody)
    if body.code is not None:
        await run_in_threadpool(limit_codes, request, buyer_id=buyer)
    if body.best is not None:
        with _eager(request).watching(event_id, buyer):
            best = await _booking(request).hold_best(
                event_id=event_id,
                buyer_id=buyer,
                key=key,
                digest=_digest(request, raw),
                quantity=body.best.quantity,
                section_id=body.best.section_id,
                ticket_type_id=body.best.ticket_type_id,
                accessible=body.best.accessible,
                code=body.code,
            )
        return _answer(best, 201)
    with _eager(request).watching(event_id, buyer):
        hold = await _booking(request).hold(
            event_id=event_id,
            buyer_id=buyer,
            key=key,
            digest=_digest(request, raw),
            seats=body.seats,
            places=[(place.pool_id, place.quantity) for place in body.places],
            code=body.code,
        )
    return _answer(hold, 201)


async def read_hold(request: Request) -> Response:
    """A hold of the signed-in buyer."""
    buyer, hold_id = await _buyer(request), _id(request)

    def read() -> Any:
        with request.app.state.database.transaction() as session:
            return service.get_hold(session, hold_id=hold_id, buyer_id=buyer)

    return Json(await run_in_threadpool(read))


async def extend_hold(request: Request) -> Response:
    """Keep a hold longer: once, by the event's hold time."""
    buyer = await _buyer(request)
    return Json(await _booking(request).extend_hold(hold_id=_id(request), buyer_id=buyer))


async def release_hold(request: Request) -> Response:
    """Give the places of a hold back now."""
    buyer = await _buyer(request)
    return Json(await _booking(request).release_hold(hold_id=_id(request), buyer_id=buyer))


async def place_order(request: Request) -> Response:
    """Order what is held: the places of one or more holds of one vendor."""
    buyer = await _buyer(request)
    key = required_key(request.headers.get("idempotency-key"))
    raw, body = await _body(request, OrderBody)
    if body.code is not None or body.link_code is not None:
        await run_in_threadpool(limit_codes, request, buyer_id=buyer)
    order = await _booking(request).place_order(
        hold_ids=body.hold_ids,
        buyer_id=buyer,
        key=key,
        digest=_digest(request, raw),
        channel=Channel.API,
        referrer=body.referrer,
        code=body.code,
        link_code=body.link_code,
    )
    return _answer(order, 201)


async def book_at_event(request: Request) -> Response:
    """Hold places of an event and order them, in one call."""
    buyer, event_id = await _buyer(request), _id(request, "event_id")
    return await _book(request, buyer, event_id, *await _body(request, BookingHereBody))


async def book(request: Request) -> Response:
    """Hold places of the event that the body names and order them, in one call."""
    buyer = await _buyer(request)
    raw, body = await _body(request, BookingBody)
    return await _book(request, buyer, body.event_id, raw, body)


async def _book(request: Request, buyer: UUID, event_id: UUID, raw: bytes, body: BookingHereBody) -> Response:
    key = required_key(request.headers.get("idempotency-key"))
    if {body.access_code, body.code, body.link_code} != {None}:
        await run_in_threadpool(limit_codes, request, buyer_id=buyer)
    own, digest = hold_key(key), _digest(request, raw)
    hold: ClaimRequest | BestRequest
    if body.best is not None:
        hold = BestRequest(new_id(), event_id, buyer, own, digest, **body.best.model_dump(), code=body.access_code)
    else:
        places = tuple(sorted((place.pool_id, place.quantity) for place in body.places))
        hold = ClaimRequest(new_id(), event_id, buyer, own, digest, tuple(sorted(body.seats)), places, body.access_code)
    with _eager(request).watching(event_id, buyer):
        order = await _booking(request).book(
            hold, key=key, channel=Channel.API, referrer=body.referrer, code=body.code, link_code=body.link_code
        )
    return _answer(order, 201)


async def list_orders(request: Request) -> Response:
    """The orders of the signed-in buyer, newest first. Follow `next_cursor` for older ones."""
    buyer = await _buyer(request)
    limit, before = _page(request)

    def read() -> Any:
        with request.app.state.database.transaction() as session:
            return service.list_orders(session, buyer_id=buyer, limit=limit + 1, before=before)

    orders = await run_in_threadpool(read)
    return Json(OrderPage(orders[:limit], orders[limit - 1].id if len(orders) > limit else None))


def _page(request: Request) -> tuple[int, UUID | None]:
    """(how many, after which); raises `Invalid`, `Malformed`."""
    wanted, cursor = request.query_params.get("limit", str(ORDERS_PER_PAGE)), request.query_params.get("cursor")
    if not (wanted.isascii() and wanted.isdecimal() and 1 <= int(wanted[:4]) <= MOST_ORDERS_PER_PAGE):
        raise Invalid(f"A page has 1 to {MOST_ORDERS_PER_PAGE} orders.", fields={"limit": "range"})
    try:
        return int(wanted), UUID(cursor) if cursor else None
    except ValueError:
        raise Malformed("This page address is not one of ours: start again from the first page.") from None


async def read_order(request: Request) -> Response:
    """An order of the signed-in buyer."""
    buyer, order_id = await _buyer(request), _id(request)

    def read() -> Any:
        with request.app.state.database.transaction() as session:
            return service.get_order(session, order_id=order_id, buyer_id=buyer)

    return Json(await run_in_threadpool(read))


async def cancel_order(request: Request) -> Response:
    """Cancel an order: its places are free again, and a paid one is refunded by its events' policies."""
    buyer = await _buyer(request)
    key = required_key(request.headers.get("idempotency-key"))
    order = await _booking(request).cancel_order(order_id=_id(request), buyer_id=buyer, key=key, digest=_digest(request, b""))
    return _answer(order, 200)


async def enter_queue(request: Request) -> Response:
    """Enter the waiting room of an event; asked again, the same place."""
    buyer, event_id = await _buyer(request), _id(request)
    _, body = await _body(request, EnterBody)
    place = await _booking(request).enter_queue(event_id=event_id, buyer_id=buyer, tell=body.tell)
    return Json(await _places(request).look(PlaceToken.of(place)), status_code=201)


async def read_place(request: Request) -> Response:
    """Where a place in a queue stands: how many are ahead, how long it will take, whether it is your turn."""
    return Json(await _places(request).look(_places(request).signer.read(request.path_params["token"])))


async def leave_queue(request: Request) -> Response:
    """Give a place in a queue up."""
    place = _places(request).signer.read(request.path_params["token"])

    def leave() -> None:
        with request.app.state.database.transaction() as session:
            waitingroom.leave_queue(session, entry_id=place.entry_id)

    await run_in_threadpool(leave)
    return Response(status_code=204)


def _places(request: Request) -> Places:
    places: Places = request.app.state.places
    return places


async def start_payment(request: Request) -> Response:
    """Start paying an order; the answer's `redirect_url` is where the buyer pays."""
    buyer = await _buyer(request)
    key = required_key(request.headers.get("idempotency-key"))
    raw, body = await _body(request, PaymentBody)
    payment = await _booking(request).start_payment(
        order_id=body.order_id,
        buyer_id=buyer,
        provider=body.provider,
        key=key,
        digest=_digest(request, raw),
        return_url=f"{request.app.state.settings.public_url}/orders/{body.order_id}",
    )
    return _answer(payment, 201)


async def read_payment(request: Request) -> Response:
    """A payment of an order of the signed-in buyer."""
    buyer, payment_id = await _buyer(request), _id(request)

    def read() -> Any:
        with request.app.state.database.transaction() as session:
            payments = read_payments(bare(session), [payment_id])
            if not payments:
                raise NotFound("There is no such payment.", payment_id=payment_id)
            service.get_order(session, order_id=payments[0].order_id, buyer_id=buyer)
            return payments[0]

    return Json(await run_in_threadpool(read))


async def take_webhook(request: Request) -> Response:
    """A provider's callback: 200 when it is committed, whatever it led to."""
    return await _take_webhook(request, request.path_params["provider"])


async def take_callback(request: Request) -> Response:
    """A provider's callback; the query's `provider` says whose it is."""
    return await _take_webhook(request, request.query_params.get("provider", "fake"))


async def _take_webhook(request: Request, name: str) -> Response:
    provider = _booking(request).provider(name)
    raw = await request.body()
    notice = provider.read_webhook(request.headers, raw, now=utc_now())
    return Json(Settled(await _booking(request).settle(notice)))


def _guarded(endpoint: Any) -> Any:
    async def guarded(request: Request) -> Response:
        try:
            answer: Response = await endpoint(request)
        except TicketingError as error:
            return problem_of(error)
        return answer

    guarded.__name__, guarded.__doc__ = endpoint.__name__, endpoint.__doc__
    return guarded


ENDPOINTS: list[tuple[str, str, Any, type[BaseModel] | None]] = [
    ("POST", "/events/{id}/holds", create_hold, HoldBody),
    ("GET", "/holds/{id}", read_hold, None),
    ("PATCH", "/holds/{id}", extend_hold, None),
    ("DELETE", "/holds/{id}", release_hold, None),
    ("POST", "/events/{id}/queue", enter_queue, EnterBody),
    ("GET", "/queue/{token}", read_place, None),
    ("DELETE", "/queue/{token}", leave_queue, None),
    ("POST", "/orders", place_order, OrderBody),
    ("GET", "/orders", list_orders, None),
    ("GET", "/orders/{id}", read_order, None),
    ("DELETE", "/orders/{id}", cancel_order, None),
    ("POST", "/payments", start_payment, PaymentBody),
    ("GET", "/payments/{id}", read_payment, None),
    ("POST", "/payments/webhooks/{provider}", take_webhook, None),
]
routes = [Route("/api" + path, _guarded(endpoint), methods=[method]) for method, path, endpoint, _ in ENDPOINTS]

ADAPTED: Mapping[str, Any] = {endpoint.__name__: _guarded(endpoint) for endpoint in (book, book_at_event, take_callback)}
"""What other names of endpoints run where their bodies or addresses differ: see `ticketing/aliases.py`."""
