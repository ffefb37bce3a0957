"""Tickets over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from ticketing.accounts.http import require_user
from ticketing.foundation.errors import Expired
from ticketing.foundation.http import Json
from ticketing.tickets import service
from ticketing.tickets.qr import qr_svg
from ticketing.tickets.rules import TicketState


class TicketCancelled(Expired):
    """The ticket no longer admits anyone."""


router = APIRouter(prefix="/tickets", tags=["tickets"])


def _ticket(request: Request, ticket_id: UUID) -> service.TicketView:
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        return service.get_ticket(session, ticket_id=ticket_id, holder_id=user.user_id, signer=request.app.state.signer)


@router.get("")
def list_tickets(request: Request) -> Response:
    """The signed-in person's tickets."""
    user = require_user(request)
    with request.app.state.database.transaction() as session:
        return Json({"tickets": service.list_tickets(session, holder_id=user.user_id, signer=request.app.state.signer)})


@router.get("/{ticket_id}")
def read_ticket(request: Request, ticket_id: UUID) -> Response:
    """One ticket."""
    return Json(_ticket(request, ticket_id))


@router.head("/{ticket_id}")
def head_ticket(request: Request, ticket_id: UUID) -> Response:
    """200 for a ticket that stands or was used, 410 for a cancelled one."""
    state = _ticket(request, ticket_id).state
    return Response(status_code=410 if state is TicketState.CANCELLED else 200, headers={"X-Ticket-State": state.value})


@router.get("/{ticket_id}/qr")
def read_qr(request: Request, ticket_id: UUID) -> Response:
    """The ticket's QR code as SVG; a cancelled ticket has none any more."""
    ticket = _ticket(request, ticket_id)
    if ticket.state is TicketState.CANCELLED:
        raise TicketCancelled("This ticket was cancelled.", ticket_id=ticket_id)
    return Response(qr_svg(ticket.qr_text), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
