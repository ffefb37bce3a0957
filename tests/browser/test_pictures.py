"""Pictures of the shop for the documentation, of a season like the demo's: `pytest tests/browser --screenshots docs/screenshots`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests import factories
from tests.browser.conftest import Watched
from tests.world import world
from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.db import Database
from ticketing.inventory.claim import SeatsTaken
from ticketing.orders.booking import Booking
from ticketing.simulation.market import make_season

Watch = Callable[..., Watched]
Picture = Callable[[Page, str], None]
SHOW = "Nachtfalter"
"""A show of the season, in a theatre with curved rows."""


def take(page: Page, shop: str, picture: Picture, suffix: str) -> None:
    """From the list to the tickets."""
    page.goto(shop)
    picture(page, f"browse{suffix}")
    page.get_by_role("searchbox").fill(SHOW)
    page.get_by_role("button", name="Find").click()
    page.locator("a.card").first.click()
    picture(page, f"event{suffix}")
    page.locator("a[href*='/sections/']").first.click()
    free = page.locator("input[name=seat]")
    middle = free.count() // 2
    free.nth(middle).check()
    free.nth(middle).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator("output")).to_contain_text(" for row ")
    page.evaluate("scrollTo(0, 0)")
    picture(page, f"seats{suffix}")
    page.get_by_role("button", name="Hold these seats").click()
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Name").fill("Ada Lovelace")
    picture(page, f"checkout{suffix}")
    page.get_by_role("button", name="Pay ").click()
    picture(page, f"payment{suffix}")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_text("✓ Paid")).to_be_visible(timeout=20_000)
    picture(page, f"tickets{suffix}")


def sell_some(database: Database) -> None:
    """So that the plan is not empty: house seats, and seats that others hold."""
    with database.transaction() as session:
        events = list(session.execute(text("select id from event where title = :title"), {"title": SHOW}).scalars())
        session.execute(
            text("update event_seat set state = 'blocked', block_reason = 'house' where event_id = any(:events) and seat_no % 100 < 27"),
            {"events": events},
        )
        buyers = factories.buyer_ids(session, 9)
    booking = Booking(database, providers={})
    booking.start()
    for event in events:
        for number, buyer in enumerate(buyers):
            seats = [30 + number * 24 + place for place in range(2 + number % 3)]
            with suppress(SeatsTaken):
                booking.wait(booking.hold(event_id=event, buyer_id=buyer, key=f"held:{event}", digest=b"", seats=seats))
    booking.stop()


def test_pictures_for_the_documentation(request: pytest.FixtureRequest, watch: Watch, picture: Picture) -> None:
    directory: Path | None = request.config.getoption("--screenshots")
    if directory is None:
        pytest.skip("pictures are taken when asked for: --screenshots DIRECTORY")
    with world(events=0, seats=20, buyers=0, processes=1) as site:
        make_season(site.database, cipher=ContactCipher.from_secrets(site.settings.secrets), seed=1, now=datetime.now(UTC))
        sell_some(site.database)
        take(watch().page(), site.shop, picture, "")
        phone = watch(viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2)
        take(phone.page(), site.shop, picture, "-phone-dark")
