"""Hold, checkout, payment, order with its tickets."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from ticketing.accounts import service as accounts
from ticketing.accounts.http import require_user, set_session_cookie
from ticketing.catalog import browse
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Invalid, Unavailable
from ticketing.foundation.ids import new_token, request_digest
from ticketing.inventory.claim import SeatsTaken
from ticketing.inventory.holds import HoldView
from ticketing.inventory.rules import HoldState
from ticketing.orders import service as orders
from ticketing.orders.admission import NotYourTurn
from ticketing.orders.attempts import limit_codes
from ticketing.orders.booking import Booking
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel, OrderState
from ticketing.orders.service import CodeQuote
from ticketing.payments.providers import ProviderRefused
from ticketing.photos.rules import MOST_BYTES
from ticketing.promotions.rules import DISCOUNTS, PromotionKind
from ticketing.promotions.uses import LONGEST_CODE, Code, CodeNotForThis, CodeNotInForce, CodeUnknown, CodeUsedUp
from ticketing.storefront.photo_pages import albums
from ticketing.storefront.tracking import followed, followed_link
from ticketing.storefront.view import page
from ticketing.storefront.visitors import Key, buyer_or_visitor
from ticketing.tickets import service as tickets
from ticketing.tickets.qr import qr_svg

router = APIRouter()
GUEST_NAME = "Guest"
Short = Annotated[str, Form(max_length=320)]


class NothingChosen(Invalid):
    """The form names neither a seat nor a number of places."""


def _booking(request: Request) -> Booking:
    booking: Booking = request.app.state.booking
    return booking


def _digest(request: Request, *parts: object) -> bytes:
    return request_digest(request.app.state.digest_key, request.url.path.encode(), *(str(part).encode() for part in parts))


@router.post("/events/{event_id}/hold")
def hold(
    request: Request,
    event_id: UUID,
    key: Key,
    seat: Annotated[list[int] | None, Form()] = None,
    pool: Annotated[UUID | None, Form()] = None,
    quantity: Annotated[int, Form()] = 0,
    section: Annotated[UUID | None, Form()] = None,
    category: Short = "",
    code: Short = "",
) -> Response:
    """Keep the chosen seats or places, and go on to checkout."""
    seats = sorted(set(seat or []))
    places = [(pool, quantity)] if pool is not None else []
    if not seats and not places:
        raise NothingChosen("No place is chosen yet.", event_id=event_id)
    buyer_id, token = buyer_or_visitor(request, key)
    booking = _booking(request)
    digest = _digest(request, seats, places)
    opener = _opener(request, event_id, code, buyer_id)
    try:
        view = booking.wait(
            booking.hold(event_id=event_id, buyer_id=buyer_id, key=key, digest=digest, seats=seats, places=places, code=opener)
        )
        target = f"/checkout/{view.id}"
    except NotYourTurn:
        target = f"/events/{event_id}/queue"
    except SeatsTaken as error:
        if section is None:
            raise
        taken = error.details["seats"]
        query = [("category", category)] if category else []
        query += [("taken", number) for number in taken] + [("keep", number) for number in seats if number not in taken]
        target = f"/events/{event_id}/sections/{section}?{urlencode(query)}"
    answer = RedirectResponse(target, status_code=303)
    if token is not None:
        set_session_cookie(answer, request, token)
    return answer


def _opener(request: Request, event_id: UUID, code: str, buyer_id: UUID) -> str | None:
    """The access code that was typed in, or that of the link which brought the visitor here."""
    if code.strip():
        limit_codes(request, buyer_id=buyer_id)
        return code[:LONGEST_CODE]
    promotion = followed(request)
    opens = promotion is not None and promotion.kind is PromotionKind.ACCESS and promotion.event_id == event_id
    return promotion.code if promotion is not None and opens else None


def _wanted_code(request: Request, typed: str | None, buyer_id: UUID) -> tuple[str | None, Code | None]:
    """(what was typed in, else the promotion whose link was followed)."""
    if typed is None:
        promotion = followed(request)
        return None, promotion if promotion is not None and promotion.kind in DISCOUNTS else None
    if not typed.strip():
        return None, None
    limit_codes(request, buyer_id=buyer_id)
    return typed[:LONGEST_CODE], None


def _quote(session: Session, hold: HoldView, typed: str | None, linked: Code | None) -> tuple[CodeQuote | None, str | None]:
    """(what the hold costs with the code, why a typed one does not help)."""
    code = linked.code if linked is not None and linked.vendor_id == hold.vendor_id else typed
    if code is None:
        return None, None
    try:
        return orders.quote_code(session, hold=hold, code=code), None
    except (CodeUnknown, CodeNotInForce, CodeNotForThis) as error:
        return None, error.message if typed is not None else None


def _checkout(
    request: Request,
    hold_id: UUID,
    *,
    problem: str | None = None,
    status: int = 200,
    email: str = "",
    name: str = "",
    code: str | None = None,
) -> Response:
    user = require_user(request)
    typed, linked = _wanted_code(request, code, user.user_id)
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        view = orders.get_hold(session, hold_id=hold_id, buyer_id=user.user_id)
        event = browse.get_event(session, event_id=view.event_id, now=now)
        seats = orders.seat_labels(session, hold_id=hold_id)
        known = accounts.email_of(session, user_id=user.user_id, cipher=request.app.state.cipher)
        quote, code_problem = _quote(session, view, typed, linked)
    if view.order_id is not None:
        return RedirectResponse(f"/orders/{view.order_id}", status_code=303)
    living = view.state is HoldState.ACTIVE and view.expires_at > now
    return page(
        request,
        "checkout.html",
        user=user,
        status=status if living else 410,
        hold=view,
        event=event,
        seats=seats,
        living=living,
        seconds_left=max(0, int((view.expires_at - now).total_seconds())),
        known_email=known,
        problem=problem,
        quote=quote,
        code_problem=code_problem,
        code=quote.code if quote is not None else typed or "",
        email=email,
        name=name,
        key=new_token(),
    )


@router.get("/checkout/{hold_id}")
def show_checkout(request: Request, hold_id: UUID, code: Annotated[str | None, Query(max_length=LONGEST_CODE)] = None) -> Response:
    """What is held, until when, and who pays; with a code, what it takes off."""
    return _checkout(request, hold_id, code=code)


@router.post("/checkout/{hold_id}/extend")
def extend(request: Request, hold_id: UUID) -> Response:
    """More time, once."""
    booking = _booking(request)
    booking.wait(booking.extend_hold(hold_id=hold_id, buyer_id=require_user(request).user_id))
    return RedirectResponse(f"/checkout/{hold_id}", status_code=303)


@router.post("/checkout/{hold_id}/release")
def release(request: Request, hold_id: UUID) -> Response:
    """Give the places back."""
    booking = _booking(request)
    view = booking.wait(booking.release_hold(hold_id=hold_id, buyer_id=require_user(request).user_id))
    return RedirectResponse(f"/events/{view.event_id}", status_code=303)


@router.post("/checkout/{hold_id}")
def pay(request: Request, hold_id: UUID, key: Key, email: Short = "", name: Short = "", code: Short = "") -> Response:
    """Place the order, start paying, go to the provider's page."""
    user = require_user(request)
    state = request.app.state
    try:
        with state.database.transaction() as session:
            if accounts.email_of(session, user_id=user.user_id, cipher=state.cipher) is None:
                accounts.introduce_visitor(session, user_id=user.user_id, email=email, display_name=name or GUEST_NAME, cipher=state.cipher)
    except Invalid as error:
        return _checkout(request, hold_id, problem=error.message, status=422, email=email, name=name, code=code)
    if code.strip():
        limit_codes(request, buyer_id=user.user_id)
    try:
        order = _place_order(request, user.user_id, hold_id, code.strip()[:LONGEST_CODE] or None)
    except (CodeUnknown, CodeNotInForce, CodeNotForThis, CodeUsedUp) as error:
        return _checkout(request, hold_id, problem=error.message, status=error.status, code="")
    return _start_payment(request, user.user_id, order.id, key)


