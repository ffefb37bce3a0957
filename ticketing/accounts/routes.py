"""Accounts over HTTP: register, sign in and out, guests, who am I, my sessions; and shutting somebody out."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ticketing.accounts import service, sessions
from ticketing.accounts.access import Authorised
from ticketing.accounts.http import clear_session_cookie, limit_registrations, new_session, open_by_password, set_session_cookie, token_of
from ticketing.accounts.links import ask_link
from ticketing.accounts.members import open_vendor
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import Audience, LinkPurpose
from ticketing.accounts.sessions import SessionView
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["accounts"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewVendor(_Body):
    slug: str = Field(max_length=60, examples=["opera-house"])
    name: str = Field(max_length=120, examples=["Opera House"])
    zone: str = Field(max_length=64, examples=["Europe/Berlin"])
    """IANA zone in which business days are counted."""


class Registration(_Body):
    email: str = Field(max_length=320, examples=["ada@example.org"])
    password: str = Field(max_length=200)
    display_name: str = Field(max_length=120, examples=["Ada"])
    vendor: NewVendor | None = None
    """Opens a vendor, too, which the account owns."""


class SignIn(_Body):
    email: str = Field(max_length=320)
    password: str = Field(max_length=200)


class Guest(_Body):
    email: str = Field(max_length=320)
    display_name: str = Field(max_length=120)
    phone: str | None = Field(default=None, max_length=40)


@dataclass(frozen=True, slots=True)
class SessionOpened:
    token: str
    """For `Authorization: Bearer`; the cookie has the same."""
    user_id: UUID


@dataclass(frozen=True, slots=True)
class SessionList:
    sessions: list[SessionView]


def _session_answer(request: Request, token: str, user_id: UUID, status: int) -> Response:
    answer = Json(SessionOpened(token, user_id), status_code=status)
    set_session_cookie(answer, request, token)
    return answer


@router.post("/register", status_code=201, response_model=SessionOpened)
async def register(request: Request, body: Registration) -> Response:
    """An account with a password, signed in; a link that proves its address is mailed. It may open a vendor of its own."""
    state = request.app.state
    await run_in_threadpool(limit_registrations, request)
    password_hash = await state.hashing.run(hash_password, body.password)

    def open_account() -> tuple[str, UUID]:
        with state.database.transaction() as session:
            now = database_now(session)
            user_id = service.register(
                session, email=body.email, password_hash=password_hash, display_name=body.display_name, cipher=state.cipher, now=now
            )
            ask_link(session, email=body.email, purpose=LinkPurpose.VERIFY_EMAIL, cipher=state.cipher, now=now)
            if body.vendor is not None:
                open_vendor(session, owner_id=user_id, slug=body.vendor.slug, name=body.vendor.name, zone=body.vendor.zone)
            return new_session(request, session, user_id=user_id, audience=Audience.SHOP, now=now), user_id

    token, user_id = await run_in_threadpool(open_account)
    return _session_answer(request, token, user_id, 201)


@router.post("/login", response_model=SessionOpened)
async def sign_in(request: Request, body: SignIn) -> Response:
    """A session for an account; the one that the request came with ends."""
    token, user_id = await open_by_password(request, email=body.email, password=body.password, audience=Audience.SHOP)
    return _session_answer(request, token, user_id, 200)


@router.post("/guests", status_code=201, response_model=SessionOpened)
def create_guest(request: Request, body: Guest) -> Response:
    """A temporary profile: enough to buy."""
    state = request.app.state
    with state.database.transaction() as session:
        now = database_now(session)
        user_id = service.create_guest(
            session, email=body.email, display_name=body.display_name, phone=body.phone, cipher=state.cipher, now=now
        )
        token = new_session(request, session, user_id=user_id, audience=Audience.SHOP, now=now)
    return _session_answer(request, token, user_id, 201)


@router.post("/logout", status_code=204)
def sign_out(request: Request) -> Response:
    """End this session."""
    answer = Response(status_code=204)
    if token := token_of(request):
        with request.app.state.database.transaction() as session:
            sessions.sign_out(session, token=token, now=database_now(session))
    clear_session_cookie(answer, Audience.SHOP)
    return answer


@router.get("/me", response_model=sessions.SignedIn)
def who_am_i(caller: Authorised) -> Response:
    """The signed-in person."""
    return Json(caller.user)


@router.get("/sessions", response_model=SessionList)
def list_sessions(request: Request, caller: Authorised) -> Response:
    """Where this person is signed in, newest first."""
    with request.app.state.database.transaction() as session:
        found = sessions.list_sessions(session, user_id=caller.user_id, token=token_of(request), now=database_now(session))
    return Json(SessionList(found))


@router.delete("/sessions", status_code=204)
def end_sessions(request: Request, caller: Authorised) -> Response:
    """Sign out everywhere, here included."""
    with request.app.state.database.transaction() as session:
        sessions.end_sessions(session, user_id=caller.user_id, now=database_now(session))
    answer = Response(status_code=204)
    clear_session_cookie(answer, Audience.SHOP)
    return answer


@router.delete("/sessions/{session_id}", status_code=204)
def end_session(request: Request, caller: Authorised, session_id: UUID) -> Response:
    """Sign out on one device."""
    with request.app.state.database.transaction() as session:
        sessions.end_session(session, user_id=caller.user_id, session_id=session_id, now=database_now(session))
    return Response(status_code=204)


@router.post("/users/{user_id}/disable", status_code=204)
def disable_account(request: Request, caller: Authorised, user_id: UUID) -> Response:
    """Shut a person out: their sessions end, and none can be opened."""
    with request.app.state.database.transaction() as session:
        sessions.disable_account(session, user_id=user_id, actor_id=caller.user_id, now=database_now(session))
    return Response(status_code=204)


@router.post("/users/{user_id}/enable", status_code=204)
def enable_account(request: Request, caller: Authorised, user_id: UUID) -> Response:
    """Let a person in again."""
    with request.app.state.database.transaction() as session:
        sessions.enable_account(session, user_id=user_id, actor_id=caller.user_id)
    return Response(status_code=204)
