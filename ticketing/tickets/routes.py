"""Tickets over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from ticketing.accounts.access import Authorised, Caller
from ticketing.foundation.errors import Expired
from ticketing.foundation.http import Json
from ticketing.tickets import service
from ticketing.tickets.qr import qr_svg
from ticketing.tickets.rules import TicketState


class TicketCancelled(Expired):
    """The ticket no longer admits anyone."""


router = APIRouter(prefix="/api/tickets", tags=["tickets"])


def _ticket(request: Request, caller: Caller, ticket_id: UUID) -> service.TicketView:
    with request.app.state.database.transaction() as session:
        return service.get_ticket(session, ticket_id=ticket_id, holder_id=caller.user_id, signer=request.app.state.signer)


@router.get("")
def list_tickets(request: Request, caller: Authorised) -> Response:
    """The signed-in person's tickets."""
    with request.app.state.database.transaction() as session:
        return Json({"tickets": service.list_tickets(session, holder_id=caller.user_id, signer=request.app.state.signer)})


@router.get("/{ticket_id}")
def read_ticket(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """One ticket."""
    return Json(_ticket(request, caller, ticket_id))


@router.head("/{ticket_id}")
def head_ticket(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """200 for a ticket that stands or was used, 410 for a cancelled one."""
    state = _ticket(request, caller, ticket_id).state
    return Response(status_code=410 if state is TicketState.CANCELLED else 200, headers={"X-Ticket-State": state.value})


@router.get("/{ticket_id}/qr")
def read_qr(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """The ticket's QR code as SVG; a cancelled ticket has none any more."""
    ticket = _ticket(request, caller, ticket_id)
    if ticket.state is TicketState.CANCELLED:
        raise TicketCancelled("This ticket was cancelled.", ticket_id=ticket_id)
    return Response(qr_svg(ticket.qr_text), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
