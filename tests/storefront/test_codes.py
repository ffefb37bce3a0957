"""Codes at the checkout, access codes on the seat page, tracking links."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.promotions.making import end_promotion, make_promotion, read_promotion
from tests.storefront.conftest import NewEvent
from tests.storefront.reading import field, hold, hold_form, id_in, text_of
from tests.storefront.test_checkout import newest_payment
from ticketing.foundation.db import Database
from ticketing.promotions.rules import PromotionKind

GUEST = {"name": "Ada", "email": "ada@example.org"}


def path_of(link: str) -> str:
    return "/go/" + link.rpartition("/")[2]


def pay(browser: TestClient, checkout: str, page: object, **more: str) -> str:
    """Press Pay; returns the address of the order."""
    form = {"key": field(page, "key", f'action="{checkout}"'), **GUEST, **more}  # type: ignore[arg-type]
    answer = browser.post(checkout, data=form)
    assert answer.status_code == 303, text_of(answer)
    return str(browser.get(checkout).headers["location"])


def test_a_code_lowers_the_price_before_and_after_paying(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    make_promotion(module_database, sale, percent=20)
    checkout = hold(browser, sale, [0])
    page = browser.get(f"{checkout}?code=spring")
    assert "The code SPRING takes €9.00 off." in text_of(page)
    assert "Pay €38.75" in text_of(page)
    order = pay(browser, checkout, page, code=field(page, "code", f'action="{checkout}"><input type="hidden"'))
    assert newest_payment(module_database, id_in(order)).amount_minor == 3875
    assert "Discount −€9.00" in text_of(browser.get(order))


def test_a_code_that_does_not_help_says_why(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    ended = make_promotion(module_database, sale)
    end_promotion(module_database, sale, ended)
    make_promotion(module_database, sale, code="ONCE", max_uses=1)
    checkout = hold(browser, sale, [0])
    for code, why in (("NEVER", "There is no such code."), ("SPRING", "not in force"), ("%00", "There is no such code.")):
        page = browser.get(f"{checkout}?code={code}")
        assert page.status_code == 200
        assert why in text_of(page)
        assert "Pay €47.75" in text_of(page)
    page = browser.get(f"{checkout}?code=once")
    with module_database.transaction() as session:
        session.execute(text("update promotion set uses = 1 where code = 'ONCE' and vendor_id = :v"), {"v": sale.vendor.id})
    answer = browser.post(checkout, data={"key": field(page, "key", f'action="{checkout}"'), **GUEST, "code": "ONCE"})
    assert answer.status_code == 409
    assert "used as often as it may be" in text_of(answer)
    assert "Pay €47.75" in text_of(answer)
    pay(browser, checkout, answer)


def test_trying_many_codes_is_stopped(browser: TestClient, new_event: NewEvent) -> None:
    checkout = hold(browser, new_event(), [0])
    statuses = [browser.get(f"{checkout}?code=GUESS{number}").status_code for number in range(35)]
    assert set(statuses[:30]) == {200}
    assert set(statuses[30:]) == {429}


def test_an_access_code_opens_seats_on_the_seat_page(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    assert "Access code" not in text_of(browser.get(f"/events/{sale.event.id}"))
    types = [sale.seated_type.id, sale.standing_type.id]
    make_promotion(module_database, sale, code="FRIENDS", kind=PromotionKind.ACCESS, ticket_type_ids=types)
    assert "Access code" in text_of(browser.get(f"/events/{sale.event.id}"))
    form = hold_form(browser, sale, [0])
    refused = browser.post(f"/events/{sale.event.id}/hold", data=form)
    assert refused.status_code == 409
    assert "need an access code" in text_of(refused)
    opened = browser.post(f"/events/{sale.event.id}/hold", data=hold_form(browser, sale, [0]) | {"code": "friends"})
    assert opened.headers["location"].startswith("/checkout/")


def test_a_tracking_link_is_on_the_order_that_follows(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    radio = make_promotion(module_database, sale, code="RADIO", kind=PromotionKind.AFFILIATE, event_id=sale.event.id)
    answer = browser.get(path_of(radio.link))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/events/{sale.event.id}")
    assert "httponly" in answer.headers["set-cookie"].lower()
    checkout = hold(browser, sale, [0])
    order = pay(browser, checkout, browser.get(checkout))
    with module_database.transaction() as session:
        referrer = session.execute(text("select referrer from ticket_order where id = :o"), {"o": id_in(order)}).scalar_one()
    assert referrer == "affiliate:RADIO"
    assert read_promotion(module_database, sale, radio).uses == 1


def test_the_link_of_a_discount_fills_in_its_code(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    spring = make_promotion(module_database, sale, percent=20)
    browser.get(path_of(spring.link))
    checkout = hold(browser, sale, [0])
    assert "Pay €38.75" in text_of(browser.get(checkout))
    assert "Pay €47.75" in text_of(browser.get(f"{checkout}?code="))
    elsewhere = hold(browser, new_event(), [0])
    assert "Pay €47.75" in text_of(browser.get(elsewhere))


def test_the_link_of_an_access_code_opens_its_seats(browser: TestClient, new_event: NewEvent, module_database: Database) -> None:
    sale = new_event()
    friends = make_promotion(module_database, sale, code="FRIENDS", kind=PromotionKind.ACCESS, ticket_type_ids=[sale.seated_type.id])
    browser.get(path_of(friends.link))
    hold(browser, sale, [0])


@pytest.mark.parametrize("code", ["NOSUCHLINK", "%00", "a" * 5000, "..%2F..%2Fevil"])
def test_a_link_that_is_none_leads_nowhere(browser: TestClient, code: str) -> None:
    answer = browser.get(f"/go/{code}")
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


def test_the_link_of_an_ended_promotion_is_not_remembered(
    app: FastAPI, browser: TestClient, new_event: NewEvent, module_database: Database
) -> None:
    sale = new_event()
    radio = make_promotion(module_database, sale, code="RADIO", kind=PromotionKind.AFFILIATE)
    end_promotion(module_database, sale, radio)
    answer = browser.get(path_of(radio.link))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "set-cookie" not in answer.headers
