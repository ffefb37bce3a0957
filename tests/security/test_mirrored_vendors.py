"""Two vendors with the same things: no id, name, code or count of one reaches the other, whatever endpoint it asks.

Over the table of who may call what, and the database's own catalogue: what is added later is asked as well. That webhooks carry
nothing of another vendor is shown in `tests/webhooks_out/test_routes.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.buying import buy, captured, place_order, start_payment
from tests.photos.making import visit
from tests.security.examples import EVENT
from tests.security.mirror import PARAMETER, UUID_TEXT, Side, body_of, only_of, owned_tables, path_of, paths, rows_of, table_of, texts
from tests.security.test_authorisation import Scene, scene
from tests.venues.halls import hall
from tests.webhooks_out.receivers import Receiver, receiving
from ticketing.accounts.access import Endpoint, Reach, Role
from ticketing.accounts.rules import MemberRole
from ticketing.accounts.tables import Vendor
from ticketing.authorisation import RULES
from ticketing.catalog.rules import EventStatus
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.db import Role as DatabaseRole
from ticketing.foundation.outbound import Outside
from ticketing.foundation.settings import Settings
from ticketing.orders.rules import Channel
from ticketing.waitinglist.service import Wish, join_waiting_list
from ticketing.webhooks_out.deliver import Deliverer
from ticketing.webhooks_out.plan import plan_deliveries

__all__ = ["scene"]

VENDOR_ENDPOINTS = sorted(endpoint for endpoint, rule in RULES.items() if rule.reach is Reach.VENDOR)
MEMBERS = {Role(role.value): role for role in MemberRole}

PUBLIC_TABLES = {
    "artist", "configuration", "event", "event_artist", "event_payment_method", "event_seat", "layout", "layout_seat",
    "payment_account", "pool", "section", "series", "ticket_type", "ticket_type_section", "vendor", "venue",
}  # fmt: skip
"""The catalogue: whoever browses sees it, so a vendor's role may. What is not published yet must not be there."""

WHOLE_DOCUMENTS = {("POST", "/api/configurations/{configuration_id}/layouts"), ("PUT", "/api/layouts/{layout_id}")}
"""Their body is kept as it is, unknown parts included: a vendor named in it is nobody's."""

NEVER_HERE: dict[str, str] = {}
"""Tables of vendors without rows in this scene, and why."""


