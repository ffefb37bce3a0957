"""My data as a file, and erasing my account, in a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ticketing.accounts.http import clear_session_cookie, require_user
from ticketing.accounts.rules import Audience
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import TicketingError
from ticketing.privacy.routes import confirm, erase, export_answer
from ticketing.privacy.service import OpenMatters, open_matters, person_of
from ticketing.storefront.view import page

router = APIRouter()
Tick = Annotated[str, Form(max_length=3)]

NOT_SURE = "To erase your account, say that you are sure."


@router.get("/account/data")
def download_data(request: Request) -> Response:
    """Everything that is kept on me."""
    return export_answer(request, require_user(request).user_id)


@router.get("/account/erase")
def show_erase(request: Request) -> Response:
    """What is erased, and what stands in the way."""
    return _page(request)


@router.post("/account/erase")
async def erase_account(
    request: Request, password: Annotated[str, Form(max_length=200)] = "", sure: Tick = "", give_up: Tick = ""
) -> Response:
    """Erase me; the page is shown again with what is wrong."""
    user = await run_in_threadpool(require_user, request)
    if not sure:
        return await run_in_threadpool(_page, request, NOT_SURE, 422)
    try:
        await confirm(request, user.user_id, password or None)
        await erase(request, user_id=user.user_id, actor_id=user.user_id, giving_up=bool(give_up))
    except TicketingError as error:
        return await run_in_threadpool(_page, request, error.message, error.status)
    answer = page(request, "erased.html", user=None)
    clear_session_cookie(answer, Audience.SHOP)
    return answer


def _page(request: Request, problem: str | None = None, status: int = 200) -> Response:
    user = require_user(request)
    state = request.app.state
    with state.database.transaction() as session:
        person = person_of(session, user_id=user.user_id, settings=state.settings, now=database_now(session))
        found = open_matters(session, person)
    return page(request, "erase.html", user=user, status=status, problem=problem, in_the_way=_words(found))


def _words(matters: OpenMatters) -> list[str]:
    """`3 tickets for events to come`, and so on; empty when nothing stands in the way."""
    counted = (
        (len(matters.tickets), "ticket", "tickets", " for events to come"),
        (len(matters.orders), "order", "orders", " to be paid"),
        (len(matters.payments), "payment", "payments", " on the way"),
        (len(matters.refunds), "refund", "refunds", " on the way"),
    )
    return [f"{count} {one if count == 1 else many}{what}" for count, one, many, what in counted if count]
