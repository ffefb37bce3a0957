"""A vendor makes, lists and ends promotions over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.app.test_api import problem
from tests.promotions.conftest import Office


def test_a_promotion_is_made_listed_and_ended(office: Office) -> None:
    made = office.make(code="spring25", kind="percent", percent=25, name="Newsletter", max_uses=10)
    assert (made["code"], made["uses"], made["ended_at"]) == ("SPRING25", 0, None)
    assert "/go/" in made["link"]
    assert office.ask("GET", "/api/promotions").json() == {"promotions": [made], "next_cursor": None}
    ended = office.ask("PATCH", f"/api/promotions/{made['id']}", {"ended": True}).json()
    assert ended["ended_at"] is not None
    assert office.ask("PATCH", f"/api/promotions/{made['id']}", {"ended": True}).json() == ended
    with office.database.transaction() as session:
        actions = session.execute(
            text("select action from audit_entry where action like 'promotion%' and actor_id is not null order by id")
        )
        assert actions.scalars().all() == ["promotion.created", "promotion.ended"]


def test_pages_follow_each_other(office: Office) -> None:
    codes = [f"CODE{number}" for number in range(5)]
    for code in codes:
        office.make(code=code, kind="affiliate")
    first = office.ask("GET", "/api/promotions?limit=3").json()
    second = office.ask("GET", f"/api/promotions?limit=3&cursor={first['next_cursor']}").json()
    assert [p["code"] for p in first["promotions"] + second["promotions"]] == codes[::-1]
    assert second["next_cursor"] is None


def test_a_code_means_one_thing_for_ever_at_one_vendor(office: Office) -> None:
    office.make(code="SPRING", kind="percent", percent=10)
    again = office.ask("POST", "/api/promotions", {"code": " spring", "kind": "percent", "percent": 90})
    problem(again, 409, "code-taken")
    theirs = office.ask("POST", "/api/promotions", {"code": "SPRING", "kind": "affiliate"}, who=office.other_owner)
    assert theirs.status_code == 201


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"code": "A"}, "code"),
    ({"code": "WITH SPACE"}, "code"),
    ({"code": "ÄÖÜ"}, "code"),
    ({"code": "NUL\x00"}, "code"),
    ({"name": "line\nbreak"}, "name"),
    ({"percent": 0}, "percent"),
    ({"percent": 101}, "percent"),
    ({"percent": None}, "percent"),
    ({"amount": "5.00", "currency": "EUR"}, "amount"),
    ({"kind": "amount", "percent": None, "amount": "5.001", "currency": "EUR"}, "amount"),
    ({"kind": "amount", "percent": None, "amount": "-5", "currency": "EUR"}, "amount"),
    ({"kind": "amount", "percent": None, "amount": "1e40", "currency": "EUR"}, "amount"),
    ({"kind": "amount", "percent": None, "amount": "5"}, "currency"),
    ({"kind": "access", "percent": None}, "ticket_type_ids"),
    ({"kind": "affiliate", "percent": None, "max_uses": 5}, "max_uses"),
    ({"max_uses": 0}, "max_uses"),
    ({"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}, "ends_at"),
    ({"ends_at": "2001-01-01T00:00:00Z"}, "ends_at"),
    ({"starts_at": "2030-01-02T00:00:00"}, "starts_at"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED, ids=str)
def test_what_is_not_acceptable_is_named(office: Office, change: dict[str, Any], field: str) -> None:
    answer = office.ask("POST", "/api/promotions", {"code": "SPRING", "kind": "percent", "percent": 25} | change)
    assert answer.status_code == 422, answer.text
    assert any(name.startswith(field) for name in answer.json()["fields"]), answer.text


def test_another_vendors_things_are_not_there(office: Office) -> None:
    made = office.make(code="SPRING", kind="percent", percent=25)
    assert office.ask("PATCH", f"/api/promotions/{made['id']}", {"ended": True}, who=office.other_owner).status_code == 404
    assert office.ask("GET", "/api/promotions", who=office.other_owner).json()["promotions"] == []
    scope = {"code": "THEIRS", "kind": "percent", "percent": 5, "event_id": str(office.other.event.id)}
    answer = office.ask("POST", "/api/promotions", scope)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["event_id"])
    mixed = scope | {"event_id": str(office.sale.event.id), "ticket_type_ids": [str(office.other.seated_type.id)]}
    answer = office.ask("POST", "/api/promotions", mixed)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["ticket_type_ids"])


def test_ticket_types_stay_closed_until_the_last_access_code_is_ended(office: Office) -> None:
    access = {
        "kind": "access",
        "event_id": str(office.sale.event.id),
        "ticket_type_ids": [str(office.sale.standing_type.id)],
        "ends_at": "2099-01-01T00:00:00Z",
    }
    first, second = office.make(code="ONE", **access), office.make(code="TWO", **access)
    hold = f"/api/events/{office.sale.event.id}/holds"
    wanted = {"places": [{"pool_id": str(office.sale.pool.id), "quantity": 1}]}

    def ask(key: str, **more: Any) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {office.owner}", "Idempotency-Key": key}
        answer = office.client.post(hold, json=wanted | more, headers=headers)
        return answer.status_code, "" if answer.is_success else answer.json()["type"].rpartition("/")[2]

    assert ask("a") == (409, "access-code-needed")
    assert ask("b", code="two") == (201, "")
    office.ask("PATCH", f"/api/promotions/{second['id']}", {"ended": True})
    assert ask("c", code="TWO") == (410, "code-not-in-force")
    assert ask("d") == (409, "access-code-needed")
    office.ask("PATCH", f"/api/promotions/{first['id']}", {"ended": True})
    assert ask("e") == (201, "")


def test_an_order_takes_the_code_over_http(office: Office) -> None:
    office.make(code="SPRING", kind="amount", amount="10.00", currency="EUR")
    headers = {"Authorization": f"Bearer {office.owner}", "Idempotency-Key": "k"}
    hold = office.client.post(f"/api/events/{office.sale.event.id}/holds", json={"seats": [0]}, headers=headers | {"Idempotency-Key": "h"})
    wrong = office.client.post("/api/orders", json={"hold_ids": [hold.json()["id"]], "code": "NO"}, headers=headers)
    assert (wrong.status_code, wrong.json()["fields"]) == (422, {"code": "is not known"})
    order = office.client.post("/api/orders", json={"hold_ids": [hold.json()["id"]], "code": "spring"}, headers=headers)
    assert (order.status_code, order.json()["discount_minor"]) == (201, 1000)