@dataclass(frozen=True)
class Mirror:
    scene: Scene
    database: Database
    settings: Settings
    mine: Side
    theirs: Side
    """Whose things must stay theirs."""
    receiver: Receiver

    def ask(self, side: Side, role: MemberRole, method: str, path: str, body: Any = None) -> Response:
        headers = {"Authorization": f"Bearer {side.tokens[role.value]}", "Idempotency-Key": uuid4().hex, "If-Match": '"1"'}
        client = TestClient(self.scene.app, base_url="http://localhost", raise_server_exceptions=False, cookies={})
        answer: Response = client.request(method, path, json=body, headers=headers)
        return answer

    def secrets(self) -> set[str]:
        with self.database.transaction(DatabaseRole.READER) as session:
            return only_of(session, self.theirs.vendor_id, self.mine.vendor_id)

    def leaks(self, answer: Response, *, sent: str) -> set[str]:
        """What of theirs an answer holds that the question did not."""
        return {secret for secret in self.secrets() if secret in answer.text and secret not in sent}

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Nothing of theirs changes."""
        before = self.fingerprints()
        yield
        assert self.fingerprints() == before

    def fingerprints(self) -> dict[str, str]:
        with self.database.transaction(DatabaseRole.READER) as session:
            rows = rows_of(session, self.theirs.vendor_id)
        return {table: hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest() for table, found in rows.items()}

    def deliver(self) -> None:
        """Whatever webhooks are due."""
        with self.database.transaction() as session:
            plan_deliveries(session, now=database_now(session))
        key = self.settings.secrets.derive("webhook-secret")
        Deliverer(self.database, Outside.from_settings(self.settings, timeout_seconds=1.0), key).deliver_due()


def furnish(mirror: Mirror, side: Side, *, seats: list[int]) -> None:
    """Give a vendor one more of everything: events, orders, and whatever its endpoints make."""
    booking = mirror.scene.app.state.booking
    for url in (mirror.receiver.url, mirror.receiver.url + "?second"):
        body = {"url": url, "events": ["order.confirmed", "order.cancelled"], "vendor_id": str(side.vendor_id)}
        assert mirror.ask(side, MemberRole.OWNER, "POST", "/api/webhooks", body).status_code == 201
    program = {"name": factories.unique("App"), "redirect_uris": ["https://app.example.org/"], "scopes": ["events"]}
    assert mirror.ask(side, MemberRole.OWNER, "POST", f"/api/vendors/{side.vendor_id}/clients", program).status_code == 201
    with mirror.database.transaction() as session:
        vendor = session.get_one(Vendor, side.vendor_id)
        title = factories.unique("Concert of one vendor")
        sale = factories.make_event_on_sale(session, vendor=vendor, title=title)
        factories.make_event_on_sale(session, vendor=vendor, title=factories.unique("Draft"), status=EventStatus.DRAFT, published_at=None)
        buyers = factories.buyer_ids(session, 2)
    use_codes(mirror, side, sale, buyers[0])
    sell_a_package(mirror, side, sale, buyers[0])
    photo = visit(mirror.scene.app, vendor_id=side.vendor_id).send(TestClient(mirror.scene.app, base_url="http://localhost", cookies={}))
    assert photo.status_code == 201, photo.text
    use_counter(mirror, side, sale)
    rebuild_a_hall(mirror, side, buyers[0])
    order = buy(booking, sale, buyers[0], seats=seats)
    place_order(booking, sale, buyers[1], places=1)
    booking.wait(booking.cancel_order(order_id=order.id, buyer_id=buyers[0], key=uuid4().hex, digest=b""))
    with mirror.database.transaction() as session:
        events = session.execute(text("select id from event where vendor_id = :v"), {"v": side.vendor_id}).scalars().all()
        wish = Wish(1, max_price="0.01")  # nothing is so cheap
        join_waiting_list(session, event_id=sale.event.id, buyer_id=buyers[1], wish=wish, now=database_now(session))
    queue = {"opens_at": "2099-01-01T00:00:00Z", "most_shoppers": 5}
    for event_id in events:
        assert mirror.ask(side, MemberRole.OWNER, "PUT", f"/api/events/{event_id}/queue", queue).status_code == 200
    mirror.deliver()
    with mirror.database.transaction(DatabaseRole.READER) as session:
        side.learn(session)
    create_by_endpoints(mirror, side)


def use_codes(mirror: Mirror, side: Side, sale: factories.OnSale, buyer: UUID) -> None:
    """An order with a code of the vendor's, for one ticket type and once a buyer."""
    code = factories.unique("CODE")
    scope = {"event_id": str(sale.event.id), "ticket_type_ids": [str(sale.seated_type.id)], "max_uses_per_buyer": 1}
    body = {"code": code, "kind": "percent", "percent": 10, "vendor_id": str(side.vendor_id)} | scope
    assert mirror.ask(side, MemberRole.OWNER, "POST", "/api/promotions", body).status_code == 201
    booking = mirror.scene.app.state.booking
    hold = booking.wait(booking.hold(event_id=sale.event.id, buyer_id=buyer, key=uuid4().hex, digest=b"", seats=[0]))
    order = booking.place_order(hold_ids=[hold.id], buyer_id=buyer, key=uuid4().hex, digest=b"", channel=Channel.API, code=code)
    assert booking.wait(order).discount_minor > 0


