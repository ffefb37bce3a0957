"""A ticket's PDF, its receipt and its cancellation over HTTP."""

from __future__ import annotations

from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from tests.app.test_api import problem
from tests.factories import OnSale
from tests.tickets.test_pdf import code_on, page_of
from tests.tickets.test_tickets import buy_ticket, buyer, client, signer
from ticketing.foundation.db import Database
from ticketing.orders.booking import Booking
from ticketing.tickets.qr import TicketSigner

__all__ = ["buyer", "client", "signer"]


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def test_the_pdf_carries_the_code_that_the_gate_reads(
    database: Database, booking: Booking, on_sale: OnSale, buyer: UUID, client: TestClient, signer: TicketSigner
) -> None:
    _, ticket = buy_ticket(database, booking, on_sale, buyer)
    answer = client.get(f"/api/tickets/{ticket}/pdf")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "application/pdf", "no-store")
    assert signer.verify(code_on(page_of(answer.content))).ticket_id == ticket


def test_the_receipt_names_what_was_paid(database: Database, booking: Booking, on_sale: OnSale, buyer: UUID, client: TestClient) -> None:
    order, ticket = buy_ticket(database, booking, on_sale, buyer)
    answer = client.get(f"/api/tickets/{ticket}/receipt")
    assert answer.status_code == 200
    page = page_of(answer.content)
    total = client.get(f"/api/orders/{order}").json()["total_minor"]
    assert f"{total / 100:.2f}".encode() in page
    assert b"Evening concert" in page


def test_a_cancelled_ticket_has_no_pdf_and_keeps_its_receipt(
    database: Database, booking: Booking, on_sale: OnSale, buyer: UUID, client: TestClient
) -> None:
    _, ticket = buy_ticket(database, booking, on_sale, buyer)
    problem(client.delete(f"/api/tickets/{ticket}"), 400, "idempotency-key-missing")
    answer = client.delete(f"/api/tickets/{ticket}", headers=keyed())
    assert (answer.status_code, answer.json()["state"], answer.json()["refund_minor"]) == (200, "cancelled", 4_500)
    problem(client.get(f"/api/tickets/{ticket}/pdf"), 410, "ticket-cancelled")
    assert client.head(f"/api/tickets/{ticket}").status_code == 410
    assert client.get(f"/api/tickets/{ticket}/receipt").status_code == 200
    problem(client.delete(f"/api/tickets/{ticket}", headers=keyed()), 409, "ticket-not-cancellable")
    problem(client.delete(f"/api/tickets/{uuid4()}", headers=keyed()), 404, "ticket-not-found")
