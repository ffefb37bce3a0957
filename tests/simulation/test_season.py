"""A season and its buyers in small, through the services and the real provider: whole at the end, and no clock left set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings
from ticketing.invariants.provider import read_lists
from ticketing.invariants.runner import run_all
from ticketing.simulation.buyers import BuyersReport, run_buyers
from ticketing.simulation.market import Season, make_season

NOW = datetime.now(UTC).replace(microsecond=0)
BUYERS = 150


@pytest.fixture(scope="module")
def provider(settings: Settings) -> Iterator[FakeProviderProcess]:
    with start_fake_provider(settings, options=("--simulated-clock",)) as provider:
        yield provider


@pytest.fixture(scope="module")
def season(module_database: Database, settings: Settings) -> Season:
    return make_season(module_database, cipher=ContactCipher.from_secrets(settings.secrets), seed=7, now=NOW)


@pytest.fixture(scope="module")
def report(module_database: Database, settings: Settings, season: Season, provider: FakeProviderProcess) -> BuyersReport:
    steps: list[int] = []
    report = run_buyers(
        module_database,
        settings,
        season=season,
        provider_url=provider.base_url,
        buyers=BUYERS,
        seed=7,
        now=NOW,
        progress=lambda done, total: steps.append(done * 1_000_000 + total),
    )
    assert steps == sorted(steps)
    assert steps[-1] == report.visits * 1_000_000 + report.visits
    return report


def test_season_has_three_currencies_and_events_past_and_coming(module_database: Database, season: Season, report: BuyersReport) -> None:
    with module_database.connect(Role.READER) as connection:
        events = connection.execute("select currency, starts_at, published_at, status from event").fetchall()
        unseated = connection.execute(
            "select count(*) from event e where not exists (select from event_seat s where s.event_id = e.id)"
            " and not exists (select from pool p where p.event_id = e.id)"
        ).fetchone()
    assert len(events) == len(season.event_ids) == 60
    assert {event[0] for event in events} == {"EUR", "GBP", "JPY"}
    assert min(event[1] for event in events) < NOW - timedelta(weeks=8)
    assert max(event[1] for event in events) > NOW + timedelta(weeks=10)
    assert all(event[2] < event[1] for event in events)
    assert {event[3] for event in events} == {"published", "completed"}
    assert unseated == (0,)
    assert len(season.sign_ins) == 7


def test_buyers_do_everything_and_leave_everything_whole(
    module_database: Database, provider: FakeProviderProcess, report: BuyersReport
) -> None:
    assert module_database.clock is None
    assert min(report.held, report.abandoned, report.paid, report.declined, report.reclaimed, report.cancelled, report.tickets) > 0
    lists = asyncio.run(read_lists(provider.client()))
    results = run_all(module_database, providers={"fake": lists})
    assert {result.code: result.violations for result in results if not result.holds} == {}


def test_gross_that_buyers_paid_equals_the_ledger(module_database: Database, report: BuyersReport) -> None:
    with module_database.connect(Role.READER) as connection:
        ledger = connection.execute(
            "select currency, -sum(amount_minor)::bigint from ledger_entry"
            " where journal_kind = 'sale' and account in ('vendor_payable', 'platform_fee', 'tax') group by currency"
        ).fetchall()
        tickets = connection.execute("select count(*) from ticket").fetchone()
    assert dict(ledger) == report.gross_minor
    assert tickets == (report.tickets,)


def test_time_never_goes_back_and_ends_now(module_database: Database, report: BuyersReport) -> None:
    with module_database.connect(Role.READER) as connection:
        backwards = connection.execute(
            "select count(*) from (select recorded_at < lag(recorded_at) over (order by id) as back from order_event) x where back"
        ).fetchone()
        span = connection.execute("select min(placed_at), max(placed_at) from ticket_order").fetchone()
    assert backwards == (0,)
    assert span is not None
    assert span[0] < NOW - timedelta(weeks=8)
    assert span[1] <= NOW


def test_report_is_the_same_when_the_seed_is(
    database: Database, settings: Settings, provider: FakeProviderProcess, report: BuyersReport
) -> None:
    season = make_season(database, cipher=ContactCipher.from_secrets(settings.secrets), seed=7, now=NOW)
    again = run_buyers(database, settings, season=season, provider_url=provider.base_url, buyers=BUYERS, seed=7, now=NOW)
    assert again == report