def _place_order(request: Request, buyer_id: UUID, hold_id: UUID, code: str | None) -> OrderView:
    booking = _booking(request)
    return booking.wait(
        booking.place_order(
            hold_ids=[hold_id],
            buyer_id=buyer_id,
            key=f"order:{hold_id}",
            digest=_digest(request, hold_id),
            channel=Channel.WEB,
            code=code,
            link_code=followed_link(request),
        )
    )


def _start_payment(request: Request, buyer_id: UUID, order_id: UUID, key: str) -> Response:
    booking, settings = _booking(request), request.app.state.settings
    payment = booking.wait(
        booking.start_payment(
            order_id=order_id,
            buyer_id=buyer_id,
            provider="fake",
            key=f"pay:{key}",
            digest=_digest(request, order_id),
            return_url=f"{settings.public_url}/orders/{order_id}",
        )
    )
    return RedirectResponse(payment.redirect_url or f"/orders/{order_id}", status_code=303)


@router.post("/orders/{order_id}/pay")
def pay_again(request: Request, order_id: UUID, key: Key) -> Response:
    """Another try after a declined payment."""
    return _start_payment(request, require_user(request).user_id, order_id, key)


@router.get("/orders")
def show_orders(request: Request) -> Response:
    """My orders."""
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        found = orders.list_orders(session, buyer_id=user.user_id)
    return page(request, "orders.html", user=user, orders=found)


