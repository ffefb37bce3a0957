"""Where a person allows a program to act for them (OAuth 2.0's authorisation endpoint)."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from ticketing.accounts.access_tokens import Scope
from ticketing.accounts.grants import ClientUnknown, ClientView, RedirectRefused, ScopeRefused, check_request, grant_code
from ticketing.accounts.http import current_user
from ticketing.accounts.rules import UserKind
from ticketing.accounts.sessions import SignedIn
from ticketing.foundation.db import database_now
from ticketing.storefront.account_pages import sign_in_page
from ticketing.storefront.view import page

router = APIRouter()
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
MEANINGS = {
    Scope.PROFILE: "see your name",
    Scope.BUY: "hold seats, order and pay for you, and see your orders and tickets",
    Scope.EVENTS: "make and change events and waiting rooms of the vendors you act for",
    Scope.WEBHOOKS: "say where those vendors' webhooks go",
    Scope.SALES: "read those vendors' sales",
}
Asked = Annotated[str, Query(max_length=2_000)]
Sent = Annotated[str, Form(max_length=2_000)]


class _Wish:
    """What the program asks for, as it stands in the address."""

    def __init__(self, client_id: str, redirect_uri: str, scope: str, state: str, challenge: str) -> None:
        self.client_id, self.redirect_uri, self.scope, self.state, self.challenge = client_id, redirect_uri, scope, state, challenge

    @property
    def scopes(self) -> list[str]:
        return sorted(set(self.scope.split()))

    def answer(self, request: Request, **values: str) -> Response:
        """Back to the program, with who answers and the program's own state."""
        told = values | {"iss": request.app.state.settings.public_url} | ({"state": self.state} if self.state else {})
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return RedirectResponse(f"{self.redirect_uri}{joint}{urlencode(told)}", status_code=303, headers={"Cache-Control": "no-store"})


@router.get("/oauth/authorize")
def show_consent(
    request: Request,
    client_id: Asked = "",
    redirect_uri: Asked = "",
    scope: Asked = "",
    state: Asked = "",
    code_challenge: Asked = "",
    code_challenge_method: Asked = "",
    response_type: Asked = "",
) -> Response:
    """Asks the person. Whoever is not signed in signs in first, and comes back here."""
    wish = _Wish(client_id, redirect_uri, scope, state, code_challenge)
    found = _check(request, wish)
    if isinstance(found, Response):
        return found
    if response_type != "code":
        return wish.answer(request, error="unsupported_response_type")
    if code_challenge_method != "S256" or not CHALLENGE.fullmatch(code_challenge):
        return wish.answer(request, error="invalid_request", error_description="PKCE with S256 is needed")
    user = _person(request)
    if user is None:
        return sign_in_page(request, grant=request.url.query)
    meanings = [MEANINGS[Scope(name)] for name in wish.scopes]
    return page(request, "consent.html", user=user, client=found, wish=wish, meanings=meanings, host=urlsplit(redirect_uri).hostname)


@router.post("/oauth/authorize")
def decide(
    request: Request,
    client_id: Sent = "",
    redirect_uri: Sent = "",
    scope: Sent = "",
    state: Sent = "",
    code_challenge: Sent = "",
    decision: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """What the person has said; back to the program with a code, or with the refusal."""
    wish = _Wish(client_id, redirect_uri, scope, state, code_challenge)
    found = _check(request, wish)
    if isinstance(found, Response):
        return found
    user = _person(request)
    if user is None:
        return sign_in_page(request, status=401, problem="Sign in first.")
    if decision != "allow":
        return wish.answer(request, error="access_denied")
    if not CHALLENGE.fullmatch(code_challenge):
        return wish.answer(request, error="invalid_request")
    state_ = request.app.state
    with state_.database.transaction() as session:
        code = grant_code(
            session,
            client_id=found.id,
            user_id=user.user_id,
            redirect_uri=redirect_uri,
            scopes=wish.scopes,
            challenge=code_challenge,
            signer=state_.grants,
            now=database_now(session),
        )
    return wish.answer(request, code=code)


def _check(request: Request, wish: _Wish) -> ClientView | Response:
    """The program, or its answer when it asks for too much. Raises `RedirectRefused` where nobody may be sent on."""
    try:
        with request.app.state.database.transaction() as session:
            return check_request(session, client_id=UUID(wish.client_id), redirect_uri=wish.redirect_uri, scopes=wish.scopes)
    except ScopeRefused:
        return wish.answer(request, error="invalid_scope")
    except (ClientUnknown, ValueError):
        raise RedirectRefused("There is no such program: tell whoever sent you here.") from None


def _person(request: Request) -> SignedIn | None:
    """Signed in with an account of their own: a guest has nothing to grant, and a program can't ask itself."""
    user = current_user(request)
    return None if user is None or user.kind is UserKind.GUEST or user.scopes is not None else user
