"""My account: name, address, where I am signed in, and what I want to be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ticketing.accounts import sessions
from ticketing.accounts.http import require_user, token_of
from ticketing.accounts.profile_routes import profile_of, store_profile
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import TicketingError
from ticketing.messages.preferences import Channels, QuietHours, read_preferences, set_preferences
from ticketing.messages.rules import OptionalKind
from ticketing.storefront.view import page

router = APIRouter()
Field = Annotated[str, Form(max_length=320)]
Optional = Annotated[str, Form(max_length=320)]
Tick = Annotated[str, Form(max_length=3)]

KINDS = {OptionalKind.YOUR_TURN: "It is my turn in a waiting room"}


@router.get("/account")
def show_account(request: Request) -> Response:
    """Everything on one page; who is not signed in is asked to."""
    return _page(request)


@router.post("/account")
async def change_account(request: Request, name: Field, email: Field, password: Optional = "") -> Response:
    """Name and address; a new address counts when its link was followed."""
    user = await run_in_threadpool(require_user, request)
    profile = await run_in_threadpool(profile_of, request, user.user_id)
    try:
        await store_profile(
            request, user_id=user.user_id, display_name=name, locale=profile.locale, email=email or None, password=password or None
        )
    except TicketingError as error:
        return await run_in_threadpool(_page, request, error)
    return RedirectResponse("/account", status_code=303)


@router.post("/account/preferences")
def change_preferences(
    request: Request,
    kinds: Annotated[list[OptionalKind], Form(default_factory=list, max_length=len(OptionalKind))],
    quiet: Tick = "",
    start: Annotated[str, Form(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "22:00",
    end: Annotated[str, Form(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "07:00",
    zone: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Which mails, and at which hours not."""
    user = require_user(request)
    try:
        with request.app.state.database.transaction() as session:
            known = read_preferences(session, user_id=user.user_id)
            wanted = replace(
                known,
                channels=Channels(email=True, push=known.channels.push),
                kinds={kind.value: kind in kinds for kind in OptionalKind},
                quiet_hours=QuietHours(start, end, zone) if quiet else None,
            )
            set_preferences(session, user_id=user.user_id, preferences=wanted, now=database_now(session))
    except TicketingError as error:
        return _page(request, error)
    return RedirectResponse("/account", status_code=303)


@router.post("/account/sessions/{session_id}/end")
def end_session(request: Request, session_id: UUID) -> Response:
    """Sign out on one device."""
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        sessions.end_session(session, user_id=user.user_id, session_id=session_id, now=database_now(session))
    return RedirectResponse("/account", status_code=303)


def _page(request: Request, error: TicketingError | None = None) -> Response:
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        found = sessions.list_sessions(session, user_id=user.user_id, token=token_of(request), now=now)
        wanted = read_preferences(session, user_id=user.user_id)
    status, problem = (200, None) if error is None else (error.status, error.message)
    return page(
        request,
        "account.html",
        user=user,
        status=status,
        problem=problem,
        profile=profile_of(request, user.user_id),
        sessions=found,
        wanted=wanted,
        kinds=KINDS,
    )
