"""My data as a file; erasing me, refused and done."""

from __future__ import annotations

from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from tests import factories
from tests.buying import place_order, start_payment
from tests.privacy.conftest import EMAIL, NAME, PASSWORD, PHONE, PUSH_ENDPOINT, Scene
from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.sessions import open_session
from ticketing.foundation.db import database_now
from ticketing.privacy.parts import PARTS


def test_export_has_everything_of_the_account_and_its_guests(scene: Scene) -> None:
    answer = scene.client().get(f"/api/users/{scene.user_id}/export")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    document = answer.json()
    assert set(document["accounts"]) == {str(scene.user_id), str(scene.guest_id)}
    tables = {table: part[table]["rows"] for part in document["data"].values() for table in part}
    assert {contact["value"] for contact in tables["user_contact"]} == {EMAIL, PHONE}
    assert {user["display_name"] for user in tables["user_account"]} == {NAME}
    assert [len(tables[name]) for name in ("ticket_order", "order_line", "ticket", "payment")] == [2, 3, 3, 2]
    assert [push["endpoint"] for push in tables["push_subscription"]] == [PUSH_ENDPOINT]
    for name in ("user_session", "identity", "message", "hold", "order_event", "webhook_event", "message_preference", "link_request"):
        assert tables[name], name
    assert ("user.registered", "you") in {(entry["action"], entry["done_by"]) for entry in tables["audit_entry"]}
    assert set(document["data"]) == {part.name for part in PARTS}
    assert all(part[table]["when_erased"] for part in document["data"].values() for table in part)


def test_export_holds_no_secret(scene: Scene) -> None:
    text = scene.client().get(f"/api/users/{scene.user_id}/export").text
    ((password_hash,),) = scene.query("select password_hash from user_credential where user_id = :user", user=scene.user_id)
    assert password_hash not in text
    assert scene.token not in text
    for secret in ("token_digest", "password_hash", "nonce", "blind_index", "value_encrypted", "endpoint_index"):
        assert secret not in text


def test_export_is_recorded_and_somebody_elses_is_not_found(scene: Scene) -> None:
    assert scene.client().get(f"/api/users/{scene.user_id}/export").status_code == 200
    assert scene.query("select count(*) from audit_entry where action = 'user.data_exported'") == [(1,)]
    stranger = TestClient(scene.app, base_url="http://localhost")
    stranger.post("/api/guests", json={"email": "x@example.org", "display_name": "X"})
    assert stranger.get(f"/api/users/{scene.user_id}/export").status_code == 404
    assert scene.client(scene.operator()).get(f"/api/users/{scene.user_id}/export").status_code == 404


def test_export_is_refused_when_asked_for_too_often(scene: Scene) -> None:
    codes = [scene.client().get(f"/api/users/{scene.user_id}/export").status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]


def test_erasing_is_refused_while_tickets_are_to_come(scene: Scene) -> None:
    answer = scene.erase()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/matters-open")
    assert len(answer.json()["tickets"]) == 3
    assert scene.client().get("/api/me").status_code == 200
    assert scene.query("select count(*) from erasure") == [(0,)]


def test_erasing_is_refused_while_money_is_on_its_way(scene: Scene) -> None:
    booking = scene.app.state.booking
    order = place_order(booking, scene.sale, scene.user_id, seats=[5])
    payment = start_payment(booking, order)
    ticket = scene.client().get("/api/tickets").json()["tickets"][0]["id"]
    assert scene.client().delete(f"/api/tickets/{ticket}", headers={"Idempotency-Key": uuid4().hex}).status_code == 200
    scene.pass_events()
    told = scene.erase().json()
    assert (told["tickets"], told["orders"], told["payments"]) == ([], [str(order.id)], [str(payment.id)])
    assert len(told["refunds"]) == 1


def test_given_up_tickets_are_cancelled_and_refunded(scene: Scene) -> None:
    booking = scene.app.state.booking
    place_order(booking, scene.sale, scene.user_id, seats=[5])
    booking.wait(booking.hold(event_id=scene.sale.event.id, buyer_id=scene.user_id, key="h", digest=b"", seats=[6]))
    answer = scene.erase({"password": PASSWORD, "give_up_tickets": True})
    assert answer.status_code == 204, answer.text
    assert scene.query("select distinct state from ticket") == [("cancelled",)]
    assert scene.query("select distinct state from ticket_order") == [("cancelled",)]
    assert scene.query("select count(*) from event_seat where state <> 'free'") == [(0,)]
    assert scene.query("select sum(sold + held)::int from pool") == [(0,)]
    assert scene.query("select state, sum(amount_minor)::int from refund group by state") == [("planned", 4500 * 2 + 2250)]
    assert scene.query("select finished_at is not null from erasure") == [(True,)]


