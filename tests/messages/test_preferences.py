"""Preferences: optional mails are not sent to who does not want them, or not now; tickets and receipts always are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests import factories
from tests.buying import buy
from tests.messages.conftest import Desk
from tests.sinks import Sink
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.messages.preferences import UnsubscribeLinkUnknown, UnsubscribeSigner
from ticketing.messages.render import Composer
from ticketing.messages.rules import OPTIONAL, MessageKind, OptionalKind, quiet_until
from ticketing.messages.service import DeliveryRun
from ticketing.waitingroom.admit import advance_queue
from ticketing.waitingroom.service import QueueSettings, set_queue

EVERYTHING = {"channels": {"email": True, "push": True}, "quiet_hours": None, "kinds": {"your_turn": True}}
NIGHT = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@pytest.fixture
def desk(app: FastAPI, module_database: Database, settings: Settings) -> Desk:
    return Desk(module_database, Composer.from_settings(settings))


class Buyer:
    """A guest, signed in."""

    def __init__(self, app: FastAPI, desk: Desk) -> None:
        self.app, self.desk = app, desk
        self.client = TestClient(app, base_url="http://localhost")
        self.email = f"{uuid4().hex}@example.org"
        guest = self.client.post("/api/guests", json={"email": self.email, "display_name": "Ada"})
        self.id = UUID(guest.json()["user_id"])

    def is_let_in(self) -> factories.OnSale:
        """A turn in a waiting room, of which they asked to be told."""
        with self.desk.database.transaction() as session:
            sale = factories.make_event_on_sale(session)
            settings = QueueSettings(datetime.now(UTC) - timedelta(minutes=1), 10, 300, 7000, None)
            set_queue(session, vendor_ids=[sale.vendor.id], event_id=sale.event.id, settings=settings, actor_id=sale.vendor.id)
        self.app.state.booking.wait(self.app.state.booking.enter_queue(event_id=sale.event.id, buyer_id=self.id, tell=True))
        with self.desk.database.connect() as connection, connection.transaction():
            advance_queue(connection, event_id=sale.event.id)
        return sale

    def mails(self, sink: Sink) -> list[Any]:
        self.desk.plan()
        self.desk.deliver(sink.mailer())
        return [mail for mail in sink.mails() if mail["To"] == self.email]

    def state(self) -> Any:
        return self.desk.query(f"select state, next_try_at from message where recipient_id = '{self.id}' and kind = 'your_turn'")[0]


@pytest.fixture
def ada(app: FastAPI, desk: Desk) -> Buyer:
    return Buyer(app, desk)


def test_preferences_are_everything_until_set_and_then_what_was_set(ada: Buyer) -> None:
    assert ada.client.get("/api/preferences").json() == EVERYTHING
    wanted = {"channels": {"email": True, "push": False}, "quiet_hours": NIGHT, "kinds": {"your_turn": False}}
    assert ada.client.put("/api/preferences", json=wanted).json() == wanted
    assert ada.client.get("/api/preferences").json() == wanted
    assert ada.client.put("/api/preferences", json={}).json() == EVERYTHING


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_hours": NIGHT | {"zone": "Mars/Olympus"}},
        {"quiet_hours": NIGHT | {"zone": "\x00"}},
        {"quiet_hours": NIGHT | {"zone": "../../etc/passwd"}},
        {"quiet_hours": NIGHT | {"start": "24:00"}},
        {"quiet_hours": NIGHT | {"end": "22:00"}},
        {"kinds": {"order_confirmed": False}},
        {"more": 1},
    ],
)
def test_preferences_that_are_not_acceptable_are_refused(ada: Buyer, wrong: dict[str, Any]) -> None:
    assert ada.client.put("/api/preferences", json=wrong).status_code == 422
    assert ada.client.get("/api/preferences").json() == EVERYTHING


@pytest.mark.parametrize("wish", [{"kinds": {"your_turn": False}}, {"channels": {"email": False}}])
def test_optional_mail_is_not_sent_to_who_does_not_want_it_and_tickets_are(ada: Buyer, sink: Sink, wish: dict[str, Any]) -> None:
    ada.client.put("/api/preferences", json=wish)
    sale = ada.is_let_in()
    with ada.desk.database.transaction() as session:
        another = factories.make_event_on_sale(session, vendor=session.merge(sale.vendor))
    buy(ada.app.state.booking, another, ada.id, seats=(1,))
    assert [mail["Subject"].split(":")[0] for mail in ada.mails(sink)] == ["Your tickets"]
    assert ada.state().state == "suppressed"


def test_optional_mail_waits_for_the_end_of_the_quiet_hours(ada: Buyer, sink: Sink) -> None:
    now = datetime.now(UTC)
    hours = {"start": f"{now - timedelta(hours=1):%H:%M}", "end": f"{now + timedelta(hours=1):%H:%M}", "zone": "UTC"}
    ada.client.put("/api/preferences", json={"quiet_hours": hours})
    ada.is_let_in()
    assert ada.mails(sink) == []
    waiting = ada.state()
    assert (waiting.state, f"{waiting.next_try_at.astimezone(UTC):%H:%M}") == ("pending", hours["end"])
    assert ada.desk.deliver(sink.mailer()) == DeliveryRun()
    ada.client.put("/api/preferences", json={})
    ada.desk.run(f"update message set next_try_at = now() where recipient_id = '{ada.id}'")
    assert [mail["Subject"].split(":")[0] for mail in ada.mails(sink)] == ["It is your turn"]


def newest_file(sink: Sink) -> bytes:
    return max(sink.directory.glob("*.eml"), key=lambda path: int(path.stem)).read_bytes()


def test_mail_program_unsubscribes_at_once_and_a_person_by_a_button(ada: Buyer, app: FastAPI, sink: Sink) -> None:
    ada.is_let_in()
    (mail,) = ada.mails(sink)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"^<(http://localhost:8000/unsubscribe/your_turn/[\w-]+)>$", mail["List-Unsubscribe"].replace("\n", ""))
    assert f"\nList-Unsubscribe: <{link}>\n".encode() in newest_file(sink).replace(b"\r\n", b"\n")  # mail programs decode no words here
    assert link in mail.get_body(("plain",)).get_content()
    assert link in mail.get_body(("html",)).get_content()
    program = TestClient(app, base_url="http://localhost", follow_redirects=False)  # not signed in
    path = link.removeprefix("http://localhost:8000")
    assert program.get(path).status_code == 200
    assert ada.client.get("/api/preferences").json() == EVERYTHING  # looking turns nothing off
    for _ in range(2):
        assert program.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert ada.client.get("/api/preferences").json() == EVERYTHING | {"kinds": {"your_turn": False}}
    assert ada.desk.query(f"select muted from message_preference where user_id = '{ada.id}'") == [(["your_turn"],)]


def test_mails_that_belong_to_a_purchase_can_not_be_unsubscribed(ada: Buyer, sink: Sink) -> None:
    with ada.desk.database.transaction() as session:
        sale = factories.make_event_on_sale(session)
    buy(ada.app.state.booking, sale, ada.id, seats=(1,))
    (mail,) = ada.mails(sink)
    assert mail["List-Unsubscribe"] is None
    assert {MessageKind.YOUR_TURN} == OPTIONAL


def test_links_that_are_not_ours_turn_nothing_off(ada: Buyer, settings: Settings) -> None:
    signer = UnsubscribeSigner.from_secrets(settings.secrets)
    token = signer.token(ada.id, OptionalKind.YOUR_TURN)
    assert signer.read(token, OptionalKind.YOUR_TURN) == ada.id
    for bad in (signer.token(uuid4(), OptionalKind.YOUR_TURN)[:22] + token[22:], token[:-3], "x", "A" * 43):
        with pytest.raises(UnsubscribeLinkUnknown):
            signer.read(bad, OptionalKind.YOUR_TURN)
        assert ada.client.post(f"/unsubscribe/your_turn/{bad}").status_code == 404
    assert ada.client.post(f"/unsubscribe/order_confirmed/{token}").status_code == 404


BERLIN_NIGHT = {"start": time(22), "end": time(7), "zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2027, 1, 15, 20, 59, tzinfo=UTC), None),
        (datetime(2027, 1, 15, 21, 0, tzinfo=UTC), datetime(2027, 1, 16, 6, 0, tzinfo=UTC)),
        (datetime(2027, 1, 16, 5, 59, tzinfo=UTC), datetime(2027, 1, 16, 6, 0, tzinfo=UTC)),
        (datetime(2027, 1, 16, 6, 0, tzinfo=UTC), None),
        (datetime(2027, 3, 27, 23, 0, tzinfo=UTC), datetime(2027, 3, 28, 5, 0, tzinfo=UTC)),  # the night is an hour shorter
    ],
)
def test_quiet_hours_reach_over_midnight_on_the_readers_clocks(now: datetime, until: datetime | None) -> None:
    assert quiet_until(now, **BERLIN_NIGHT) == until  # type: ignore[arg-type]


def test_quiet_hours_within_a_day_end_on_that_day() -> None:
    noon = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
    assert quiet_until(noon, start=time(11), end=time(14), zone="UTC") == noon + timedelta(hours=2)
    assert quiet_until(noon, start=time(13), end=time(14), zone="UTC") is None
