"""Two people look at the same seats: what one takes greys out for the other, and comes back, without a reload."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.world import World, world

Watch = Callable[..., Watched]
AT_ONCE_MS = 5_000


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(events=1, seats=200, buyers=1) as running:
        yield running


def seats_page(site: World, watch: Watch) -> Page:
    page = watch().page()
    page.goto(f"{site.shop}/events/{site.events[0]}")
    page.get_by_role("link", name="Stalls").click()
    return page


def test_seats_taken_by_somebody_else_grey_out_and_come_back(site: World, watch: Watch, picture: Callable[[Page, str], None]) -> None:
    mine, theirs = seats_page(site, watch), seats_page(site, watch)
    mine.get_by_role("checkbox", name="Row 2 seat 4, €47.75, available", exact=True).check()
    mine.get_by_role("checkbox", name="Row 1 seat 3, €47.75, available", exact=True).check()
    expect(mine.locator("output")).to_have_text("€95.50 for row 1 seat 3, row 2 seat 4")
    for name in ("Row 1 seat 3", "Row 1 seat 4"):
        theirs.get_by_role("checkbox", name=f"{name}, €47.75, available", exact=True).check()
    theirs.get_by_role("button", name="Hold these seats").click()
    theirs.get_by_role("heading", name="Checkout").wait_for()

    for name in ("Row 1 seat 3", "Row 1 seat 4"):
        expect(mine.get_by_role("gridcell", name=f"{name}, €47.75, held", exact=True)).to_be_visible(timeout=AT_ONCE_MS)
    expect(mine.locator("output")).to_have_text("€47.75 for row 2 seat 4 · just taken by somebody else: row 1 seat 3")
    expect(mine.locator("nav [aria-current=page] small")).to_have_text("198")
    picture(mine, "seats-taken-by-another")

    theirs.get_by_role("button", name="Give the places back").click()
    back = mine.get_by_role("checkbox", name="Row 1 seat 4, €47.75, available", exact=True)
    expect(back).to_be_visible(timeout=AT_ONCE_MS)
    expect(mine.locator("nav [aria-current=page] small")).to_have_text("200")
    back.check()
    expect(mine.locator("output")).to_have_text("€95.50 for row 1 seat 4, row 2 seat 4")
    mine.keyboard.press("ArrowLeft")
    expect(mine.get_by_role("checkbox", name="Row 1 seat 3, €47.75, available", exact=True)).to_be_focused()
    mine.get_by_role("button", name="Hold these seats").click()
    expect(mine.get_by_text("Stalls, row 1, seat 4")).to_be_visible()


def test_page_that_nobody_looks_at_does_not_listen_and_catches_up(site: World, watch: Watch) -> None:
    page = seats_page(site, watch)
    expect(page.get_by_role("checkbox", name="Row 5 seat 5, €47.75, available", exact=True)).to_be_visible()
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", True)
    other = seats_page(site, watch)
    other.get_by_role("checkbox", name="Row 5 seat 5, €47.75, available", exact=True).check()
    other.get_by_role("button", name="Hold these seats").click()
    other.get_by_role("heading", name="Checkout").wait_for()
    page.wait_for_timeout(1_500)
    expect(page.get_by_role("checkbox", name="Row 5 seat 5, €47.75, available", exact=True)).to_be_visible()
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", False)
    expect(page.get_by_role("gridcell", name="Row 5 seat 5, €47.75, held", exact=True)).to_be_visible(timeout=AT_ONCE_MS)


def test_focus_goes_to_the_next_seat_when_the_one_it_was_on_is_taken(site: World, watch: Watch) -> None:
    mine, theirs = seats_page(site, watch), seats_page(site, watch)
    mine.get_by_role("checkbox", name="Row 9 seat 2, €47.75, available", exact=True).focus()
    theirs.get_by_role("checkbox", name="Row 9 seat 2, €47.75, available", exact=True).check()
    theirs.get_by_role("button", name="Hold these seats").click()
    theirs.get_by_role("heading", name="Checkout").wait_for()
    expect(mine.get_by_role("checkbox", name="Row 9 seat 3, €47.75, available", exact=True)).to_be_focused(timeout=AT_ONCE_MS)
