"""Who sent a request: cookies of the two audiences, bearer tokens, and the guard against other sites' forms."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ticketing.accounts.rules import Audience
from ticketing.accounts.service import SESSION_LENGTH, SignedIn, find_session
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Unauthenticated
from ticketing.foundation.http import problem

COOKIES = {Audience.SHOP: "ticketing_session", Audience.DESK: "ticketing_desk"}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(request: Request, audience: Audience = Audience.SHOP) -> str | None:
    """The bearer token, else the audience's cookie."""
    authorization = request.headers.get("authorization", "")
    if audience is Audience.SHOP and authorization[:7].lower() == "bearer ":
        return authorization[7:].strip()
    return request.cookies.get(COOKIES[audience])


def current_user(request: Request, audience: Audience = Audience.SHOP) -> SignedIn | None:
    """Who is signed in, if anyone. Reads the database: not for hot paths."""
    token = token_of(request, audience)
    if not token:
        return None
    with request.app.state.database.transaction() as session:
        return find_session(session, token=token, audience=audience, now=database_now(session))


def current_caller(request: Request) -> tuple[SignedIn | None, frozenset[str] | None]:
    """Who calls, and the scopes of an integrator's access token (None for a person's own session)."""
    return current_user(request), None


def require_user(request: Request, audience: Audience = Audience.SHOP) -> SignedIn:
    """Who is signed in; raises `Unauthenticated`."""
    user = current_user(request, audience)
    if user is None:
        raise Unauthenticated("Sign in first.")
    return user


def set_session_cookie(response: Response, request: Request, token: str, audience: Audience = Audience.SHOP) -> None:
    """HttpOnly, same-site; only over TLS where the installation's address is."""
    response.set_cookie(
        COOKIES[audience],
        token,
        max_age=int(SESSION_LENGTH[audience].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.public_url.startswith("https:"),
        path="/",
    )


def clear_session_cookie(response: Response, audience: Audience) -> None:
    response.delete_cookie(COOKIES[audience], path="/")


class SameOriginOnly:
    """Refuses state-changing requests that a browser says another site has sent.

    With and without a cookie: signing somebody in to a stranger's account is an attack, too. Programs send neither header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and _from_elsewhere(scope):
            await problem(403, "other-site", "This request came from another site.")(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _from_elsewhere(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin.decode("latin-1")).netloc != headers.get(b"host", b"").decode("latin-1")
