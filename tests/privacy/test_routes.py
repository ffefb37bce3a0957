"""Who erases whom, and how they show that it is them."""

from __future__ import annotations

from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from tests import factories
from tests.privacy.conftest import EMAIL, NAME, PASSWORD, Scene
from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.sessions import open_session
from ticketing.foundation.db import database_now


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
