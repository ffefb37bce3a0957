"""Finding my tickets again without an account: a link by mail, and the orders of that address."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from ticketing.accounts.http import current_user, new_session, set_session_cookie
from ticketing.accounts.link_routes import ask_by_mail
from ticketing.accounts.links import people_of_link
from ticketing.accounts.rules import Audience, LinkPurpose, UserKind
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import TicketingError
from ticketing.orders import service as orders
from ticketing.storefront.view import page

router = APIRouter()
Token = Annotated[str, Path(max_length=100)]


@router.get("/find")
def show_find(request: Request) -> Response:
    """Where the link is asked for."""
    return page(request, "find.html", user=current_user(request), asked=False, problem=None)


@router.post("/find")
def find(request: Request, email: Annotated[str, Form(max_length=320)]) -> Response:
    """Mails a link, if anything was bought with the address; the page is the same when nothing was."""
    user = current_user(request)
    try:
        ask_by_mail(request, email=email, purpose=LinkPurpose.FIND_ORDERS)
    except TicketingError as error:
        return page(request, "find.html", user=user, status=error.status, asked=False, problem=error.message)
    return page(request, "find.html", user=user, asked=True, problem=None)


@router.get("/find/{token}")
def show_found(request: Request, token: Token) -> Response:
    """The orders of the address that the link was mailed to, newest first."""
    state = request.app.state
    link_id = state.links.read(token, LinkPurpose.FIND_ORDERS)
    with state.database.transaction() as session:
        people = people_of_link(session, link_id=link_id, now=database_now(session))
        found = {order.id: order for user_id in people for order in orders.list_orders(session, buyer_id=user_id)}
    guests = {order.id for order in found.values() if people.get(order.buyer_id) is UserKind.GUEST}
    newest = sorted(found.values(), key=lambda order: order.placed_at, reverse=True)
    return page(request, "found.html", user=current_user(request), orders=newest, guests=guests, token=token)


@router.post("/find/{token}")
def open_found(request: Request, token: Token, order_id: Annotated[UUID, Form()]) -> Response:
    """Go on as the guest who bought it; an account's orders are behind its own sign-in."""
    state = request.app.state
    link_id = state.links.read(token, LinkPurpose.FIND_ORDERS)
    with state.database.transaction() as session:
        now = database_now(session)
        people = people_of_link(session, link_id=link_id, now=now)
        order = orders.get_order(session, order_id=order_id)
        if people.get(order.buyer_id) is not UserKind.GUEST:
            return RedirectResponse("/sign-in", status_code=303)
        opened = new_session(request, session, user_id=order.buyer_id, audience=Audience.SHOP, now=now)
    answer = RedirectResponse(f"/orders/{order_id}", status_code=303)
    set_session_cookie(answer, request, opened)
    return answer
