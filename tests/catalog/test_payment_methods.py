"""How a vendor is paid, over HTTP, and what an order can be paid with."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.app.test_api import problem
from tests.buying import place_order, start_payment
from tests.factories import make_buyer
from tests.promotions.conftest import Office, office
from tests.security.examples import EVENT
from ticketing.orders.pay import ProviderNotOffered

__all__ = ["office"]

CASH = {"kind": "cash", "label": "Cash on arrival", "instructions": "At the box office, from an hour before."}


def card_of(office: Office) -> str:
    methods = office.ask("GET", "/api/payment-methods").json()["payment_methods"]
    return str(next(method["id"] for method in methods if method["kind"] == "card"))


def pay(office: Office, seat: int) -> Any:
    booking = office.client.app.state.booking  # type: ignore[attr-defined]
    with office.database.transaction() as session:
        buyer = make_buyer(session).id
    return start_payment(booking, place_order(booking, office.sale, buyer, seats=[seat]))


def test_methods_are_added_listed_changed_and_removed(office: Office) -> None:
    made = office.ask("POST", "/api/payment-methods", CASH).json()
    assert (made["provider"], made["payable_online"]) == ("cash", False)
    again = office.ask("POST", "/api/payment-methods", CASH)
    problem(again, 409, "payment-method-exists")
    changed = office.ask("PUT", f"/api/payment-methods/{made['id']}", {"label": "Cash"}).json()
    assert changed == made | {"label": "Cash", "instructions": ""}
    assert changed in office.ask("GET", "/api/payment-methods").json()["payment_methods"]
    assert office.ask("DELETE", f"/api/payment-methods/{made['id']}").status_code == 204
    assert office.ask("DELETE", f"/api/payment-methods/{made['id']}").status_code == 404
    assert made["id"] not in office.ask("GET", "/api/payment-methods").text
    assert office.ask("POST", "/api/payment-methods", CASH).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "card", "account_ref": "acct"},
        {"kind": "card", "provider": "fake"},
        {"kind": "card", "provider": "unknown", "account_ref": "acct"},
        {"kind": "cash", "provider": "fake"},
        {"kind": "bank_transfer"},
        {"kind": "cash", "label": "\x00"},
        {"kind": "barter"},
    ],
    ids=str,
)
def test_a_method_that_can_not_be_is_refused(office: Office, body: dict[str, Any]) -> None:
    assert office.ask("POST", "/api/payment-methods", body).status_code == 422


def test_another_vendors_methods_are_not_there(office: Office) -> None:
    card = card_of(office)
    for method, path, body in (
        ("PUT", f"/api/payment-methods/{card}", {"label": "Mine"}),
        ("DELETE", f"/api/payment-methods/{card}", None),
        ("POST", f"/api/events/{office.sale.event.id}/payment-methods", {"payment_method_ids": [card]}),
    ):
        assert office.ask(method, path, body, who=office.other_owner).status_code == 404
    theirs = office.ask(
        "POST", f"/api/events/{office.other.event.id}/payment-methods", {"payment_method_ids": [card]}, who=office.other_owner
    )
    assert theirs.status_code == 422


def test_an_event_takes_exactly_what_it_is_told_to(office: Office) -> None:
    cash, card = office.ask("POST", "/api/payment-methods", CASH).json()["id"], card_of(office)
    path = f"/api/events/{office.sale.event.id}/payment-methods"
    both = office.ask("POST", path, {"payment_method_ids": [cash, card]})
    assert [m["kind"] for m in both.json()["payment_methods"]] == ["card", "cash"]
    assert office.client.get(f"/api/events/{office.sale.event.id}").json()["providers"] == ["cash", "fake"]
    only_cash = office.ask("POST", path, {"payment_method_ids": [cash]})
    problem(only_cash, 409, "payment-method-needed")
    unknown = office.ask("POST", path, {"payment_method_ids": [str(uuid4())]})
    assert (unknown.status_code, list(unknown.json()["fields"])) == (422, ["payment_method_ids"])


def test_the_last_card_of_an_event_on_sale_stays(office: Office) -> None:
    refused = office.ask("DELETE", f"/api/payment-methods/{card_of(office)}")
    assert problem(refused, 409, "payment-method-needed")["event_id"] == str(office.sale.event.id)
    assert pay(office, 0).provider == "fake"


def test_an_order_is_refused_a_provider_that_its_event_does_not_take(office: Office) -> None:
    with office.database.transaction() as session:
        session.execute(text("delete from event_payment_method where event_id = :event"), {"event": office.sale.event.id})
    with pytest.raises(ProviderNotOffered):
        pay(office, 0)


def test_an_event_that_only_takes_cash_is_not_published(office: Office) -> None:
    cash = office.ask("POST", "/api/payment-methods", CASH).json()["id"]
    prices = [{"category": "Stalls", "price": "45.00"}, {"category": "Floor", "price": "20"}]
    draft = office.ask("POST", "/api/events", EVENT | {"prices": prices, "layout_id": str(office.sale.event.layout_id)}).json()
    path = f"/api/events/{draft['id']}"
    assert office.ask("POST", f"{path}/payment-methods", {"payment_method_ids": [cash]}).status_code == 200
    refused = office.ask("POST", f"{path}/publish")
    problem(refused, 409, "event-incomplete")
    assert office.ask("POST", f"{path}/payment-methods", {"payment_method_ids": [cash, card_of(office)]}).status_code == 200
    assert office.ask("POST", f"{path}/publish").status_code == 200
