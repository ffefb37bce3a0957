"""The API's own pages in a real browser, under our Content-Security-Policy: found, opened, read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.world import World, world

Watch = Callable[..., Watched]
Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(events=1, seats=20, buyers=1) as running:
        yield running


def test_an_operation_is_found_opened_and_followed_to_its_shape_and_problem(site: World, watch: Watch, picture: Picture) -> None:
    page = watch().page()
    page.goto(f"{site.shop}/api/docs")
    picture(page, "reference")
    page.get_by_role("navigation", name="Subjects").get_by_role("link", name="Booking").click()
    page.locator("summary", has_text="/api/events/{id}/holds").click()
    opened = page.locator("details[open]")
    expect(opened.get_by_text("Sent: seats by number")).to_be_visible()
    expect(opened.locator("pre", has_text='"seat_no": 12')).to_be_visible()
    expect(opened.get_by_role("rowheader", name="Idempotency-Key header needed")).to_be_visible()
    picture(page, "reference-operation")
    opened.get_by_role("link", name="HoldView").click()
    expect(page.get_by_text("All-in: prices and fees of all places.")).to_be_visible()  # the closed shape opens
    page.go_back()
    page.get_by_role("link", name="seats-taken").first.click()
    expect(page.get_by_role("heading", name="Seats taken")).to_be_visible()
    expect(page.get_by_text("Read how things stand now, and decide anew.")).to_be_visible()
    picture(page, "problem-type")
    page.get_by_role("link", name="POST /api/events/{id}/holds").click()
    expect(page.locator("#create_hold").get_by_text("Sent: seats by number")).to_be_visible()


def test_the_pages_fit_a_narrow_screen_and_need_no_script(site: World, watch: Watch, picture: Picture) -> None:
    page = watch(viewport={"width": 360, "height": 740}, java_script_enabled=False).page()
    for path in ("/api/docs", "/problems", "/problems/seats-taken", "/api/docs#create_hold"):
        page.goto(f"{site.shop}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        wide = page.locator("html").bounding_box()
        assert wide is not None
        assert wide["width"] <= 360, path
    picture(page, "reference-narrow")


def test_every_link_within_the_pages_leads_somewhere(site: World, watch: Watch) -> None:
    page = watch().page()
    page.goto(f"{site.shop}/api/docs")
    broken = page.evaluate(
        "() => [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => !document.getElementById(decodeURIComponent(id)))"
    )
    assert broken == []
    anchors = set(page.evaluate("() => [...document.querySelectorAll('[id]')].map(e => e.id)"))
    kinds = page.evaluate("() => [...new Set([...document.querySelectorAll('a[href^=\"/problems/\"]')].map(a => a.getAttribute('href')))]")
    assert len(kinds) > 80
    for path in kinds:
        answer = page.request.get(f"{site.shop}{path}")
        assert answer.status == 200, path
    page.goto(f"{site.shop}/problems/invalid")
    targets = page.evaluate("() => [...document.querySelectorAll('a[href^=\"/api/docs#\"]')].map(a => a.hash.slice(1))")
    assert targets
    assert set(targets) <= anchors
