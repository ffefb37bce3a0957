"""My data, and erasing me, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from ticketing.accounts.access import Authorised
from ticketing.accounts.claims import claim_purchases
from ticketing.accounts.http import clear_session_cookie, limit_attempts, token_of
from ticketing.accounts.passwords import verify_password
from ticketing.accounts.personal import standing_of
from ticketing.accounts.profile import PasswordWrong, password_hash_of
from ticketing.accounts.rules import Audience, UserKind
from ticketing.accounts.sessions import UserNotFound, signed_in_at
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Forbidden
from ticketing.privacy.export import write_export
from ticketing.privacy.giving_up import GivenUp, find_what_to_give_up, give_up
from ticketing.privacy.schemas import ErasureRequest, PersonalData
from ticketing.privacy.service import begin_erasure, carry_out, check_erasable, is_begun, person_of

router = APIRouter(prefix="/api", tags=["privacy"])

EXPORTS = "10 per hour"
EXPORTS_OF_CLIENT = "60 per hour"
"""An export reads tables from end to end: nobody has many accounts do so."""
IN_MEMORY_BYTES = 1 << 20
"""Of an export; a larger one waits on disk until it is sent."""
CHUNK_BYTES = 1 << 16
FRESH = timedelta(minutes=10)
"""How long after signing in nobody is asked for the password again."""


class ConfirmationNeeded(Forbidden):
    """Erasing asks for the password, or for a sign-in of the last minutes."""


class OnlyThemselves(Forbidden):
    """Operators erase guests; whoever has an account erases it themselves, and with it the guests that it has claimed."""


@router.get("/users/{user_id}/export", response_model=PersonalData)
def export_data(request: Request, caller: Authorised, user_id: UUID) -> Response:
    """Everything that is kept on me and on the guests that I have claimed, to keep as a file."""
    if user_id != caller.user_id:
        raise not_found(user_id)
    return export_answer(request, user_id)


@router.delete("/users/{user_id}", status_code=204)
async def erase_person(request: Request, caller: Authorised, user_id: UUID, body: ErasureRequest | None = None) -> Response:
    """Erase me, for ever: by the password, or soon after signing in. Operators erase guests who ask for it.

    Refused (409 `matters-open`) while there are tickets for events to come, or money on its way, unless these are given up.
    """
    wanted = body or ErasureRequest()
    answer = Response(status_code=204)
    if user_id == caller.user_id:
        await confirm(request, user_id, wanted.password)
        clear_session_cookie(answer, Audience.SHOP)
    else:
        is_operator = caller.user is not None and caller.user.is_operator
        await run_in_threadpool(_check_guest, request, user_id, is_operator)
    await erase(request, user_id=user_id, actor_id=caller.user_id, giving_up=wanted.give_up_tickets)
    return answer


def not_found(user_id: UUID) -> UserNotFound:
    return UserNotFound("There is no such account.", user_id=user_id)


def export_answer(request: Request, user_id: UUID) -> Response:
    """The document as a download. It is complete before its first byte is sent. Raises `TooManyRequests`."""
    state = request.app.state
    state.limits.spend("export", EXPORTS_OF_CLIENT, "client", request.client.host if request.client else "")
    state.limits.spend("export", EXPORTS, "account", str(user_id))
    file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed when it was sent
    try:
        with state.database.transaction() as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})  # one state of all tables
            person = person_of(session, user_id=user_id, settings=state.settings, now=database_now(session))
            write_export(session, person=person, file=file)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"', "Cache-Control": "no-store", "Content-Length": str(size)}
    return StreamingResponse(_chunks(file), media_type="application/json", headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


async def confirm(request: Request, user_id: UUID, password: str | None) -> None:
    """That it is the person who asks. Raises `PasswordWrong`, `ConfirmationNeeded`, `SignInsBusy`, `TooManyRequests`."""
    state = request.app.state

    def look() -> tuple[bool, str | None]:
        with state.database.transaction() as session:
            if password is not None:
                limit_attempts(request, "erasure", str(user_id))
                return False, password_hash_of(session, user_id=user_id)
            opened = signed_in_at(session, token=token_of(request) or "", audience=Audience.SHOP)
            return opened is not None and database_now(session) - opened <= FRESH, None

    fresh, password_hash = await run_in_threadpool(look)
    if password is None and not fresh:
        raise ConfirmationNeeded("Give your password, or sign in again and ask within ten minutes; guests open a link to their orders.")
    if password is not None and not (await state.hashing.run(verify_password, password, password_hash))[0]:
        raise PasswordWrong("This is not your password.", fields={"password": "wrong"})


def _check_guest(request: Request, user_id: UUID, is_operator: bool) -> None:
    with request.app.state.database.transaction() as session:
        found = standing_of(session, user_id=user_id)
        if found is None or not is_operator:
            raise not_found(user_id)
        if found.kind is not UserKind.GUEST and not is_begun(session, user_id=user_id):
            raise OnlyThemselves("Whoever has an account erases it themselves.")


async def erase(request: Request, *, user_id: UUID, actor_id: UUID, giving_up: bool) -> None:
    """From the check to the last row. Raises `MattersOpen`, `LastOwner`, `OnlyThemselves`."""
    state = request.app.state

    def look() -> GivenUp | None:
        with state.database.transaction() as session:
            if is_begun(session, user_id=user_id):
                return None
            found = standing_of(session, user_id=user_id)
            if found is not None and found.is_claimed:
                raise OnlyThemselves("What this guest bought belongs to an account: sign in to it, and erase that.")
            claim_purchases(session, user_id=user_id)  # what guests have bought since with a proven address is theirs, too
            person = person_of(session, user_id=user_id, settings=state.settings, now=database_now(session))
            check_erasable(session, person=person, giving_up=giving_up, cancelled=False)
            return find_what_to_give_up(session, person)

    def finish() -> None:
        with state.database.transaction() as session:
            person = person_of(session, user_id=user_id, settings=state.settings, now=database_now(session))
            begin_erasure(session, person=person, actor_id=actor_id, giving_up=giving_up)
        carry_out(state.database, user_id=user_id, settings=state.settings)

    given_up = await run_in_threadpool(look)
    if given_up is not None:
        await give_up(state.booking, given_up)
    await run_in_threadpool(finish)
