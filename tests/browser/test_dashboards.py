"""A vendor in a real browser: signs in at the shop, sees the figures the ledger has, and nothing of another vendor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from flows.roll_up_sales import roll_up
from tests import factories
from tests.browser.conftest import Watched
from tests.buying import buy
from tests.venues.halls import hall
from tests.world import World, wait_for, world
from ticketing.accounts import service as accounts
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import MemberRole
from ticketing.foundation.db import database_now
from ticketing.foundation.money import Money
from ticketing.orders.booking import Booking

Watch = Callable[..., Watched]
Picture = Callable[[Page, str], None]
PASSWORD = "a good password"
SHOWN_WITHIN_MS = 30_000


@dataclass(frozen=True)
class Desk:
    site: World
    mine: factories.OnSale
    other: factories.OnSale

    @property
    def address(self) -> str:
        return f"http://localhost:{self.site.desk_port}"

    def one(self, query: str, **parameters: object) -> Any:
        with self.site.database.transaction() as session:
            return session.execute(text(query), parameters).one()

    def ledger_gross(self, sale: factories.OnSale) -> str:
        """What the ledger says was charged for an event."""
        query = (
            "select coalesce(-sum(amount_minor), 0)::bigint from ledger_entry where event_id = :event and journal_kind = 'sale'"
            " and account in ('vendor_payable', 'platform_fee', 'tax')"
        )
        with self.site.database.transaction() as session:
            amount = session.execute(text(query), {"event": sale.event.id}).scalar_one()
        return Money(amount, sale.event.currency).format()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with world(events=1, seats=20, buyers=1, processes=1) as site:
        cipher = ContactCipher.from_secrets(site.settings.secrets)
        password_hash = hash_password(PASSWORD)
        with site.database.transaction() as session:
            mine = factories.make_event_on_sale(session, title="Nocturnes under glass")
            other = factories.make_event_on_sale(session, title="Somebody else's night")
            now = database_now(session)
            both = [mine.vendor.id, other.vendor.id]
            for name, vendors in (("owner", both[:1]), ("partner", both), ("operator", []), ("nobody", [])):
                user = accounts.register(
                    session,
                    email=f"{name}@example.org",
                    password_hash=password_hash,
                    display_name=name,
                    cipher=cipher,
                    now=now,
                    is_operator=name == "operator",
                )
                for vendor_id in vendors:
                    accounts.add_member(session, vendor_id=vendor_id, user_id=user, role=MemberRole.OWNER)
            buyers = factories.buyer_ids(session, 6)
        booking = Booking(site.database, providers={})
        booking.start()
        for number, buyer in enumerate(buyers):
            buy(booking, mine, buyer, seats=[2 * number, 2 * number + 1], places=number % 3)
        buy(booking, other, buyers[0], seats=[1])
        cancelled = buy(booking, mine, buyers[1], seats=[40])
        booking.wait(booking.cancel_order(order_id=cancelled.id, buyer_id=buyers[1], key="c", digest=b""))
        booking.stop()
        roll_up(site.settings, site.database)
        site.start("dashboards", "--port", str(site.desk_port))
        wait_for(f"http://127.0.0.1:{site.desk_port}/_stcore/health")
        yield Desk(site, mine, other)


def sign_in(page: Page, desk: Desk, name: str) -> None:
    page.goto(desk.address)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def own_address_only(watched: Watched) -> None:
    """A page opened by its own address asks for its parts relative to that address first: Streamlit's way, answered by 404."""
    watched.complaints[:] = [complaint for complaint in watched.complaints if "404" not in complaint]


