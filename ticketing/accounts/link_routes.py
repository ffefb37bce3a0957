"""Proving an address and setting a new password, over HTTP. Whether an address is known, no answer tells."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ticketing.accounts.http import limit_attempts
from ticketing.accounts.links import request_link, reset_password, verify_email
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import ContactKind, LinkPurpose
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["accounts"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Address(_Body):
    email: str = Field(max_length=320, examples=["ada@example.org"])


class Confirmation(_Body):
    token: str = Field(max_length=100, examples=["AZ-7bNykcf2Kz0V1M7m0dQkGkq2m0X1a5s3c2b1a0f8"])


class NewPassword(Confirmation):
    password: str = Field(max_length=200)


@dataclass(frozen=True, slots=True)
class OnItsWay:
    detail: str


@router.post("/email-verifications", status_code=202, response_model=OnItsWay)
def ask_verification(request: Request, body: Address) -> Response:
    """Mail a link that proves the address, if an account has it."""
    ask_by_mail(request, email=body.email, purpose=LinkPurpose.VERIFY_EMAIL)
    return _on_its_way()


@router.post("/email-verifications/confirm", status_code=204)
def confirm_verification(request: Request, body: Confirmation) -> Response:
    """Prove an address: follow the link that was mailed to it."""
    confirm_address(request, body.token)
    return Response(status_code=204)


@router.post("/password-resets", status_code=202, response_model=OnItsWay)
def ask_reset(request: Request, body: Address) -> Response:
    """Mail a link that sets a new password, if an account has the address."""
    ask_by_mail(request, email=body.email, purpose=LinkPurpose.RESET_PASSWORD)
    return _on_its_way()


@router.post("/password-resets/confirm", status_code=204)
async def confirm_reset(request: Request, body: NewPassword) -> Response:
    """Set a new password; every session ends."""
    await set_password(request, body.token, body.password)
    return Response(status_code=204)


@router.post("/order-lookups", status_code=202, response_model=OnItsWay)
def ask_orders(request: Request, body: Address) -> Response:
    """Mail a link to the orders that were bought with this address, if there are any."""
    ask_by_mail(request, email=body.email, purpose=LinkPurpose.FIND_ORDERS)
    return _on_its_way()


def ask_by_mail(request: Request, *, email: str, purpose: LinkPurpose) -> None:
    """Have a link mailed; raises `TooManyRequests`."""
    state = request.app.state
    limit_attempts(request, purpose.value, state.cipher.blind_index(ContactKind.EMAIL, email).hex())
    with state.database.transaction() as session:
        request_link(session, email=email, purpose=purpose, cipher=state.cipher, now=database_now(session))


def confirm_address(request: Request, token: str) -> None:
    """Follow a link that proves an address; raises `LinkNotValid`."""
    state = request.app.state
    link_id = state.links.read(token, LinkPurpose.VERIFY_EMAIL)
    with state.database.transaction() as session:
        verify_email(session, link_id=link_id, now=database_now(session))


async def set_password(request: Request, token: str, password: str) -> None:
    """Follow a link that sets a password; raises `LinkNotValid`, `PasswordNotAcceptable`, `SignInsBusy`."""
    state = request.app.state
    link_id = state.links.read(token, LinkPurpose.RESET_PASSWORD)  # a forged one costs no hashing
    password_hash = await state.hashing.run(hash_password, password)

    def store() -> None:
        with state.database.transaction() as session:
            reset_password(session, link_id=link_id, password_hash=password_hash, now=database_now(session))

    await run_in_threadpool(store)


def _on_its_way() -> Response:
    return Json(OnItsWay("If we know this address, a mail is on its way."), status_code=202)
