"""Sign in, register, sign out; the same page opens the dashboards. Links in mails: addresses, new passwords, no more mails."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ticketing.accounts import service as accounts
from ticketing.accounts.http import (
    COOKIES,
    clear_session_cookie,
    current_user,
    limit_registrations,
    new_session,
    open_by_password,
    set_session_cookie,
)
from ticketing.accounts.link_routes import ask_by_mail, confirm_address, set_password
from ticketing.accounts.links import ask_link
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.profile_routes import confirm_new_address
from ticketing.accounts.rules import Audience, LinkPurpose
from ticketing.accounts.sessions import sign_out as end_session
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import TicketingError
from ticketing.messages.preferences import UnsubscribeLinkUnknown, mute
from ticketing.messages.rules import OptionalKind
from ticketing.storefront.view import page

router = APIRouter()
Field = Annotated[str, Form(max_length=320)]
Token = Annotated[str, Path(max_length=100)]
Kind = Annotated[str, Path(max_length=32)]


SIGN_IN_FAILED = {
    "journey-broken": "That took too long, or was begun in another browser: try again.",
    "sign-in-refused": "You have not agreed to sign in that way.",
    "address-not-given": "We were not told your e-mail address, which your tickets go to: register with a password instead.",
    "address-taken": "There is an account with your address: sign in with its password, or set a new one.",
    "wrong-credentials": "This account is closed.",
}
"""By the problem's type: what somebody is told who comes back from another provider in vain."""
PROVIDER_DOWN = "That does not work at present: sign in with a password, or try again later."


def sign_in_page(
    request: Request, *, status: int = 200, desk: bool = False, problem: str | None = None, email: str = "", grant: str = ""
) -> Response:
    """`grant` is the question of a program (the query of `/oauth/authorize`) that the person comes back to."""
    ways = sorted(request.app.state.sign_in_providers)
    user = current_user(request)
    return page(request, "sign_in.html", user=user, status=status, desk=desk, problem=problem, email=email, grant=grant, ways=ways)


@router.get("/sign-in")
def show_sign_in(
    request: Request,
    purpose: Annotated[str, Query(alias="for", max_length=10)] = "",
    failed: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """For buyers, and with `?for=desk` for the dashboards."""
    problem = SIGN_IN_FAILED.get(failed, PROVIDER_DOWN) if failed else None
    return sign_in_page(request, desk=purpose == "desk", problem=problem)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    email: Field,
    password: Field,
    desk: Annotated[str, Form(max_length=5)] = "",
    grant: Annotated[str, Form(max_length=4_000)] = "",
) -> Response:
    """Opens a session; goes on to my orders, the dashboards, or the question of a program. Never to an address that came with it."""
    audience = Audience.DESK if desk == "yes" else Audience.SHOP
    try:
        token, _ = await open_by_password(request, email=email, password=password, audience=audience)
    except TicketingError as error:
        return await run_in_threadpool(_refused, request, error, desk=audience is Audience.DESK, email=email, grant=grant)
    onward = f"/oauth/authorize?{urlencode(parse_qsl(grant))}" if grant else "/orders"
    answer = RedirectResponse(request.app.state.settings.desk_url if audience is Audience.DESK else onward, status_code=303)
    set_session_cookie(answer, request, token, audience)
    return answer


@router.post("/register")
async def register(request: Request, email: Field, password: Field, name: Field) -> Response:
    """A new account, signed in."""
    state = request.app.state

    def open_account(password_hash: str) -> str:
        with state.database.transaction() as session:
            now = database_now(session)
            user_id = accounts.register(session, email=email, password_hash=password_hash, display_name=name, cipher=state.cipher, now=now)
            ask_link(session, email=email, purpose=LinkPurpose.VERIFY_EMAIL, cipher=state.cipher, now=now)
            return new_session(request, session, user_id=user_id, audience=Audience.SHOP, now=now)

    try:
        await run_in_threadpool(limit_registrations, request)
        token = await run_in_threadpool(open_account, await state.hashing.run(hash_password, password))
    except TicketingError as error:
        return await run_in_threadpool(_refused, request, error, desk=False, email=email)
    answer = RedirectResponse("/", status_code=303)
    set_session_cookie(answer, request, token)
    return answer


