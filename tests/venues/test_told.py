"""Who is told of a reseating: the vendor's managers when it is proposed, buyers and whoever has their tickets when it is applied."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests import factories
from tests.messages.conftest import Desk
from tests.sinks import Sink, start_sink
from tests.venues.conftest import Office
from tests.venues.halls import hall
from ticketing.accounts import service as accounts
from ticketing.accounts.rules import MemberRole
from ticketing.foundation.settings import Settings
from ticketing.messages.render import Composer


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with start_sink(tmp_path_factory.mktemp("mail")) as sink:
        yield sink


@pytest.fixture
def desk(office: Office, settings: Settings) -> Desk:
    return Desk(office.database, Composer.from_settings(settings))


def mails_to(sink: Sink, desk: Desk, *addresses: str) -> dict[str, list[EmailMessage]]:
    desk.plan()
    desk.deliver(sink.mailer())
    return {address: [mail for mail in sink.mails() if mail["To"] == address] for address in addresses}


def words(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return " ".join(content.split())


def address_of(name: str) -> str:
    return f"{name}.{uuid4().hex[:8]}@example.org"


def sold_and_rebuilt(office: Office, buyer: UUID) -> tuple[str, UUID]:
    """(event, order) of a buyer in A1 and A2, and a newer layout without row A."""
    configuration = office.configuration()
    event = office.event(office.publish(configuration, hall({"A": 2, "B": 2}))["layout"]["id"])
    order = office.sell(event, "A1", "A2", buyer=buyer)
    office.publish(configuration, hall({"B": 2}))
    return event, order.id


def test_managers_are_told_which_events_need_a_decision(office: Office, desk: Desk, sink: Sink) -> None:
    addresses = {role: address_of(role.value) for role in (MemberRole.MANAGER, MemberRole.SCANNER)}
    for role, address in addresses.items():
        member = desk.guest(address)
        with office.database.transaction() as session:
            accounts.add_member(session, vendor_id=office.vendor_id, user_id=member, role=role)
    event, _ = sold_and_rebuilt(office, office.buyer())
    told = mails_to(sink, desk, *addresses.values())
    assert told[addresses[MemberRole.SCANNER]] == []
    (mail,) = told[addresses[MemberRole.MANAGER]]
    assert mail["Subject"].startswith("New seats are needed: ")
    with office.database.transaction() as session:
        title = session.execute(text("select title from event where id = :e"), {"e": event}).scalar_one()
    for kind in ("plain", "html"):
        assert title in words(mail, kind)
        assert "2 sold and 0 held seats are gone" in words(mail, kind)


def test_a_buyer_gets_new_codes_for_the_new_seats(office: Office, desk: Desk, sink: Sink) -> None:
    address = address_of("buyer")
    event, order = sold_and_rebuilt(office, desk.guest(address))
    assert len(mails_to(sink, desk, address)[address]) == 1, "the tickets, and nothing before the plan is applied"
    assert office.apply(office.plan_of(event)["id"]).status_code == 200
    _, mail = mails_to(sink, desk, address)[address]
    assert mail["Subject"].startswith("Your seats have changed: ")
    for kind in ("plain", "html"):
        said = words(mail, kind)
        assert "ow B, seat 1" in said
        assert "instead of Hall, row A, seat 1" in said
        assert f"/orders/{order}" in said
    pictures = [part.get_filename() for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(pictures) == 2


def test_who_was_given_a_ticket_is_told_and_its_buyer_does_not_get_its_code(office: Office, desk: Desk, sink: Sink) -> None:
    buyer, friend = address_of("buyer"), address_of("friend")
    event, order = sold_and_rebuilt(office, desk.guest(buyer))
    friend_id = desk.guest(friend)
    with office.database.transaction() as session:
        sql = "update ticket set holder_id = :f where order_id = :o and seat_no = 1 returning code"
        given = session.execute(text(sql), {"f": friend_id, "o": order}).scalar_one()
    mails_to(sink, desk)
    office.apply(office.plan_of(event)["id"])
    told = mails_to(sink, desk, buyer, friend)
    (to_friend,), to_buyer = told[friend], told[buyer][-1]
    assert given in words(to_friend, "plain")
    assert "Your seat has changed" in words(to_buyer, "plain")
    assert given not in words(to_buyer, "plain")


def test_nobody_is_told_of_seats_that_were_cancelled_meanwhile(office: Office, desk: Desk, sink: Sink) -> None:
    address = address_of("buyer")
    buyer = desk.guest(address)
    event, order = sold_and_rebuilt(office, buyer)
    office.apply(office.plan_of(event)["id"])
    office.booking.wait(office.booking.cancel_order(order_id=order, buyer_id=buyer, key=uuid4().hex, digest=b""))
    subjects = [mail["Subject"].split(":")[0] for mail in mails_to(sink, desk, address)[address]]
    assert "Your seats have changed" not in subjects


def test_a_decided_plan_tells_managers_nothing(office: Office, desk: Desk, sink: Sink) -> None:
    address = address_of("manager")
    member = desk.guest(address)
    with office.database.transaction() as session:
        accounts.add_member(session, vendor_id=office.vendor_id, user_id=member, role=MemberRole.MANAGER)
        factories.make_buyer(session)
    event, _ = sold_and_rebuilt(office, office.buyer())
    office.made("POST", f"/api/reseatings/{office.plan_of(event)['id']}/refuse")
    assert mails_to(sink, desk, address)[address] == []