def test_erasing_asks_for_the_password_unless_the_sign_in_is_fresh(scene: Scene) -> None:
    scene.pass_events()
    wrong = scene.erase({"password": "wrong password"})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/password-wrong")
    scene.sign_in_long_ago()
    stale = scene.erase({})
    assert (stale.status_code, stale.json()["type"]) == (403, "/problems/confirmation-needed")
    scene.token = scene.client().post("/api/login", json={"email": EMAIL, "password": PASSWORD}).json()["token"]
    assert scene.client().request("DELETE", f"/api/users/{scene.user_id}").status_code == 204


def test_nobody_acts_as_an_erased_person(scene: Scene) -> None:
    scene.pass_events()
    assert scene.erase().status_code == 204
    assert scene.client().get("/api/me").status_code == 401
    assert scene.client().get("/api/orders").status_code == 401
    assert scene.client().post("/api/login", json={"email": EMAIL, "password": PASSWORD}).status_code == 401
    operator = scene.client(scene.operator())
    assert operator.post(f"/api/users/{scene.user_id}/enable").status_code == 404
    again = TestClient(scene.app, base_url="http://localhost")
    told = {"email": EMAIL, "password": PASSWORD, "display_name": NAME}
    assert again.post("/api/register", json=told).status_code == 201, "the address is free"
    assert again.get("/api/orders").json()["orders"] == []


def test_operators_erase_guests_and_nobody_else(scene: Scene) -> None:
    scene.pass_events()
    operator = scene.operator()
    for account in (scene.user_id, scene.guest_id):
        refused = scene.erase({}, token=operator, user_id=account)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/only-themselves")
    with scene.database.transaction() as session:
        guest = factories.make_buyer(session, display_name=NAME).id
    assert scene.erase({}, user_id=guest).status_code == 404, "only an operator"
    assert scene.erase({}, token=operator, user_id=guest).status_code == 204
    assert scene.query("select display_name, analytics_id from user_account where id = :guest", guest=guest) == [("Erased", None)]
    assert scene.erase({}, token=operator, user_id=guest).status_code == 204, "done again it is done"
    assert scene.erase({}, token=operator, user_id=uuid4()).status_code == 404


def test_a_claimed_guest_does_not_erase_what_belongs_to_the_account(scene: Scene) -> None:
    scene.pass_events()
    with scene.database.transaction() as session:
        token = open_session(session, user_id=scene.guest_id, audience=Audience.SHOP, now=database_now(session))
    refused = scene.erase({}, token=token, user_id=scene.guest_id)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/only-themselves")
    assert scene.query("select count(*) from erasure") == [(0,)]


def test_what_a_guest_bought_after_the_address_was_proved_is_erased_with_the_account(scene: Scene) -> None:
    guest = TestClient(scene.app, base_url="http://localhost").post("/api/guests", json={"email": EMAIL, "display_name": NAME}).json()
    scene.pass_events()
    assert scene.erase().status_code == 204
    assert scene.query("select display_name from user_account where id = :id", id=UUID(guest["user_id"])) == [("Erased",)]
    assert scene.query("select count(*) from user_contact") == [(0,)]


def test_an_account_without_password_is_erased_by_a_fresh_sign_in_alone(scene: Scene) -> None:
    scene.pass_events()
    scene.execute("delete from user_credential")
    assert scene.erase({"password": PASSWORD}).status_code == 422
    scene.sign_in_long_ago()
    assert scene.erase({}).status_code == 403
    scene.execute("update user_session set created_at = now()")
    assert scene.erase({}).status_code == 204


def test_last_owner_of_a_vendor_is_not_erased(scene: Scene) -> None:
    with scene.database.transaction() as session:
        accounts.add_member(session, vendor_id=scene.sale.vendor.id, user_id=scene.user_id, role=MemberRole.OWNER)
    refused = scene.erase({"password": PASSWORD, "give_up_tickets": True})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-owner")
    assert scene.query("select count(*) from ticket where state = 'valid'") == [(3,)], "nothing was given up"
    with scene.database.transaction() as session:
        other: UUID = factories.make_buyer(session).id
        accounts.add_member(session, vendor_id=scene.sale.vendor.id, user_id=other, role=MemberRole.OWNER)
    scene.pass_events()
    assert scene.erase().status_code == 204
    assert scene.query("select user_id from vendor_member") == [(other,)]
