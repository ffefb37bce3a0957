"""Accounts over HTTP: register, sign in and out, guests, who am I."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ticketing.accounts import service
from ticketing.accounts.access import Authorised
from ticketing.accounts.http import clear_session_cookie, set_session_cookie, token_of
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import Audience
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["accounts"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Registration(_Body):
    email: str = Field(max_length=320, examples=["ada@example.org"])
    password: str = Field(max_length=200)
    display_name: str = Field(max_length=120, examples=["Ada"])


class SignIn(_Body):
    email: str = Field(max_length=320)
    password: str = Field(max_length=200)


class Guest(_Body):
    email: str = Field(max_length=320)
    display_name: str = Field(max_length=120)
    phone: str | None = Field(default=None, max_length=40)


def _session_answer(request: Request, token: str, user_id: object, status: int) -> Response:
    answer = Json({"token": token, "user_id": user_id}, status_code=status)
    set_session_cookie(answer, request, token)
    return answer


@router.post("/register", status_code=201)
def register(request: Request, body: Registration) -> Response:
    """An account with a password, signed in."""
    state = request.app.state
    password_hash = hash_password(body.password)
    with state.database.transaction() as session:
        now = database_now(session)
        user_id = service.register(
            session, email=body.email, password_hash=password_hash, display_name=body.display_name, cipher=state.cipher, now=now
        )
        token = service.open_session(session, user_id=user_id, audience=Audience.SHOP, now=now)
    return _session_answer(request, token, user_id, 201)


@router.post("/login")
def sign_in(request: Request, body: SignIn) -> Response:
    """A session for an account."""
    state = request.app.state
    with state.database.transaction() as session:
        credential = service.find_credential(session, email=body.email, cipher=state.cipher)
    user_id = service.check_password(credential, body.password)
    with state.database.transaction() as session:
        token = service.open_session(session, user_id=user_id, audience=Audience.SHOP, now=database_now(session))
    return _session_answer(request, token, user_id, 200)


@router.post("/guests", status_code=201)
def create_guest(request: Request, body: Guest) -> Response:
    """A temporary profile: enough to buy."""
    state = request.app.state
    with state.database.transaction() as session:
        now = database_now(session)
        user_id = service.create_guest(
            session, email=body.email, display_name=body.display_name, phone=body.phone, cipher=state.cipher, now=now
        )
        token = service.open_session(session, user_id=user_id, audience=Audience.SHOP, now=now)
    return _session_answer(request, token, user_id, 201)


@router.post("/logout", status_code=204)
def sign_out(request: Request) -> Response:
    """End this session."""
    answer = Response(status_code=204)
    if token := token_of(request):
        with request.app.state.database.transaction() as session:
            service.sign_out(session, token=token, now=database_now(session))
    clear_session_cookie(answer, Audience.SHOP)
    return answer


@router.get("/me")
def who_am_i(caller: Authorised) -> Response:
    """The signed-in person."""
    return Json(caller.user)
