"""From a choice of seats to tickets, and what goes wrong on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.storefront.conftest import NewBrowser, NewEvent
from tests.storefront.reading import field, hold, hold_form, id_in, order_page, section_of, text_of
from ticketing.foundation.db import Database
from ticketing.payments.providers import ProviderNotice


@dataclass(frozen=True)
class Asked:
    """A payment as the provider knows it."""

    id: UUID
    provider_ref: str
    amount_minor: int
    currency: str


def newest_payment(database: Database, order_id: UUID) -> Asked:
    with database.transaction() as session:
        query = text("select id, provider_ref, amount_minor, currency from payment where order_id = :order order by id desc limit 1")
        return Asked(*session.execute(query, {"order": order_id}).one())


def settle(app: FastAPI, order_id: UUID, kind: str = "payment.captured") -> None:
    """What the provider's webhook would bring."""
    payment = newest_payment(app.state.database, order_id)
    notice = ProviderNotice(
        provider="fake",
        event_key=uuid4().hex,
        kind=kind,
        payment_ref=payment.provider_ref,
        reference=payment.id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        body=b"{}",
    )
    app.state.booking.wait(app.state.booking.settle(notice))


def test_guest_has_tickets_when_the_payment_arrives(app: FastAPI, browser: TestClient, new_event: NewEvent) -> None:
    checkout = hold(browser, new_event(), [20, 21])
    said = text_of(browser.get(checkout))
    assert "Stalls, row C, seat 1" in said
    assert "€95.50" in said
    order = order_page(browser, checkout)
    waiting = browser.get(order)
    assert "Waiting for your payment" in text_of(waiting)
    assert 'http-equiv="refresh"' in waiting.text
    settle(app, id_in(order))
    paid = browser.get(order)
    assert "Paid" in text_of(paid)
    assert 'http-equiv="refresh"' not in paid.text
    assert paid.text.count('class="qr"') == 2
    assert "row C · seat 2" in text_of(paid)


def test_order_is_not_shown_when_somebody_else_asks(app: FastAPI, new_browser: NewBrowser, new_event: NewEvent) -> None:
    ada, bob = new_browser(), new_browser()
    sale = new_event()
    order = order_page(ada, hold(ada, sale, [1]))
    assert bob.get(order).headers["location"] == "/sign-in"
    hold(bob, sale, [2])
    assert bob.get(order).status_code == 404


def test_pressing_twice_makes_one_hold_when_nobody_is_signed_in(new_browser: NewBrowser, new_event: NewEvent) -> None:
    sale, browser, impatient = new_event(), new_browser(), new_browser()
    form = hold_form(browser, sale, [5])
    answers = [tab.post(f"/events/{sale.event.id}/hold", data=form) for tab in (browser, impatient)]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert answers[0].headers["location"].startswith("/checkout/")


def test_lost_seats_are_named_and_the_others_kept_when_somebody_was_faster(new_browser: NewBrowser, new_event: NewEvent) -> None:
    sale, ada, bob = new_event(), new_browser(), new_browser()
    form = hold_form(bob, sale, [10, 11])
    hold(ada, sale, [10])
    answer = bob.get(bob.post(f"/events/{sale.event.id}/hold", data=form).headers["location"])
    assert "Just taken by somebody else: row B seat 1." in text_of(answer)
    assert answer.text.count(" checked>") == 1
    assert 'aria-label="Row B seat 2, €47.75, available" title="Row B seat 2, €47.75" checked' in answer.text
    assert 'aria-label="Row B seat 1, €47.75, held"' in answer.text