def sell_a_package(mirror: Mirror, side: Side, sale: factories.OnSale, buyer: UUID) -> None:
    """One price for two nights, and somebody who bought it."""
    with mirror.database.transaction() as session:
        title = factories.unique("Second night")
        second = factories.make_event_on_sale(session, vendor=session.get_one(Vendor, side.vendor_id), title=title)
    events = [{"event_id": str(night.event.id), "ticket_type_id": str(night.standing_type.id)} for night in (sale, second)]
    body = {"name": factories.unique("Season"), "price": "30.00", "currency": "EUR", "events": events, "vendor_id": str(side.vendor_id)}
    made = mirror.ask(side, MemberRole.OWNER, "POST", "/api/packages", body)
    assert made.status_code == 201, made.text
    booking = mirror.scene.app.state.booking
    package_id = UUID(made.json()["id"])
    order = booking.order_package(package_id=package_id, buyer_id=buyer, quantity=1, key=uuid4().hex, digest=b"")
    assert booking.wait(order).discount_minor == 1500


def use_counter(mirror: Mirror, side: Side, sale: factories.OnSale) -> None:
    """A sale at the door, a present, a block, and an event that was moved."""
    cash = {"kind": "cash", "label": "Cash", "vendor_id": str(side.vendor_id)}
    assert mirror.ask(side, MemberRole.OWNER, "POST", "/api/payment-methods", cash).status_code in (201, 409)
    sold = {"event_id": str(sale.event.id), "seats": [20], "taken_with": "cash"}
    assert mirror.ask(side, MemberRole.SUPPORT, "POST", "/api/box-office/orders", sold).status_code == 201
    present = {"seats": [21], "recipient": {"email": f"{factories.unique('press')}@example.org", "display_name": "Press"}}
    assert mirror.ask(side, MemberRole.MANAGER, "POST", f"/api/events/{sale.event.id}/complimentary", present).status_code == 201
    block = {"seats": [22], "reason": "house", "note": factories.unique("Note")}
    assert mirror.ask(side, MemberRole.OWNER, "POST", f"/api/events/{sale.event.id}/blocks", block).status_code == 201
    with mirror.database.transaction() as session:
        moved = factories.make_event_on_sale(
            session, vendor=session.get_one(Vendor, side.vendor_id), title=factories.unique("Moved")
        ).event.id
    later = {"local_start": "2031-05-01T20:00:00"}
    assert mirror.ask(side, MemberRole.OWNER, "POST", f"/api/events/{moved}/postpone", later).status_code == 200


def rebuild_a_hall(mirror: Mirror, side: Side, buyer: UUID) -> None:
    """A hall loses the row in which somebody has a ticket: a reseating plan."""

    def made(path: str, body: Any = None) -> Any:
        answer = mirror.ask(side, MemberRole.OWNER, "POST", path, body)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    venue = made(
        "/api/venues", {"name": factories.unique("Hall"), "city": "Berlin", "zone": "Europe/Berlin", "vendor_id": str(side.vendor_id)}
    )
    configuration = made(
        f"/api/venues/{venue['id']}/configurations", {"name": "Seated", "kind": "seated", "vendor_id": str(side.vendor_id)}
    )
    layouts = f"/api/configurations/{configuration['id']}/layouts"
    layout = made(layouts, hall({"A": 2, "B": 2}))
    made(f"/api/layouts/{layout['id']}/publish")
    event = made(
        "/api/events", EVENT | {"sales_open_at": "2020-01-01T00:00:00Z", "layout_id": layout["id"], "vendor_id": str(side.vendor_id)}
    )
    made(f"/api/events/{event['id']}/publish")
    booking = mirror.scene.app.state.booking
    hold = booking.wait(booking.hold(event_id=UUID(event["id"]), buyer_id=buyer, key=uuid4().hex, digest=b"", seats=[0]))
    placing = booking.place_order(hold_ids=[hold.id], buyer_id=buyer, key=uuid4().hex, digest=b"", channel=Channel.API)
    booking.wait(booking.settle(captured(start_payment(booking, booking.wait(placing)))))
    newer = made(layouts, hall({"B": 2}))
    assert len(made(f"/api/layouts/{newer['id']}/publish")["conflicts"]) == 1