@router.get("/orders/{order_id}")
def show_order(request: Request, order_id: UUID) -> Response:
    """An order, its tickets with QR codes, its receipt."""
    user = require_user(request)
    _look_up_payment(request, user.user_id, order_id)
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        order = orders.get_order(session, order_id=order_id, buyer_id=user.user_id)
        found = tickets.order_tickets(session, order_id=order_id, signer=request.app.state.signer)
        confirmed = order.state is OrderState.CONFIRMED
        give_back = orders.refund_quote(session, order_id=order_id, now=now) if confirmed else None
        one_back = orders.ticket_refund_quotes(session, order_id=order_id, now=now) if confirmed else {}
        seen = albums(session, order=order, user_id=user.user_id, now=now)
    codes = {ticket.id: qr_svg(ticket.qr_text) for ticket in found if ticket.state == "valid"}
    return page(
        request,
        "order.html",
        user=user,
        order=order,
        tickets=found,
        codes=codes,
        give_back=give_back,
        one_back=one_back if len(one_back) > 1 else {},
        albums=seen,
        most_photo_bytes=MOST_BYTES,
        key=new_token(),
        now=now,
    )


def _look_up_payment(request: Request, buyer_id: UUID, order_id: UUID) -> None:
    """The buyer is back from the provider, perhaps before its webhook: ask, and settle. No answer: the page looks again."""
    with request.app.state.database.transaction() as session:
        order = orders.get_order(session, order_id=order_id, buyer_id=buyer_id)
        payment = orders.newest_payment(session, order_id=order_id) if order.state is OrderState.PENDING else None
    if payment is not None:
        booking = _booking(request)
        with suppress(Unavailable, ProviderRefused):
            booking.wait(booking.look_up_payment(payment))


@router.post("/orders/{order_id}/cancel")
def cancel(request: Request, order_id: UUID, key: Key) -> Response:
    """Cancel, after the amount was shown."""
    booking = _booking(request)
    user = require_user(request)
    booking.wait(booking.cancel_order(order_id=order_id, buyer_id=user.user_id, key=key, digest=_digest(request, order_id)))
    return RedirectResponse(f"/orders/{order_id}", status_code=303)


@router.post("/orders/{order_id}/tickets/{ticket_id}/cancel")
def cancel_one(request: Request, order_id: UUID, ticket_id: UUID, key: Key) -> Response:
    """Cancel one ticket, after its amount was shown."""
    booking = _booking(request)
    user = require_user(request)
    digest = _digest(request, ticket_id)
    booking.wait(booking.cancel_ticket(ticket_id=ticket_id, order_id=order_id, buyer_id=user.user_id, key=key, digest=digest))
    return RedirectResponse(f"/orders/{order_id}", status_code=303)
