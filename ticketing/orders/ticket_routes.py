"""What a ticket's holder does with the order behind it, over HTTP: cancel the ticket, have the receipt."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from ticketing.accounts.access import Authorised, Caller
from ticketing.foundation.http import PDF, Json, pdf_answer
from ticketing.foundation.idempotency import required_key
from ticketing.foundation.ids import request_digest
from ticketing.orders.cancel_ticket import CancelledTicket
from ticketing.orders.receipt import get_receipt, receipt_pdf
from ticketing.tickets.service import TicketView, get_ticket

router = APIRouter(prefix="/api/tickets", tags=["tickets"])
Key = Annotated[str | None, Header(description="Any unique text; the same again on a retry gives the same answer.")]


def _ticket(request: Request, caller: Caller, ticket_id: UUID) -> TicketView:
    with request.app.state.database.transaction() as session:
        return get_ticket(session, ticket_id=ticket_id, holder_id=caller.user_id, signer=request.app.state.signer)


@router.delete("/{ticket_id}", response_model=CancelledTicket)
async def cancel_ticket(request: Request, caller: Authorised, ticket_id: UUID, idempotency_key: Key = None) -> Response:
    """Cancel one ticket: its place is free again, and what the event's policy gives back is refunded."""
    key = required_key(idempotency_key)
    ticket = await run_in_threadpool(_ticket, request, caller, ticket_id)
    cancelled = await request.app.state.booking.cancel_ticket(
        ticket_id=ticket_id,
        order_id=ticket.order_id,
        buyer_id=caller.user_id,
        key=key,
        digest=request_digest(request.app.state.digest_key, request.url.path.encode()),
    )
    return Json(cancelled, headers={"Idempotency-Replayed": "true"} if cancelled.replayed else None)


@router.get("/{ticket_id}/receipt", response_class=Response, responses=PDF)
def read_receipt(request: Request, caller: Authorised, ticket_id: UUID) -> Response:
    """The receipt of the order that the ticket was bought with, as a PDF."""
    ticket = _ticket(request, caller, ticket_id)
    with request.app.state.database.transaction() as session:
        receipt = get_receipt(session, order_id=ticket.order_id, buyer_id=caller.user_id)
    return pdf_answer(receipt_pdf(receipt), f"receipt-{ticket.order_code}")