def create_by_endpoints(mirror: Mirror, side: Side) -> None:
    """Call every endpoint of vendors that makes something, with its example made the vendor's own."""
    with mirror.database.transaction(DatabaseRole.READER) as session:
        rows = rows_of(session, mirror.theirs.vendor_id)
    theirs = {str(row["id"]): table for table, found in rows.items() for row in found if "id" in row}
    for endpoint in VENDOR_ENDPOINTS:
        if endpoint[0] == "POST" and all(table_of(name) in side.ids for name in PARAMETER.findall(endpoint[1])):
            body = body_of(mirror.scene.examples[endpoint][1], side=side, theirs=theirs)
            answer = mirror.ask(side, MemberRole.OWNER, "POST", path_of(endpoint, side), body)
            assert answer.status_code < 500, (endpoint, answer.text)
    mirror.deliver()
    with mirror.database.transaction(DatabaseRole.READER) as session:
        side.learn(session)


@pytest.fixture(scope="module")
def mirror(scene: Scene, module_database: Database, settings: Settings) -> Iterator[Mirror]:
    def side(where: str) -> Side:
        tokens = {role.value: scene.tokens[f"{role.value} of {where}"] for role in MemberRole}
        client = TestClient(scene.app, base_url="http://localhost", cookies={})
        me = client.get("/api/me", headers={"Authorization": f"Bearer {tokens['owner']}"}).json()
        return Side(UUID(UUID_TEXT.search(json.dumps(me["memberships"]))[0]), tokens)  # type: ignore[index]

    scene.app.state.places.watch.stop()  # else queues move on by themselves
    with receiving() as receiver:
        mirror = Mirror(scene, module_database, settings, side("other"), side("own"), receiver)
        for of in (mirror.theirs, mirror.mine):
            furnish(mirror, of, seats=[3, 4])
        yield mirror


def test_both_have_something_of_everything(mirror: Mirror) -> None:
    """The control: where a vendor has nothing, nothing can leak. A new table needs rows here, or a reason."""
    with mirror.database.transaction(DatabaseRole.READER) as session:
        for side in (mirror.mine, mirror.theirs):
            empty = {table for table, rows in rows_of(session, side.vendor_id).items() if not rows}
            assert empty & set(owned_tables(session)) <= NEVER_HERE.keys()
    assert len(mirror.secrets()) > 50


@pytest.mark.parametrize("endpoint", [e for e in VENDOR_ENDPOINTS if "{" in e[1]], ids=" ".join)
def test_what_is_theirs_is_answered_like_what_is_nowhere(mirror: Mirror, endpoint: Endpoint) -> None:
    body = mirror.scene.examples[endpoint][1]
    roles = [member for role, member in MEMBERS.items() if role in RULES[endpoint].roles]
    assert roles
    with mirror.untouched():
        for role in roles:
            for foreign, absent in paths(endpoint, own=mirror.mine, foreign=mirror.theirs):
                answer = mirror.ask(mirror.mine, role, endpoint[0], foreign, body)
                assert answer.status_code == 404, (role, foreign, answer.status_code, answer.text)
                assert mirror.leaks(answer, sent=foreign + json.dumps(body)) == set()
                nowhere = mirror.ask(mirror.mine, role, endpoint[0], absent, body)
                assert (nowhere.status_code, without_ids(nowhere)) == (404, without_ids(answer))


def without_ids(answer: Response) -> str:
    return UUID_TEXT.sub("", answer.text)


@pytest.mark.parametrize("endpoint", VENDOR_ENDPOINTS, ids=" ".join)
def test_own_things_carry_nothing_of_theirs(mirror: Mirror, endpoint: Endpoint) -> None:
    """With ids of one's own, in each role; also where the other vendor is asked for by name, in the query or the body."""
    example = mirror.scene.examples[endpoint][1]
    path = path_of(endpoint, mirror.mine)
    named = {"vendor_id": str(mirror.theirs.vendor_id)}
    with mirror.untouched():
        for role, member in MEMBERS.items():
            if role not in RULES[endpoint].roles:
                continue
            if endpoint[0] == "GET":
                for query in ("", f"?vendor_id={mirror.theirs.vendor_id}"):
                    answer = mirror.ask(mirror.mine, member, "GET", path + query)
                    assert answer.status_code < 500
                    assert mirror.leaks(answer, sent=path + query) == set()
            elif isinstance(example, dict):
                answer = mirror.ask(mirror.mine, member, endpoint[0], path, example | named)
                assert answer.status_code in ((404, 422) if endpoint not in WHOLE_DOCUMENTS else (201, 409)), (endpoint, answer.text)
                assert mirror.leaks(answer, sent=path + json.dumps(example | named)) == set()


