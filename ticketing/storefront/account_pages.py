"""Sign in, register, sign out; the same page opens the dashboards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from ticketing.accounts import service as accounts
from ticketing.accounts.http import COOKIES, clear_session_cookie, current_user, set_session_cookie
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import Audience
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import TicketingError
from ticketing.storefront.view import page

router = APIRouter()
Field = Annotated[str, Form(max_length=320)]


@router.get("/sign-in")
def show_sign_in(request: Request, purpose: Annotated[str, Query(alias="for", max_length=10)] = "") -> Response:
    """For buyers, and with `?for=desk` for the dashboards."""
    return page(request, "sign_in.html", user=current_user(request), desk=purpose == "desk", problem=None, email="")


@router.post("/sign-in")
def sign_in(request: Request, email: Field, password: Field, desk: Annotated[str, Form(max_length=5)] = "") -> Response:
    """Opens a session; goes on to my orders, or to the dashboards. Never to an address that came with the request."""
    state = request.app.state
    audience = Audience.DESK if desk == "yes" else Audience.SHOP
    try:
        with state.database.transaction() as session:
            credential = accounts.find_credential(session, email=email, cipher=state.cipher)
        user_id = accounts.check_password(credential, password)
        with state.database.transaction() as session:
            token = accounts.open_session(session, user_id=user_id, audience=audience, now=database_now(session))
    except TicketingError as error:
        return page(
            request,
            "sign_in.html",
            user=current_user(request),
            status=error.status,
            desk=audience is Audience.DESK,
            problem=error.message,
            email=email,
        )
    answer = RedirectResponse(state.settings.desk_url if audience is Audience.DESK else "/orders", status_code=303)
    set_session_cookie(answer, request, token, audience)
    return answer


@router.post("/register")
def register(request: Request, email: Field, password: Field, name: Field) -> Response:
    """A new account, signed in."""
    state = request.app.state
    try:
        password_hash = hash_password(password)
        with state.database.transaction() as session:
            now = database_now(session)
            user_id = accounts.register(session, email=email, password_hash=password_hash, display_name=name, cipher=state.cipher, now=now)
            token = accounts.open_session(session, user_id=user_id, audience=Audience.SHOP, now=now)
    except TicketingError as error:
        return page(request, "sign_in.html", user=None, status=error.status, desk=False, problem=error.message, email=email)
    answer = RedirectResponse("/", status_code=303)
    set_session_cookie(answer, request, token)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, desk: Annotated[str, Form(max_length=5)] = "") -> Response:
    """Ends this session (`desk=yes`: the dashboards')."""
    audience = Audience.DESK if desk == "yes" else Audience.SHOP
    token = request.cookies.get(COOKIES[audience])
    if token:
        with request.app.state.database.transaction() as session:
            accounts.sign_out(session, token=token, now=database_now(session))
    answer = RedirectResponse("/", status_code=303)
    clear_session_cookie(answer, audience)
    return answer


@router.get("/sign-out")
def show_sign_out(request: Request) -> Response:
    """A page with the button, for the dashboards' link."""
    return page(request, "sign_out.html", user=current_user(request))
