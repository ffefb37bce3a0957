"""A buyer in a real browser: from what is on to a ticket with its QR code; with a keyboard; without JavaScript; too late."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.world import World, world

Watch = Callable[..., Watched]
PAID_WITHIN_MS = 20_000


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(events=2, seats=200, buyers=1) as running:
        yield running


def choose(page: Page, site: World, *seats: str) -> None:
    """From the event's page to the seats of its section, and choose."""
    page.goto(f"{site.shop}/events/{site.events[0]}")
    page.get_by_role("link", name="Stalls").click()
    for seat in seats:
        page.get_by_role("checkbox", name=f"Row {seat}, €47.75, available", exact=True).check()


def check_out(page: Page) -> None:
    """From the seats to the provider's page and back to the tickets."""
    page.get_by_role("button", name="Hold these seats").click()
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_role("button", name="Pay €").click()
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_text("✓ Paid")).to_be_visible(timeout=PAID_WITHIN_MS)


def test_a_guest_buys_two_seats_and_sees_the_tickets(site: World, watch: Watch) -> None:
    watched = watch()
    page = watched.page()
    page.goto(site.shop)
    page.get_by_role("searchbox").fill("night 0")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Night 0").click()
    page.get_by_role("link", name="Stalls").click()
    page.get_by_role("checkbox", name="Row 1 seat 3, €47.75, available", exact=True).check()
    page.get_by_role("checkbox", name="Row 1 seat 4, €47.75, available", exact=True).check()
    expect(page.locator("output")).to_have_text("€95.50 for row 1 seat 3, row 1 seat 4")
    page.get_by_role("button", name="Hold these seats").click()
    expect(page.get_by_text("Stalls, row 1, seat 3")).to_be_visible()
    page.get_by_label("E-mail").fill("not an address@x")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.evaluate("document.querySelector('form.stack').noValidate = true")
    page.get_by_role("button", name="Pay €").click()
    expect(page.get_by_role("alert")).to_have_text("This is not an e-mail address.")
    assert [complaint for complaint in watched.complaints if "422" not in complaint] == []
    watched.complaints.clear()  # browsers note every answer that is not a success
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_role("button", name="Pay €95.50").click()
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_text("✓ Paid")).to_be_visible(timeout=PAID_WITHIN_MS)
    expect(page.get_by_role("img", name="QR code of ticket")).to_have_count(2)
    page.get_by_text("Cancel the whole order").click()
    expect(page.get_by_role("button", name="Cancel and get €90.00 back")).to_be_visible()
    page.get_by_role("button", name="Cancel and get €90.00 back").click()
    expect(page.get_by_text("This order is cancelled.")).to_be_visible()
    expect(page.get_by_role("img", name="QR code of ticket")).to_have_count(0)


def test_everything_works_without_javascript(site: World, watch: Watch) -> None:
    page = watch(java_script_enabled=False).page()
    choose(page, site, "2 seat 5")
    check_out(page)
    expect(page.get_by_role("img", name="QR code of ticket")).to_have_count(1)


def test_seats_are_chosen_with_arrow_keys(site: World, watch: Watch) -> None:
    page = watch().page()
    choose(page, site, "3 seat 2")
    page.get_by_role("checkbox", name="Row 3 seat 2, €47.75, available", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="Row 4 seat 3, €47.75, available", exact=True)).to_be_checked()
    expect(page.locator("output")).to_have_text("€95.50 for row 3 seat 2, row 4 seat 3")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_role("checkbox", name="Row 4 seat 10, €47.75, available", exact=True)).to_be_checked()
    assert page.locator("input[name=seat][tabindex='0']").count() == 1  # the grid is one stop for the tab key
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Hold these seats")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Checkout")).to_be_visible()


def test_no_more_seats_are_chosen_than_one_person_may_have(site: World, watch: Watch) -> None:
    page = watch().page()
    choose(page, site, *(f"10 seat {number}" for number in range(1, 9)), *(f"11 seat {number}" for number in (1, 2)))
    page.get_by_role("checkbox", name="Row 12 seat 1, €47.75, available", exact=True).click()
    expect(page.get_by_role("checkbox", name="Row 12 seat 1, €47.75, available", exact=True)).not_to_be_checked()
    expect(page.locator("output")).to_contain_text("10 is the most per person")


def test_a_taken_seat_is_said_and_the_others_stay_chosen(site: World, watch: Watch) -> None:
    slow, fast = watch().page(), watch().page()
    silent = {"content_type": "text/event-stream", "body": "retry: 60000\n\n"}  # else the page would show it before it is sent
    slow.route("**/seats/stream", lambda route: route.fulfill(**silent))
    choose(slow, site, "5 seat 1", "5 seat 2")
    choose(fast, site, "5 seat 2")
    fast.get_by_role("button", name="Hold these seats").click()
    expect(fast.get_by_role("heading", name="Checkout")).to_be_visible()
    slow.get_by_role("button", name="Hold these seats").click()
    expect(slow.get_by_role("alert")).to_contain_text("Just taken by somebody else: row 5 seat 2")
    expect(slow.get_by_role("checkbox", name="Row 5 seat 1, €47.75, available", exact=True)).to_be_checked()
    expect(slow.get_by_role("gridcell", name="Row 5 seat 2, €47.75, held", exact=True)).to_be_visible()


def test_a_declined_payment_can_be_tried_again(site: World, watch: Watch) -> None:
    page = watch().page()
    choose(page, site, "6 seat 1")
    page.get_by_role("button", name="Hold these seats").click()
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Pay €").click()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_role("alert")).to_contain_text("The payment was declined")
    page.get_by_role("button", name="Try again to pay €47.75").click()
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_text("✓ Paid")).to_be_visible(timeout=PAID_WITHIN_MS)


def test_pages_stay_in_their_width_on_a_phone_in_the_dark(site: World, watch: Watch) -> None:
    page = watch(viewport={"width": 390, "height": 844}, color_scheme="dark").page()
    for address in (site.shop, f"{site.shop}/events/{site.events[0]}", f"{site.shop}/sign-in"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{site.shop}/events/{site.events[0]}")


def test_a_stranger_does_not_see_an_order(site: World, watch: Watch) -> None:
    buyer, stranger = watch().page(), watch()
    choose(buyer, site, "7 seat 1")
    check_out(buyer)
    page = stranger.page()
    choose(page, site, "7 seat 2")
    page.get_by_role("button", name="Hold these seats").click()
    answer = page.request.get(buyer.url)
    assert answer.status == 404
