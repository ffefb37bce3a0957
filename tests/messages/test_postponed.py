"""The mail of an event that moves: to everybody with a ticket, about the newest time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from tests import factories
from tests.buying import buy
from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.catalog.life import NewTime, postpone_event
from ticketing.foundation.db import database_now
from ticketing.orders.booking import Booking


def move(desk: Desk, sale: factories.OnSale, to: datetime) -> None:
    with desk.database.transaction() as session:
        postpone_event(
            session,
            vendor_ids=[sale.vendor.id],
            event_id=sale.event.id,
            version=None,
            new_time=NewTime(to),
            now=database_now(session),
            actor_id=sale.vendor.id,
        )


def test_everybody_with_a_ticket_is_told_once_of_the_newest_time(
    desk: Desk, sink: Sink, booking: Booking, on_sale: factories.OnSale
) -> None:
    twice, once, gone = (desk.guest(f"{name}@postponed.example.org") for name in ("twice", "once", "gone"))
    orders = [buy(booking, on_sale, buyer, seats=(seat,)) for buyer, seat in ((twice, 1), (twice, 2), (once, 3), (gone, 4))]
    booking.wait(booking.cancel_order(order_id=orders[3].id, buyer_id=gone, key="k", digest=b""))
    move(desk, on_sale, datetime.fromisoformat("2031-05-01T20:00"))
    desk.plan()
    move(desk, on_sale, datetime.fromisoformat("2031-05-08T21:30"))
    desk.plan()
    assert desk.query("select count(*) from message where kind = 'event_postponed'") == [(4,)]
    desk.deliver(sink.mailer())
    mails = [mail for mail in sink.mails() if mail["Subject"] == "New time: Evening concert"]
    assert sorted(mail["To"] for mail in mails) == ["once@postponed.example.org", "twice@postponed.example.org"]
    (mail,) = [mail for mail in mails if mail["To"].startswith("twice")]
    codes = desk.query(f"select code from ticket where holder_id = '{twice}'")
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        told = body.get_content()
        assert "8 May 2031" in told
        assert "21:30" in told or "9:30" in told
        assert "1 May 2031" in told  # when it was to be
        assert "Berlin time" in told
        assert all(code in told for (code,) in codes)
    suppressed = "select count(*) from message where kind = 'event_postponed' and state = 'suppressed'"
    assert desk.query(suppressed) == [(2,)]  # of the first move
    with desk.database.transaction() as session:
        assert session.execute(text("select count(*) from outbox where consumed_at is null")).scalar_one() == 0