def _refused(request: Request, error: TicketingError, *, desk: bool, email: str, grant: str = "") -> Response:
    """The page again, with what was wrong."""
    return sign_in_page(request, status=error.status, desk=desk, problem=error.message, email=email, grant=grant)


@router.get("/forgot")
def show_forgot(request: Request) -> Response:
    """Where a new password is asked for."""
    return _link_page(request, step="ask")


@router.post("/forgot")
def forgot(request: Request, email: Field) -> Response:
    """Mails a link, if an account has the address; the page is the same when none has."""
    try:
        ask_by_mail(request, email=email, purpose=LinkPurpose.RESET_PASSWORD)
    except TicketingError as error:
        return _link_page(request, step="ask", error=error)
    return _link_page(request, step="asked")


@router.get("/reset/{token}")
def show_reset(request: Request, token: Token) -> Response:
    """Where a new password is set. Looking does not use the link up."""
    return _link_page(request, step="reset", token=token)


@router.post("/reset/{token}")
async def reset(request: Request, token: Token, password: Field) -> Response:
    """Sets it, and signs out everywhere."""
    try:
        await set_password(request, token, password)
    except TicketingError as error:
        return await run_in_threadpool(_link_page, request, step="reset", token=token, error=error)
    return await run_in_threadpool(_link_page, request, step="done")


@router.get("/verify/{token}")
def show_verify(request: Request, token: Token) -> Response:
    """A page with a button: mail programs that look ahead must not use the link up."""
    return _link_page(request, step="verify", token=token)


@router.post("/verify/{token}")
def verify(request: Request, token: Token) -> Response:
    """Confirms the address."""
    try:
        confirm_address(request, token)
    except TicketingError as error:
        return _link_page(request, step="verify", token=token, error=error)
    return _link_page(request, step="verified")


@router.get("/new-address/{token}")
def show_new_address(request: Request, token: Token) -> Response:
    """A page with a button, as for a first address."""
    return _link_page(request, step="change", token=token)


@router.post("/new-address/{token}")
def new_address(request: Request, token: Token) -> Response:
    """The new address counts from now on."""
    try:
        confirm_new_address(request, token)
    except TicketingError as error:
        return _link_page(request, step="change", token=token, error=error)
    return _link_page(request, step="verified")


@router.get("/unsubscribe/{kind}/{token}")
def show_unsubscribe(request: Request, kind: Kind, token: Token) -> Response:
    """A page with a button: looking turns nothing off."""
    request.app.state.unsubscribing.read(token, _kind(kind))
    return _link_page(request, step="unsubscribe", token=f"{kind}/{token}")


@router.post("/unsubscribe/{kind}/{token}")
def unsubscribe(request: Request, kind: Kind, token: Token) -> Response:
    """By the page's button, or at once by a mail program (RFC 8058): no more mails of this kind."""
    optional = _kind(kind)
    user_id = request.app.state.unsubscribing.read(token, optional)
    with request.app.state.database.transaction() as session:
        mute(session, user_id=user_id, kind=optional, now=database_now(session))
    return _link_page(request, step="unsubscribed")


def _kind(kind: str) -> OptionalKind:
    try:
        return OptionalKind(kind)
    except ValueError:
        raise UnsubscribeLinkUnknown("This link is none of ours.") from None


def _link_page(request: Request, *, step: str, token: str = "", error: TicketingError | None = None) -> Response:
    status, problem = (200, None) if error is None else (error.status, error.message)
    return page(request, "link.html", user=current_user(request), status=status, step=step, token=token, problem=problem)


@router.post("/sign-out")
def sign_out(request: Request, desk: Annotated[str, Form(max_length=5)] = "") -> Response:
    """Ends this session (`desk=yes`: the dashboards')."""
    audience = Audience.DESK if desk == "yes" else Audience.SHOP
    token = request.cookies.get(COOKIES[audience])
    if token:
        with request.app.state.database.transaction() as session:
            end_session(session, token=token, now=database_now(session))
    answer = RedirectResponse("/", status_code=303)
    clear_session_cookie(answer, audience)
    return answer


@router.get("/sign-out")
def show_sign_out(request: Request) -> Response:
    """A page with the button, for the dashboards' link."""
    return page(request, "sign_out.html", user=current_user(request))
