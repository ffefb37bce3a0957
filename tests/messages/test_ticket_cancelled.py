"""The mail of a cancelled ticket: which, for what, and how much goes back."""

from __future__ import annotations

from sqlalchemy import text

from tests import factories
from tests.buying import buy
from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.orders.booking import Booking


def test_buyer_is_told_which_ticket_went_and_what_comes_back(desk: Desk, sink: Sink, booking: Booking, on_sale: factories.OnSale) -> None:
    buyer = desk.guest("one-ticket@example.org")
    order = buy(booking, on_sale, buyer, seats=(1, 2))
    with desk.database.transaction() as session:
        ticket, code = session.execute(text("select id, code from ticket where order_id = :o and seat_no = 2"), {"o": order.id}).one()
    booking.wait(booking.cancel_ticket(ticket_id=ticket, order_id=order.id, buyer_id=buyer, key="k", digest=b""))
    desk.plan()
    desk.deliver(sink.mailer())
    (mail,) = [mail for mail in sink.mails() if mail["To"] == "one-ticket@example.org" and mail["Subject"].startswith("Cancelled")]
    assert mail["Subject"] == f"Cancelled: ticket {code}"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        told = body.get_content()
        assert "€45.00" in told
        assert "Evening concert" in told
        assert f"/orders/{order.id}" in told
