"""Selling now: exactly as many tickets as were asked for, or everything there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import factories
from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import run_all
from ticketing.simulation.sellout import NothingToSell, SelloutReport, sell


@pytest.fixture(scope="module")
def provider(settings: Settings) -> Iterator[FakeProviderProcess]:
    with start_fake_provider(settings, options=("--decline", "0.05")) as provider:
        yield provider


def sell_some(database: Database, settings: Settings, provider: FakeProviderProcess, sale: factories.OnSale, tickets: int) -> SelloutReport:
    cipher = ContactCipher.from_secrets(settings.secrets)
    return sell(database, provider.client(), cipher=cipher, vendor_id=sale.vendor.id, tickets=tickets, seed=1)


def test_sale_ends_at_the_number_and_then_when_all_is_gone(database: Database, settings: Settings, provider: FakeProviderProcess) -> None:
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session, seats=60, places=40)
    first = sell_some(database, settings, provider, sale, 70)
    assert (first.tickets, first.sold_out) == (70, False)
    rest = sell_some(database, settings, provider, sale, 100)
    assert rest.sold_out
    assert rest.tickets <= 30
    with database.connect(Role.READER) as connection:
        assert connection.execute("select count(*) from ticket").fetchone() == (first.tickets + rest.tickets,)
        gross = connection.execute("select sum(total_minor) from ticket_order where confirmed_at is not null").fetchone()
    assert gross == (first.gross_minor["EUR"] + rest.gross_minor["EUR"],)
    assert [result.code for result in run_all(database) if not result.holds] == []


def test_sale_is_refused_when_nothing_is_on_sale(database: Database, settings: Settings, provider: FakeProviderProcess) -> None:
    with database.transaction() as session:
        sale = factories.make_event_on_sale(session, status="draft")
    with pytest.raises(NothingToSell):
        sell_some(database, settings, provider, sale, 1)