def test_choice_is_refused_with_advice_when_it_is_more_than_one_may_have(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event(max_per_buyer=2)
    answer = browser.post(f"/events/{sale.event.id}/hold", data=hold_form(browser, sale, [1, 2, 3]))
    assert answer.status_code == 409
    assert "choose fewer" in text_of(answer)
    assert f'href="/events/{sale.event.id}"' in answer.text


def test_form_is_refused_when_nothing_is_chosen_or_it_has_no_key(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event()
    nothing = browser.post(f"/events/{sale.event.id}/hold", data=hold_form(browser, sale, []))
    assert (nothing.status_code, "No place is chosen yet" in text_of(nothing)) == (422, True)
    keyless = browser.post(f"/events/{sale.event.id}/hold", data={"seat": "1"})
    assert (keyless.status_code, "could not be read: key" in text_of(keyless)) == (422, True)


def test_places_are_taken_by_number_when_the_area_is_standing(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event(places=3)
    page = browser.get(f"/events/{sale.event.id}")
    form = {"key": field(page, "key"), "pool": field(page, "pool"), "quantity": "3"}
    answer = browser.post(f"/events/{sale.event.id}/hold", data=form)
    assert "Floor × 3" in text_of(browser.get(answer.headers["location"]))


def test_too_many_places_are_refused_when_fewer_are_left(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event(places=3)
    page = browser.get(f"/events/{sale.event.id}")
    form = {"key": field(page, "key"), "pool": field(page, "pool"), "quantity": "4"}
    answer = browser.post(f"/events/{sale.event.id}/hold", data=form)
    assert (answer.status_code, "Fewer places are left" in text_of(answer)) == (410, True)


def test_hold_is_extended_once_when_more_time_is_wanted(browser: TestClient, new_event: NewEvent) -> None:
    checkout = hold(browser, new_event(), [1])
    assert browser.post(f"{checkout}/extend").headers["location"] == checkout
    assert "I need more time" not in text_of(browser.get(checkout))
    assert browser.post(f"{checkout}/extend").status_code == 409


def test_seats_are_free_again_when_given_back(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event()
    checkout = hold(browser, sale, [1])
    assert browser.post(f"{checkout}/release").headers["location"] == f"/events/{sale.event.id}"
    assert browser.get(checkout).status_code == 410
    assert 'aria-label="Row A seat 2, €47.75, available"' in browser.get(section_of(browser, sale)).text


def test_checkout_says_so_when_the_time_is_over(app: FastAPI, browser: TestClient, new_event: NewEvent) -> None:
    checkout = hold(browser, new_event(), [1])
    app.state.database.clock = datetime.now(UTC) + timedelta(minutes=11)
    try:
        answer = browser.get(checkout)
    finally:
        app.state.database.clock = None
    assert answer.status_code == 410
    assert "The time for these places has run out" in text_of(answer)
    assert "Choose again" in text_of(answer)


def test_form_keeps_what_was_typed_when_the_address_is_none(browser: TestClient, new_event: NewEvent) -> None:
    checkout = hold(browser, new_event(), [1])
    key = field(browser.get(checkout), "key")
    answer = browser.post(checkout, data={"key": key, "name": "Ada Lovelace", "email": "ada"})
    assert answer.status_code == 422
    assert "not an e-mail address" in text_of(answer)
    assert 'value="Ada Lovelace"' in answer.text


def test_payment_can_be_tried_again_when_it_was_declined(app: FastAPI, browser: TestClient, new_event: NewEvent) -> None:
    order = order_page(browser, hold(browser, new_event(), [1]))
    settle(app, id_in(order), "payment.failed")
    declined = browser.get(order)
    assert "The payment was declined" in text_of(declined)
    assert 'http-equiv="refresh"' not in declined.text
    first = newest_payment(app.state.database, id_in(order)).id
    again = browser.post(f"{order}/pay", data={"key": field(declined, "key", f"{order}/pay")})
    assert again.status_code == 303
    assert newest_payment(app.state.database, id_in(order)).id != first
    settle(app, id_in(order))
    assert "Paid" in text_of(browser.get(order))


def test_refund_is_shown_before_it_is_made_when_an_order_is_cancelled(app: FastAPI, browser: TestClient, new_event: NewEvent) -> None:
    order = order_page(browser, hold(browser, new_event(), [1]))
    settle(app, id_in(order))
    paid = browser.get(order)
    assert "You would get back €45.00 of €47.75" in text_of(paid)  # the fee is kept
    cancelled = browser.post(f"{order}/cancel", data={"key": field(paid, "key", f"{order}/cancel")})
    assert cancelled.headers["location"] == order
    after = browser.get(order)
    assert "This order is cancelled. Your refund is on its way." in text_of(after)
    assert 'class="qr"' not in after.text


def test_one_ticket_of_several_is_cancelled_by_itself(app: FastAPI, browser: TestClient, new_event: NewEvent) -> None:
    order = order_page(browser, hold(browser, new_event(), [1, 2]))
    settle(app, id_in(order))
    paid = browser.get(order)
    form = re.search(rf"{order}/tickets/[0-9a-f-]+/cancel", paid.text)
    assert form
    assert text_of(paid).count("Cancel this ticket") == 4  # a summary and a button each
    assert text_of(paid).count("You would get back €45.00") == 2
    assert browser.post(form[0], data={"key": field(paid, "key", form[0])}).headers["location"] == order
    after = browser.get(order)
    assert after.text.count('class="qr"') == 1
    assert "Cancel this ticket" not in after.text
    assert "You would get back €45.00 of" in text_of(after)


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "http://elsewhere.example"}])
def test_form_of_another_site_is_refused(new_browser: NewBrowser, new_event: NewEvent, headers: dict[str, str]) -> None:
    sale, browser = new_event(), new_browser()
    form = hold_form(browser, sale, [1])
    assert browser.post(f"/events/{sale.event.id}/hold", data=form, headers=headers).status_code == 403
    own = {"sec-fetch-site": "same-origin", "origin": "http://localhost:8000"}
    assert browser.post(f"/events/{sale.event.id}/hold", data=form, headers=own).status_code == 303
