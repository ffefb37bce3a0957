"""Signing in with an account elsewhere, over HTTP: there, and back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import RedirectResponse

from ticketing.accounts.http import limit_registrations, new_session, set_session_cookie
from ticketing.accounts.rules import Audience
from ticketing.accounts.social import JOURNEY_SECONDS, SignInProvider, SignInProviderNotFound, SignInRefused, find_or_join
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import TicketingError

router = APIRouter(prefix="/api/oauth", tags=["OAuth"])
COOKIE = "ticketing_journey"
Provider = Annotated[str, Path(max_length=20, pattern="^[a-z]+$", examples=["google"])]
Text = Annotated[str | None, Query(max_length=2_000)]


def _provider(request: Request, name: str) -> SignInProvider:
    provider: SignInProvider | None = request.app.state.sign_in_providers.get(name)
    if provider is None:
        raise SignInProviderNotFound("Nobody signs in that way here.")
    return provider


def _return_url(request: Request, name: str) -> str:
    return f"{request.app.state.settings.public_url}/api/oauth/{name}/callback"


@router.get("/{provider}/start", status_code=302, response_class=RedirectResponse)
def start(request: Request, provider: Provider) -> Response:
    """Sign in with another provider: off to it; the browser keeps what it must bring back."""
    address, journey = _provider(request, provider).leave(return_url=_return_url(request, provider))
    answer = RedirectResponse(address, status_code=302, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        COOKIE,
        request.app.state.journeys.seal(journey),
        max_age=JOURNEY_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.public_url.startswith("https:"),
        path="/api/oauth/",
    )
    return answer


@router.get("/{provider}/callback", status_code=303, response_class=RedirectResponse)
def callback(request: Request, provider: Provider, code: Text = None, state: Text = None, error: Text = None) -> Response:
    """Back from the provider: signed in, on to my orders. People whose sign-in fails are shown why on the sign-in page."""
    try:
        token = _sign_in(request, provider, code=code, state=state, error=error)
    except TicketingError as failed:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        answer = RedirectResponse(f"/sign-in?failed={failed.problem_type}", status_code=303)
    else:
        answer = RedirectResponse("/orders", status_code=303)
        set_session_cookie(answer, request, token)
    answer.delete_cookie(COOKIE, path="/api/oauth/")
    return answer


def _sign_in(request: Request, name: str, *, code: str | None, state: str | None, error: str | None) -> str:
    app = request.app.state
    provider = _provider(request, name)
    journey = app.journeys.open(request.cookies.get(COOKIE), provider=name, state=state)
    if error is not None or not code:
        raise SignInRefused("You have not agreed to sign in that way.")
    limit_registrations(request)
    person = provider.arrive(journey, code=code, return_url=_return_url(request, name), now=utc_now())
    with app.database.transaction() as session:
        now = database_now(session)
        user_id = find_or_join(session, provider=name, person=person, cipher=app.cipher, now=now)
        return new_session(request, session, user_id=user_id, audience=Audience.SHOP, now=now)