def test_an_owner_signs_in_and_sees_what_the_ledger_has(desk: Desk, watch: Watch, picture: Picture) -> None:
    watched = watch(viewport={"width": 1360, "height": 1100})
    page = watched.page()
    sign_in(page, desk, "owner")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    gross = desk.ledger_gross(desk.mine)
    expect(page.get_by_test_id("stMetricValue").filter(has_text=gross).first).to_be_visible()
    expect(page.get_by_text("Data as of")).to_be_visible()
    page.wait_for_timeout(1500)
    picture(page, "dashboard-overview")
    page.get_by_role("link", name="Event sales").click()
    expect(page.get_by_role("heading", name="Nocturnes under glass")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    expect(page.get_by_test_id("stMetricValue").filter(has_text=gross).first).to_be_visible()
    expect(page.get_by_text("Stalls sells best")).to_be_visible()
    page.wait_for_timeout(1500)
    picture(page, "dashboard-event-sales")
    assert "Somebody else's night" not in page.content()


def test_another_vendors_event_is_not_found_when_its_address_is_typed(desk: Desk, watch: Watch) -> None:
    watched = watch()
    page = watched.page()
    sign_in(page, desk, "owner")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    page.goto(f"{desk.address}/event_sales?event={desk.other.event.id}")
    expect(page.get_by_text("There is no such event among yours")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    assert "Somebody else's night" not in page.content()
    own_address_only(watched)


def test_nobody_gets_in_without_business_there(desk: Desk, watch: Watch) -> None:
    watched = watch()
    page = watched.page()
    sign_in(page, desk, "nobody")
    expect(page.get_by_role("alert")).to_contain_text("The dashboards are for members")
    watched.complaints[:] = [complaint for complaint in watched.complaints if "403" not in complaint]


def test_an_operator_who_is_no_member_has_no_permission(desk: Desk, watch: Watch) -> None:
    page = watch().page()
    sign_in(page, desk, "operator")
    expect(page.get_by_role("heading", name="No permission")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    expect(page.get_by_role("link", name="Sign out")).to_be_visible()
    assert page.get_by_test_id("stMetricValue").count() == 0


def test_the_chosen_vendor_stays_from_page_to_page(desk: Desk, watch: Watch, picture: Picture) -> None:
    page = watch(color_scheme="dark", viewport={"width": 1360, "height": 1100}).page()
    sign_in(page, desk, "partner")
    expect(page.get_by_role("heading", name="Coming events")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    page.goto(f"{desk.address}/?vendor={desk.other.vendor.slug}")
    expect(page.get_by_role("link", name="Somebody else's night")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    picture(page, "dashboard-overview-dark")
    page.get_by_role("link", name="Event sales").click()
    expect(page.get_by_role("heading", name="Somebody else's night")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    assert f"vendor={desk.other.vendor.slug}" in page.url
    assert "Nocturnes" not in page.content()
    page.goto(f"{desk.address}/?vendor=not-mine")
    expect(page.get_by_role("heading", name="No permission")).to_be_visible(timeout=SHOWN_WITHIN_MS)


def test_signing_out_reaches_an_open_tab(desk: Desk, watch: Watch) -> None:
    watched = watch()
    page = watched.page()
    sign_in(page, desk, "owner")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    with desk.site.database.transaction() as session:
        session.execute(text("update user_session set revoked_at = app_now() where audience = 'desk'"))
    page.get_by_role("link", name="Event sales").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=SHOWN_WITHIN_MS)


def test_an_owner_closes_sales_by_a_double_click_and_they_are_closed_once(desk: Desk, watch: Watch, picture: Picture) -> None:
    watched = watch(viewport={"width": 1360, "height": 1300})
    page = watched.page()
    sign_in(page, desk, "owner")
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.get_by_role("link", name="Nocturnes under glass")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    assert "Somebody else's night" not in page.content()
    expect(page.get_by_role("cell", name="18 of 150")).to_be_visible()
    picture(page, "dashboard-events")
    page.get_by_role("link", name="Nocturnes under glass").click()
    page.get_by_role("button", name="Close sales …").click()
    expect(page.get_by_text("Sell nothing more of")).to_be_visible()
    page.get_by_text("Clone to another night").click()
    page.wait_for_timeout(1000)
    picture(page, "dashboard-event")
    page.get_by_role("button", name="Close sales", exact=True).dblclick()
    expect(page.get_by_text("Sales are closed.")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    expect(page.get_by_role("button", name="Reopen sales …")).to_be_visible()
    closed = desk.one("select sales_paused_at, version from event where id = :event", event=desk.mine.event.id)
    assert closed.sales_paused_at is not None
    entries = "select count(*) from audit_entry where action = 'event.sales_closed' and subject_id = :event"
    assert desk.one(entries, event=desk.mine.event.id)[0] == 1
    own_address_only(watched)


def test_an_owner_uploads_a_plan_and_publishes_it(desk: Desk, watch: Watch, picture: Picture) -> None:
    watched = watch(viewport={"width": 1360, "height": 1300})
    page = watched.page()
    sign_in(page, desk, "owner")
    page.get_by_role("link", name="Venues", exact=True).click()
    page.get_by_role("link", name="Hall", exact=True).click()
    page.get_by_text("Upload a seating plan").click()
    plan = json.dumps(hall({"A": 6, "B": 6}, floor=80)).encode()
    page.locator("input[type=file]").set_input_files({"name": "plan.json", "mimeType": "application/json", "buffer": plan})
    page.get_by_role("button", name="Make a draft …").click()
    expect(page.get_by_text("with 12 seats and 80 standing places")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    page.get_by_role("button", name="Make a draft", exact=True).click()
    page.get_by_role("button", name="Publish version 2 …").click()
    page.get_by_role("button", name="Publish", exact=True).dblclick()
    expect(page.get_by_text("Version 2 is published.")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    expect(page.get_by_role("heading", name="Reseating plans")).to_be_visible()
    page.wait_for_timeout(1000)
    picture(page, "dashboard-venue")
    published = "select count(*) from layout where configuration_id = (select configuration_id from layout where id = :layout)"
    own_address_only(watched)
    assert desk.one(f"{published} and published_at is not null", layout=desk.mine.event.layout_id)[0] == 2


def test_no_other_site_can_open_a_session_here(desk: Desk) -> None:
    """A page elsewhere must not click in the dashboards of whoever visits it: its origin is refused before anything runs."""

    async def status(origin: str) -> int:
        address = f"http://127.0.0.1:{desk.site.desk_port}/_stcore/stream"
        try:
            async with aiohttp.ClientSession() as client, client.ws_connect(address, origin=origin):
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status

    with ThreadPoolExecutor(1) as thread:  # the browser's own loop runs in this one
        answers = [thread.submit(asyncio.run, status(origin)).result() for origin in (desk.address, "https://elsewhere.example")]
    assert answers == [101, 403]
