"""My data as a file."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.privacy.conftest import EMAIL, NAME, PHONE, PUSH_ENDPOINT, Scene
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
