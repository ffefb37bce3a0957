"""Who sent a request: cookies of the two audiences, bearer tokens, and the guard against other sites' forms."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ticketing.accounts.access_tokens import looks_signed
from ticketing.accounts.rules import Audience, ContactKind
from ticketing.accounts.service import Credential, check_password, confirm_credential, find_credential
from ticketing.accounts.sessions import SESSION_LENGTH, SignedIn, find_access, find_session, open_session, sign_out
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Unauthenticated
from ticketing.foundation.http import problem
from ticketing.foundation.limits import Limits

COOKIES = {Audience.SHOP: "ticketing_session", Audience.DESK: "ticketing_desk"}
ATTEMPTS_PER_ACCOUNT = "10 per 5 minutes"
"""Guessing a password at this rate takes longer than anybody has; a forgotten one is remembered or reset before."""
ATTEMPTS_PER_ACCOUNT_AND_HOUR = "50 per hour"
"""Fewer than a hundred, also where two processes count for themselves."""
ATTEMPTS_PER_CLIENT = "300 per 5 minutes"
"""An address may be that of a whole house."""
REGISTRATIONS_PER_CLIENT = "100 per 10 minutes"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(request: Request, audience: Audience = Audience.SHOP) -> str | None:
    """The bearer token, else the audience's cookie."""
    authorization = request.headers.get("authorization", "")
    if audience is Audience.SHOP and authorization[:7].lower() == "bearer ":
        return authorization[7:].strip()
    return request.cookies.get(COOKIES[audience])


def current_user(request: Request, audience: Audience = Audience.SHOP, *, with_access_tokens: bool = False) -> SignedIn | None:
    """Who is signed in, if anyone. Reads the database: not for hot paths.

    `with_access_tokens` is for whoever looks at their scopes; everything else is for sessions.
    """
    token = token_of(request, audience)
    if not token or (looks_signed(token) and not with_access_tokens):
        return None
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        if looks_signed(token):
            access = request.app.state.access_tokens.read(token, now=now)
            return None if access is None else find_access(session, access=access)
        return find_session(session, token=token, audience=audience, now=now)


def require_user(request: Request, audience: Audience = Audience.SHOP) -> SignedIn:
    """Who is signed in; raises `Unauthenticated`."""
    user = current_user(request, audience)
    if user is None:
        raise Unauthenticated("Sign in first.")
    return user


def new_session(request: Request, session: Session, *, user_id: UUID, audience: Audience, now: datetime) -> str:
    """A session with a token of its own; the one that the request came with ends, so that nobody else holds it, too."""
    if old := token_of(request, audience):
        sign_out(session, token=old, now=now)
    return open_session(session, user_id=user_id, audience=audience, now=now, user_agent=request.headers.get("user-agent"))


def limit_attempts(request: Request, lane: str, subject: str) -> None:
    """Count an attempt at somebody's account, and one of this client; raises `TooManyRequests`. May wait: not for event loops."""
    limits: Limits = request.app.state.limits
    limits.spend(lane, ATTEMPTS_PER_CLIENT, "client", _client(request))
    limits.spend(lane, ATTEMPTS_PER_ACCOUNT, "account", subject)
    limits.spend(lane, ATTEMPTS_PER_ACCOUNT_AND_HOUR, "account and hour", subject)


def limit_registrations(request: Request) -> None:
    """Count a new account of this client; raises `TooManyRequests`. May wait: not for event loops."""
    limits: Limits = request.app.state.limits
    limits.spend("registration", REGISTRATIONS_PER_CLIENT, _client(request))


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


async def open_by_password(request: Request, *, email: str, password: str, audience: Audience) -> tuple[str, UUID]:
    """(token, account) of a new session. Raises `WrongCredentials`, `SignInsBusy`, `TooManyRequests`, `NotForDesk`."""
    state = request.app.state
    state.hashing.check_room()

    def find() -> Credential:
        limit_attempts(request, "sign-in", state.cipher.blind_index(ContactKind.EMAIL, email).hex())
        with state.database.transaction() as session:
            return find_credential(session, email=email, cipher=state.cipher)

    verified = await state.hashing.run(check_password, await run_in_threadpool(find), password)

    def open_it() -> str:
        with state.database.transaction() as session:
            confirm_credential(session, verified=verified)
            return new_session(request, session, user_id=verified.user_id, audience=audience, now=database_now(session))

    return await run_in_threadpool(open_it), verified.user_id


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

    With and without a cookie: signing somebody in to a stranger's account is an attack, too. Programs send neither header. Scripts of
    the origins in `let_in` may call the API, as long as they bring no cookie: then nobody's session is used without their knowing.
    """

    def __init__(self, app: ASGIApp, *, let_in: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._let_in = let_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and _from_elsewhere(scope) and not self._is_let_in(scope):
            await problem(403, "other-site", "This request came from another site.")(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_let_in(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        return origin in self._let_in and b"cookie" not in headers and scope["path"].startswith("/api/")


def _from_elsewhere(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin.decode("latin-1")).netloc != headers.get(b"host", b"").decode("latin-1")
