"""A person's own profile over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ticketing.accounts import profile
from ticketing.accounts.access import Authorised, Caller
from ticketing.accounts.http import limit_attempts
from ticketing.accounts.link_routes import Confirmation
from ticketing.accounts.passwords import verify_password
from ticketing.accounts.profile import PasswordWrong, ProfileView
from ticketing.accounts.rules import LinkPurpose
from ticketing.accounts.sessions import UserNotFound
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["accounts"])


class NewProfile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    display_name: str = Field(max_length=120, examples=["Ada"])
    locale: str = Field(max_length=20, examples=["en_GB"])
    """How amounts and dates are written in mails."""
    email: str | None = Field(default=None, max_length=320, examples=["ada@example.com"])
    """Left out: stays. Another one counts when the link that is mailed to it was followed."""
    password: str | None = Field(default=None, max_length=200)
    """The present one; needed for another address, unless the account has none."""


def _self(caller: Caller, user_id: UUID) -> UUID:
    if user_id != caller.user_id:
        raise UserNotFound("There is no such account.", user_id=user_id)
    return user_id


@router.get("/users/{user_id}", response_model=ProfileView)
def read_profile(request: Request, caller: Authorised, user_id: UUID) -> Response:
    """My profile, with the address that waits for its confirmation."""
    return Json(profile_of(request, _self(caller, user_id)))


@router.put("/users/{user_id}", response_model=ProfileView)
async def change_profile(request: Request, caller: Authorised, user_id: UUID, body: NewProfile) -> Response:
    """Change my profile. A new address is confirmed by a link that is mailed to it, and the old one is told."""
    await store_profile(
        request,
        user_id=_self(caller, user_id),
        display_name=body.display_name,
        locale=body.locale,
        email=body.email,
        password=body.password,
    )
    return Json(await run_in_threadpool(profile_of, request, user_id))


@router.post("/email-changes/confirm", status_code=204)
def confirm_change(request: Request, body: Confirmation) -> Response:
    """Follow the link to a new address: it replaces the old one."""
    confirm_new_address(request, body.token)
    return Response(status_code=204)


def profile_of(request: Request, user_id: UUID) -> ProfileView:
    """A person as they see themselves."""
    state = request.app.state
    with state.database.transaction() as session:
        return profile.read_profile(session, user_id=user_id, cipher=state.cipher, now=database_now(session))


async def store_profile(
    request: Request, *, user_id: UUID, display_name: str, locale: str, email: str | None, password: str | None
) -> None:
    """Change a profile; raises `Invalid`, `LocaleUnknown`, `PasswordWrong`, `AddressTaken`, `SignInsBusy`, `TooManyRequests`."""
    state = request.app.state
    present = (await run_in_threadpool(profile_of, request, user_id)).email
    new_email = email if email is not None and (present is None or email.strip().lower() != present) else None

    def find_hash() -> str | None:
        limit_attempts(request, LinkPurpose.CHANGE_EMAIL.value, str(user_id))
        with state.database.transaction() as session:
            return profile.password_hash_of(session, user_id=user_id)

    if new_email is not None:
        password_hash = await run_in_threadpool(find_hash)
        if password_hash is not None and not (await state.hashing.run(verify_password, password or "", password_hash))[0]:
            raise PasswordWrong("To change the address, give your present password.", fields={"password": "wrong"})

    def store() -> None:
        with state.database.transaction() as session:
            profile.change_profile(session, user_id=user_id, display_name=display_name, locale=locale)
            if new_email is not None:
                now = database_now(session)
                profile.ask_new_address(session, user_id=user_id, email=new_email, cipher=state.cipher, now=now)

    await run_in_threadpool(store)


def confirm_new_address(request: Request, token: str) -> None:
    """Follow a link to a new address; raises `LinkNotValid`, `AddressTaken`."""
    state = request.app.state
    link_id = state.links.read(token, LinkPurpose.CHANGE_EMAIL)
    with state.database.transaction() as session:
        profile.confirm_new_address(session, link_id=link_id, now=database_now(session))
