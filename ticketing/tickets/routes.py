"""Tickets over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from ticketing.accounts.access import Authorised, Caller
from ticketing.foundation.errors import Expired
from ticketing.foundation.http import PDF, Json, pdf_answer
from ticketing.tickets import service
from ticketing.tickets.pdf import ticket_pdf
from ticketing.tickets.qr import qr_svg
from ticketing.tickets.rules import TicketState


class TicketCancelled(Expired):
    """The ticket no longer admits anyone."""


@dataclass(frozen=True, slots=True)
class TicketList:
    tickets: list[service.TicketView]


router = APIRouter(prefix="/api/tickets", tags=["tickets"])
PICTURE = {"schema": {"type": "string"}, "example": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 49 49"><path d="…"/></svg>'}
SVG: dict[int | str, dict[str, Any]] = {200: {"description": "A picture", "content": {"image/svg+xml": PICTURE}}}

X_TICKET_STATE = {"X-Ticket-State": {"description": "valid, used, cancelled, …", "schema": {"type": "string"}}}
STATES: dict[int | str, dict[str, Any]] = {
    200: {"description": "It admits, or has admitted", "headers": X_TICKET_STATE},
    410: {"description": "It was cancelled", "headers": X_TICKET_STATE},
}


def _ticket(request: Request, caller: Caller, ticket_id: UUID) -> service.TicketView:
    with request.app.state.database.transaction() as session:
        return service.get_ticket(session, ticket_id=ticket_id, holder_id=caller.user_id, signer=request.app.state.signer)


@router.get("", response_model=TicketList)
def list_tickets(request: Request, caller: Authorised) -> Response:
    """The signed-in person's tickets."""
    with request.app.state.database.transaction() as session:
        return Json(TicketList(service.list_tickets(session, holder_id=caller.user_id, signer=request.app.state.signer)))


@router.get("/{ticket_id}", response_model=service.TicketView)
def read_ticket(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """One ticket."""
    return Json(_ticket(request, caller, ticket_id))


@router.head("/{ticket_id}", responses=STATES)
def head_ticket(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """200 for a ticket that stands or was used, 410 for a cancelled one."""
    state = _ticket(request, caller, ticket_id).state
    return Response(status_code=410 if state is TicketState.CANCELLED else 200, headers={"X-Ticket-State": state.value})


@router.get("/{ticket_id}/qr", response_class=Response, responses=SVG)
def read_qr(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """The ticket's QR code as SVG; a cancelled ticket has none any more."""
    ticket = _standing(request, caller, ticket_id)
    return Response(qr_svg(ticket.qr_text), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@router.get("/{ticket_id}/pdf", response_class=Response, responses=PDF)
def read_pdf(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """The ticket to print, as a PDF; a cancelled ticket has none any more."""
    ticket = _standing(request, caller, ticket_id)
    return pdf_answer(ticket_pdf(ticket), f"ticket-{ticket.code}")


def _standing(request: Request, caller: Caller, ticket_id: UUID) -> service.TicketView:
    ticket = _ticket(request, caller, ticket_id)
    if ticket.state is TicketState.CANCELLED:
        raise TicketCancelled("This ticket was cancelled.", ticket_id=ticket_id)
    return ticket
