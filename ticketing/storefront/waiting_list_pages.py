"""The waiting list of a sold-out event: join it, follow the link of an offer."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from ticketing.accounts import service as accounts
from ticketing.accounts.claims import holder_of
from ticketing.accounts.http import current_user, new_session, require_user, set_session_cookie
from ticketing.accounts.rules import Audience, UserKind
from ticketing.catalog import browse
from ticketing.foundation.db import database_now
from ticketing.foundation.errors import Invalid
from ticketing.foundation.ids import new_token
from ticketing.inventory import seatmap
from ticketing.storefront.view import page
from ticketing.storefront.visitors import Key, buyer_or_visitor
from ticketing.waitinglist import service
from ticketing.waitinglist.rules import EntryState, OfferLink
from ticketing.waitinglist.service import Wish

router = APIRouter()
Token = Annotated[str, Path(max_length=100)]
GUEST_NAME = "Guest"


@router.get("/events/{event_id}/waiting-list")
def show_list(request: Request, event_id: UUID) -> Response:
    """What can be waited for."""
    return _show(request, event_id)


def _show(request: Request, event_id: UUID, *, problem: str | None = None, status: int = 200) -> Response:
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        event = browse.get_event(session, event_id=event_id, now=now)
        sections = seatmap.section_overview(session, event_id=event_id, now=now)
    user = current_user(request)
    with request.app.state.database.transaction() as session:
        known = user is not None and accounts.email_of(session, user_id=user.user_id, cipher=request.app.state.cipher) is not None
    values = {"event": event, "sections": sections, "known": known, "problem": problem, "key": new_token()}
    return page(request, "waiting_list.html", user=user, status=status, **values)


@router.post("/events/{event_id}/waiting-list")
def join(
    request: Request,
    event_id: UUID,
    key: Key,
    quantity: Annotated[int, Form()],
    section: Annotated[list[UUID] | None, Form()] = None,
    max_price: Annotated[str, Form(max_length=20)] = "",
    email: Annotated[str, Form(max_length=320)] = "",
) -> Response:
    """Join, with the address to which offers go."""
    buyer_id, token = buyer_or_visitor(request, key)
    state = request.app.state
    wish = Wish(quantity, section or (), max_price.strip() or None)
    try:
        with state.database.transaction() as session:
            if accounts.email_of(session, user_id=buyer_id, cipher=state.cipher) is None:
                accounts.introduce_visitor(session, user_id=buyer_id, email=email, display_name=GUEST_NAME, cipher=state.cipher)
            service.join_waiting_list(session, event_id=event_id, buyer_id=buyer_id, wish=wish, now=database_now(session))
        answer: Response = RedirectResponse("/waiting", status_code=303)
    except service.AlreadyWaiting:
        answer = RedirectResponse("/waiting", status_code=303)
    except (Invalid, service.PlacesAvailable, service.NoWaitingList) as error:
        answer = _show(request, event_id, problem=error.message, status=error.status)
    if token is not None:
        set_session_cookie(answer, request, token)
    return answer


@router.get("/waiting")
def show_waiting(request: Request) -> Response:
    """What I wait for, and what I was offered."""
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        entries = service.list_entries(session, buyer_id=user.user_id)
        now = database_now(session)
    return page(request, "waiting.html", user=user, entries=entries, now=now)


@router.post("/waiting/{entry_id}/leave")
def leave(request: Request, entry_id: UUID) -> Response:
    """Wait no more."""
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        service.leave_waiting_list(session, entry_id=entry_id, buyer_id=user.user_id, now=database_now(session))
    return RedirectResponse("/waiting", status_code=303)


@router.get("/offers/{token}")
def show_offer(request: Request, token: Token) -> Response:
    """What is held, and until when; also after it is over."""
    state = request.app.state
    entry_id = state.links.read(token, OfferLink.OFFER)
    with state.database.transaction() as session:
        entry = service.get_entry(session, entry_id=entry_id)
        event = browse.get_event(session, event_id=entry.event_id, now=database_now(session))
        open_ = entry.state is EntryState.OFFERED and entry.offer_ends_at is not None and entry.offer_ends_at > database_now(session)
    return page(request, "offer.html", user=current_user(request), entry=entry, event=event, open=open_, token=token)


@router.post("/offers/{token}")
def take_offer(request: Request, token: Token) -> Response:
    """Go on to checkout as the guest who waited; an account signs in first."""
    state = request.app.state
    entry_id = state.links.read(token, OfferLink.OFFER)
    user = current_user(request)
    with state.database.transaction() as session:
        now = database_now(session)
        entry = service.get_entry(session, entry_id=entry_id)
        target = f"/checkout/{entry.hold_id}"
        holder_id, kind = holder_of(session, user_id=service.buyer_of_entry(session, entry_id=entry_id))
        if user is not None and user.user_id == holder_id:
            return RedirectResponse(target, status_code=303)
        if kind is not UserKind.GUEST:
            return RedirectResponse("/sign-in", status_code=303)
        opened = new_session(request, session, user_id=holder_id, audience=Audience.SHOP, now=now)
    answer = RedirectResponse(target, status_code=303)
    set_session_cookie(answer, request, opened)
    return answer