def view(mirror: Mirror) -> dict[str, tuple[int, str]]:
    """Everything that one vendor's owner can read."""
    paths = [path_of(endpoint, mirror.mine) for endpoint in VENDOR_ENDPOINTS if endpoint[0] == "GET"]
    answers = {path: mirror.ask(mirror.mine, MemberRole.OWNER, "GET", path) for path in [*paths, "/api/me", "/api/orders", "/api/tickets"]}
    return {path: (answer.status_code, answer.text) for path, answer in answers.items()}


def test_what_one_sees_is_the_same_whatever_the_other_does(mirror: Mirror) -> None:
    """No count, total or position tells of the other's business either."""
    before = view(mirror)
    assert all(status == 200 for status, _ in before.values()), {path: answer for path, answer in before.items() if answer[0] != 200}
    furnish(mirror, mirror.theirs, seats=[5, 6, 7])
    assert view(mirror) == before


def test_what_is_not_published_yet_reaches_nobody_else(mirror: Mirror) -> None:
    with mirror.database.transaction(DatabaseRole.READER) as session:
        sql = "select id::text, title from event where status = 'draft' and vendor_id = :v"
        drafts = {value for row in session.execute(text(sql), {"v": mirror.theirs.vendor_id}) for value in row}
    assert drafts
    public = [endpoint for endpoint, rule in RULES.items() if rule.reach is Reach.PUBLIC and endpoint[0] == "GET"]
    for method, template in public:
        if set(PARAMETER.findall(template)) <= {"event_id"}:
            path = template.replace("{event_id}", next(value for value in drafts if UUID_TEXT.fullmatch(value)))
            for query in ("", "?search=Draft", "?limit=100"):
                answer = mirror.ask(mirror.mine, MemberRole.OWNER, method, path + query)
                assert not {draft for draft in drafts if draft in answer.text and draft not in path}, (template, answer.text)
                assert answer.status_code == 404 or "{" not in template, (template, answer.status_code)


def visible(mirror: Mirror, *vendor_ids: UUID) -> dict[str, list[Any]]:
    """What the database shows to the vendors' role, by table."""
    with mirror.database.transaction(DatabaseRole.VENDOR, vendor_ids=vendor_ids) as session:
        sql = "select tablename from pg_tables where schemaname = 'public' and has_any_column_privilege(quote_ident(tablename), 'select')"
        tables = list(session.execute(text(sql)).scalars())
        rows = {}
        for table in tables:
            columns = session.execute(
                text(
                    "select string_agg(quote_ident(column_name), ', ') from information_schema.columns"
                    " where table_schema = 'public' and table_name = :t and has_column_privilege(quote_ident(:t), column_name, 'select')"
                ),
                {"t": table},
            ).scalar_one()
            rows[table] = list(session.execute(text(f"select to_jsonb(t) from (select {columns} from {table}) t")).scalars())
        return rows


def test_the_database_itself_shows_no_row_of_theirs(mirror: Mirror) -> None:
    secrets = mirror.secrets()
    seen = visible(mirror, mirror.mine.vendor_id)
    leaking = {table for table, rows in seen.items() if table not in PUBLIC_TABLES and secrets & set(texts(rows))}
    assert leaking == set()
    assert str(mirror.mine.ids["webhook_endpoint"]) in set(texts(seen["webhook_endpoint"]))
    for row in seen["event"]:
        assert row["status"] != EventStatus.DRAFT.value or row["vendor_id"] == str(mirror.mine.vendor_id)


def test_the_database_shows_nothing_to_nobody(mirror: Mirror) -> None:
    seen = visible(mirror)
    assert {table for table, rows in seen.items() if rows} <= PUBLIC_TABLES
