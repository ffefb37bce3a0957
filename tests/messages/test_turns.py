"""The mail of a turn in the waiting room: only to those who asked for it, and only while it is their turn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests import factories
from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.orders.booking import Booking
from ticketing.waitingroom.admit import advance_queue
from ticketing.waitingroom.service import QueueSettings, set_queue
from ticketing.waitingroom.tokens import PlaceSigner


def test_turn_is_told_to_those_who_asked_while_it_lasts(desk: Desk, sink: Sink, booking: Booking, on_sale: factories.OnSale) -> None:
    event, vendor = on_sale.event, on_sale.vendor
    people = {name: desk.guest(f"{name}@example.org") for name in ("asked", "silent", "late")}
    settings = QueueSettings(datetime.now(UTC) - timedelta(minutes=1), 10, 300, 600, None)
    with desk.database.transaction() as session:
        set_queue(session, vendor_ids=[vendor.id], event_id=event.id, settings=settings, actor_id=vendor.id)
    places = {
        name: booking.wait(booking.enter_queue(event_id=event.id, buyer_id=buyer, tell=name != "silent")) for name, buyer in people.items()
    }
    with desk.database.connect() as connection, connection.transaction():
        advance_queue(connection, event_id=event.id)
    desk.run(f"update queue_entry set turn_ends_at = now() where id = '{places['late'].entry_id}'")
    desk.plan()
    desk.deliver(sink.mailer())
    mails = [mail for mail in sink.mails() if mail["To"] in {f"{name}@example.org" for name in people}]
    assert [(mail["To"], mail["Subject"]) for mail in mails] == [("asked@example.org", f"It is your turn: {event.title}")]
    plain = mails[0].get_body(("plain",))
    assert plain is not None
    (token,) = re.findall(r"/queue/([A-Za-z0-9_-]+)", plain.get_content())
    signer: PlaceSigner = desk.composer.places
    assert signer.read(token).entry_id == places["asked"].entry_id
