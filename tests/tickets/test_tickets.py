"""Tickets as their holder gets them, in the service and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.buying import buy
from tests.factories import OnSale, make_buyer
from ticketing.accounts.rules import Audience
from ticketing.accounts.sessions import open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.orders.booking import Booking
from ticketing.tickets.qr import TicketSigner
from ticketing.tickets.service import TicketNotFound, get_ticket, list_tickets


@pytest.fixture
def signer(settings: Settings) -> TicketSigner:
    return TicketSigner.from_secrets(settings.secrets)


@pytest.fixture
def buyer(database: Database) -> UUID:
    with database.transaction() as session:
        return make_buyer(session).id


@pytest.fixture
def client(settings: Settings, database: Database, buyer: UUID) -> Iterator[TestClient]:
    """Signed in as the buyer."""
    with database.transaction() as session:
        token = open_session(session, user_id=buyer, audience=Audience.SHOP, now=database_now(session))
    with TestClient(create_app(settings, database), headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def buy_ticket(database: Database, booking: Booking, on_sale: OnSale, buyer: UUID) -> tuple[UUID, UUID]:
    """The ids of an order and its one ticket."""
    order = buy(booking, on_sale, buyer, seats=(3,))
    with database.transaction() as session:
        return order.id, session.execute(text("select id from ticket where order_id = :order"), {"order": order.id}).scalar_one()


def test_a_ticket_names_its_place_and_its_code_is_genuine(
    database: Database, booking: Booking, on_sale: OnSale, buyer: UUID, signer: TicketSigner
) -> None:
    order = buy(booking, on_sale, buyer, seats=(13,), places=1)
    with database.transaction() as session:
        seated, standing = list_tickets(session, holder_id=buyer, signer=signer)
        assert get_ticket(session, ticket_id=seated.id, holder_id=buyer, signer=signer).id == seated.id
    assert (seated.event_title, seated.venue_name, seated.city, seated.zone) == ("Evening concert", "Hall", "Berlin", "Europe/Berlin")
    assert (seated.section_name, seated.row_label, seated.seat_label) == ("Stalls", "B", "4")
    assert (standing.section_name, standing.row_label, standing.seat_label) == ("Floor", None, None)
    assert (seated.order_code, seated.code) == (order.code, f"{order.code}-1")
    read = signer.verify(seated.qr_text)
    assert (read.event_id, read.ticket_id, read.order_code, read.seat_no) == (on_sale.event.id, seated.id, order.code, 13)
    assert signer.verify(standing.qr_text).seat_no is None


def test_a_ticket_is_not_found_when_it_is_somebody_elses(
    database: Database, booking: Booking, on_sale: OnSale, buyer: UUID, signer: TicketSigner
) -> None:
    _, ticket = buy_ticket(database, booking, on_sale, buyer)
    with database.transaction() as session, pytest.raises(TicketNotFound):
        get_ticket(session, ticket_id=ticket, holder_id=uuid4(), signer=signer)


def test_the_holder_reads_a_ticket_and_its_picture(
    client: TestClient, database: Database, booking: Booking, on_sale: OnSale, buyer: UUID
) -> None:
    _, ticket = buy_ticket(database, booking, on_sale, buyer)
    assert [found["id"] for found in client.get("/api/tickets").json()["tickets"]] == [str(ticket)]
    assert client.get(f"/api/tickets/{ticket}").json()["state"] == "valid"
    head = client.head(f"/api/tickets/{ticket}")
    assert (head.status_code, head.headers["X-Ticket-State"], head.content) == (200, "valid", b"")
    picture = client.get(f"/api/tickets/{ticket}/qr")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.headers["cache-control"] == "no-store"
    assert picture.text.startswith("<svg")
    assert "http://" not in picture.text.replace("http://www.w3.org/2000/svg", "")


def test_a_cancelled_ticket_says_so_and_has_no_picture(
    client: TestClient, database: Database, booking: Booking, on_sale: OnSale, buyer: UUID
) -> None:
    order, ticket = buy_ticket(database, booking, on_sale, buyer)
    booking.wait(booking.cancel_order(order_id=order, buyer_id=buyer, key="c", digest=b""))
    head = client.head(f"/api/tickets/{ticket}")
    assert (head.status_code, head.headers["X-Ticket-State"]) == (410, "cancelled")
    refused = client.get(f"/api/tickets/{ticket}/qr")
    assert (refused.status_code, refused.headers["content-type"]) == (410, "application/problem+json")


@pytest.mark.parametrize("state", ["used", "listed"])
def test_a_ticket_that_was_used_or_is_offered_still_answers(
    client: TestClient, booking: Booking, on_sale: OnSale, buyer: UUID, database: Database, state: str
) -> None:
    _, ticket = buy_ticket(database, booking, on_sale, buyer)
    with database.connect() as connection:
        connection.execute("update ticket set state = %s", [state])
    head = client.head(f"/api/tickets/{ticket}")
    assert (head.status_code, head.headers["X-Ticket-State"]) == (200, state)


def test_nothing_is_shown_when_nobody_is_signed_in_or_the_ticket_is_another_persons(
    client: TestClient, booking: Booking, on_sale: OnSale, database: Database
) -> None:
    with database.transaction() as session:
        other = make_buyer(session).id
    _, ticket = buy_ticket(database, booking, on_sale, other)
    assert client.get("/api/tickets").json() == {"tickets": []}
    for path in (f"/api/tickets/{ticket}", f"/api/tickets/{ticket}/qr", f"/api/tickets/{uuid4()}"):
        assert client.get(path).status_code == 404
    assert client.head(f"/api/tickets/{ticket}").status_code == 404
    client.headers.clear()
    for path in ("/api/tickets", f"/api/tickets/{ticket}", f"/api/tickets/{ticket}/qr"):
        assert client.get(path).status_code == 401
    assert client.get("/api/tickets/not-an-id").status_code in (401, 422)
