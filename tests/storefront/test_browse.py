"""Browsing, the event page, the seat map."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from tests.factories import unique
from tests.storefront.conftest import NewEvent
from tests.storefront.reading import section_of, text_of


def test_event_is_listed_with_its_all_in_price_when_it_is_on_sale(browser: TestClient, new_event: NewEvent) -> None:
    title = unique("Concert")
    new_event(title=title)
    listed = text_of(browser.get("/", params={"search": title}))
    assert title in listed
    assert "(Berlin time)" in listed
    assert "from €24.12" in listed  # 22.50 for a standing place, 5 % of it and 0.50


def test_list_says_what_to_do_when_nothing_fits(browser: TestClient) -> None:
    answer = browser.get("/", params={"search": "no such show"})
    assert answer.status_code == 200
    assert "Nothing fits “no such show”" in text_of(answer)
    assert 'href="/"' in answer.text


def test_later_events_are_on_the_next_page_when_there_are_many(browser: TestClient, new_event: NewEvent) -> None:
    category = unique("kind")
    for number in range(26):
        new_event(title=f"Night {number}", category=category, seats=1, places=1)
    first = browser.get("/", params={"category": category})
    assert first.text.count('class="card"') == 24
    match = re.search(r'href="(/\?[^"]*cursor[^"]*)"', first.text)
    assert match is not None
    second = browser.get(match[1].replace("&amp;", "&"))
    assert second.text.count('class="card"') == 2


def test_event_page_has_prices_sections_and_preview_when_on_sale(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event(title="<b>Loud</b> night", description="Two sets.", max_per_buyer=8)
    answer = browser.get(f"/events/{sale.event.id}")
    assert "<b>Loud</b>" not in answer.text
    assert 'property="og:title" content="&lt;b&gt;Loud' in answer.text
    said = text_of(answer)
    for part in ("Two sets.", "€47.75", "€24.12", "50 seats", "100 places", "8 places per person", "until 2 days before"):
        assert part in said


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"sales_open_at": datetime.now(UTC) + timedelta(days=2)}, "On sale from"),
        ({"status": "cancelled"}, "This event is cancelled"),
        ({"sales_paused_at": datetime.now(UTC)}, "Not on sale now"),
        ({"seats": 0, "places": 0}, "Sold out"),
    ],
)
def test_event_page_offers_nothing_when_nothing_can_be_bought(
    browser: TestClient, new_event: NewEvent, overrides: dict[str, object], said: str
) -> None:
    answer = browser.get(f"/events/{new_event(**overrides).event.id}")
    assert said in text_of(answer)
    assert "/sections/" not in answer.text
    assert "/hold" not in answer.text


def test_seats_are_named_priced_and_choosable_when_shown(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event(seats=30)
    answer = browser.get(section_of(browser, sale))
    assert answer.text.count('type="checkbox"') == 30
    assert 'aria-label="Row C seat 3, €47.75, available"' in answer.text
    assert 'role="grid"' in answer.text
    assert answer.text.count('role="row"') == 3


def test_large_section_is_shown_in_parts_when_it_has_more_than_600_seats(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event(seats=601)
    assert 'aria-label="Part of Stalls"' in browser.get(section_of(browser, sale)).text


@pytest.mark.parametrize("address", ["/nowhere", "/events/not-an-id", f"/events/{uuid4()}", "/events"])
def test_page_says_so_when_an_address_leads_nowhere(browser: TestClient, address: str) -> None:
    answer = browser.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in text_of(answer)


def test_problem_json_is_kept_when_the_api_is_asked(browser: TestClient) -> None:
    answer = browser.get("/api/events/not-an-id")
    assert answer.headers["content-type"] == "application/problem+json"


def test_pages_need_nothing_from_outside_and_no_inline_code(browser: TestClient, new_event: NewEvent) -> None:
    sale = new_event()
    for address in ("/", f"/events/{sale.event.id}", section_of(browser, sale), "/sign-in", "/nowhere"):
        answer = browser.get(address)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", answer.text)
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_static_files_are_kept_by_browsers_when_the_address_has_their_hash(browser: TestClient) -> None:
    match = re.search(r'href="(/static/shop\.css\?v=[0-9a-f]+)"', browser.get("/").text)
    assert match is not None
    assert "immutable" in browser.get(match[1]).headers["cache-control"]
    assert "immutable" not in browser.get("/static/shop.css").headers.get("cache-control", "")


def test_the_order_that_was_chosen_is_kept_by_form_and_next_page(browser: TestClient, new_event: NewEvent) -> None:
    for number in range(26):
        new_event(title=f"Sorted {number}", price_minor=1_000 + 100 * number)
    first = browser.get("/", params={"search": "Sorted", "sort": "price_desc"})
    assert '<option value="price_desc" selected>' in first.text
    assert first.text.index("Sorted 25<") < first.text.index("Sorted 24<")
    (following,) = re.findall(r'href="(/\?[^"]*cursor=[^"]*)"', first.text)
    second = browser.get(html.unescape(following))
    assert "Sorted 0<" in second.text
    assert "Sorted 25<" not in second.text
    assert browser.get("/", params={"sort": "colour"}).status_code == 422
