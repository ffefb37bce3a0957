"""The pages, on figures that went the whole way from the core: the ledger's amounts, one vendor's, in one currency at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from streamlit.testing.v1 import AppTest

from flows.roll_up_sales import roll_up
from tests.factories import OnSale
from tests.sql.market import Market
from ticketing.foundation.db import Database
from ticketing.foundation.money import Money
from ticketing.foundation.settings import Settings

SECONDS = 30
NASTY = "<img src=x> ![boo](http://elsewhere.example/x.png)"


def overview_page(directory: str, vendor: str, minutes_old: int = 0) -> None:
    from dataclasses import replace
    from datetime import timedelta
    from pathlib import Path
    from uuid import UUID

    from dashboards.data import Published
    from dashboards.figures import show_freshness
    from dashboards.views import overview
    from sql.scope import Scope
    from sql.snapshot import open_snapshot

    snapshot = open_snapshot(Path(directory))
    snapshot = replace(snapshot, captured_at=snapshot.captured_at - timedelta(minutes=minutes_old))
    published = Published(Scope(UUID(vendor)), snapshot)
    show_freshness(published, "Europe/Berlin")
    overview.show(published, "Europe/Berlin")


def event_page(directory: str, vendor: str) -> None:
    from pathlib import Path
    from uuid import UUID

    from dashboards.data import Published
    from dashboards.views import event_sales
    from sql.scope import Scope
    from sql.snapshot import open_snapshot

    event_sales.show(Published(Scope(UUID(vendor)), open_snapshot(Path(directory))), "Europe/Berlin")


@dataclass(frozen=True)
class Shown:
    """What was sold: by one vendor in two currencies, by another one, and nothing by a third."""

    directory: Path
    euro: OnSale
    yen: OnSale
    quiet: OnSale
    other: OnSale
    ledger: Callable[[OnSale], str]

    def run(self, page: Callable[..., None], on: OnSale, **query: str) -> AppTest:
        """A page of the vendor of `on`, opened by an address with `query`."""
        return self.run_for(page, on.vendor.id, {}, **query)

    def run_for(self, page: Callable[..., None], vendor_id: UUID, more: dict[str, int], **query: str) -> AppTest:
        arguments = {"directory": str(self.directory), "vendor": str(vendor_id), **more}
        app = AppTest.from_function(page, kwargs=arguments, default_timeout=SECONDS)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app


@pytest.fixture(scope="module")
def shown(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    settings = Settings(home=tmp_path_factory.mktemp("desk"), environment="test")
    market, now = Market(module_database), datetime.now(UTC)
    euro = market.open_event(title=NASTY)
    yen = market.open_event(title="Rakugo", vendor=euro.vendor, currency="JPY")
    quiet = market.open_event(title="Quiet", vendor=euro.vendor, sales_open_at=now - timedelta(days=60))
    other = market.open_event(title="Somebody else's night")
    with module_database.connect() as connection:
        market.sell(connection, euro, quantity=3, at=now - timedelta(days=40), discount_minor=100)
        market.sell(connection, euro, quantity=2, at=now - timedelta(days=3), channel="box_office")
        back = market.sell(connection, euro, quantity=1, at=now - timedelta(days=2))
        market.pay_back(connection, market.cancel(connection, back, at=now - timedelta(days=1)), at=now)
        market.sell(connection, yen, quantity=4, at=now - timedelta(days=1))
        market.sell(connection, other, quantity=7, at=now - timedelta(days=1))
    roll_up(settings, module_database)

    def ledger(on: OnSale) -> str:
        """Gross as the ledger and the discounts of the order lines have it."""
        charged = (
            "select coalesce(-sum(amount_minor), 0)::bigint from ledger_entry where event_id = %s and journal_kind = 'sale'"
            " and account in ('vendor_payable', 'platform_fee', 'tax')"
        )
        discounts = "select coalesce(sum(discount_minor), 0)::bigint from order_line where event_id = %s and state <> 'lapsed'"
        with module_database.connect() as connection:
            amounts = [connection.execute(query, [on.event.id]).fetchone() for query in (charged, discounts)]
        return Money(sum(row[0] for row in amounts if row), on.event.currency).format()

    return Shown(settings.warehouse_path, euro, yen, quiet, other, ledger)


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def words(app: AppTest) -> str:
    """Everything a page says."""
    return "\n".join(str(element.value if hasattr(element, "value") else element.proto) for element in app.main) + repr(app.main)


def test_gross_on_the_event_page_equals_the_ledger_to_the_cent(shown: Shown) -> None:
    for on in (shown.euro, shown.yen):
        app = shown.run(event_page, on, event=str(on.event.id))
        assert metrics(app)["Gross"] == shown.ledger(on)
    assert metrics(shown.run(event_page, shown.euro, event=str(shown.euro.event.id)))["Tickets"] == "5"


def test_currencies_are_never_added(shown: Shown) -> None:
    euro = shown.run(overview_page, shown.euro, currency="EUR")
    yen = shown.run(overview_page, shown.euro, currency="JPY")
    assert metrics(euro)["Gross"] == shown.ledger(shown.euro)
    assert metrics(yen)["Gross"] == shown.ledger(shown.yen)


def test_a_vendor_sees_nothing_of_another(shown: Shown) -> None:
    for page in (overview_page, event_page):
        assert "Somebody else" not in words(shown.run(page, shown.euro))
        assert "Rakugo" not in words(shown.run(page, shown.other))
    assert "Somebody else" in words(shown.run(overview_page, shown.other))


def test_another_vendors_event_is_not_found_when_the_address_names_it(shown: Shown) -> None:
    for wanted in (str(shown.other.event.id), "no-id"):
        app = shown.run(event_page, shown.euro, event=wanted)
        assert [error.value for error in app.error] == ["There is no such event among yours. Choose one above."]
        assert not app.metric


def test_the_address_follows_what_is_picked(shown: Shown) -> None:
    app = shown.run(event_page, shown.euro, event=str(shown.euro.event.id))
    app.selectbox[0].set_value(str(shown.yen.event.id)).run()
    assert app.query_params["event"] == str(shown.yen.event.id)
    assert metrics(app)["Gross"] == shown.ledger(shown.yen)


def test_two_events_are_compared_by_days_before_the_show(shown: Shown) -> None:
    app = shown.run(event_page, shown.euro, event=str(shown.euro.event.id), beside=str(shown.yen.event.id))
    assert "days before the show" in words(app)


def test_a_title_is_only_text(shown: Shown) -> None:
    app = shown.run(event_page, shown.euro, event=str(shown.euro.event.id))
    assert "![boo]" not in app.subheader[0].value
    said = words(shown.run(overview_page, shown.euro, currency="EUR"))
    assert "<img src=x>" not in said
    assert "&lt;img src=x&gt;" in said


def test_what_has_not_sold_for_two_weeks_is_to_do(shown: Shown) -> None:
    said = words(shown.run(overview_page, shown.euro, currency="EUR"))
    assert said.count("has sold nothing for 14 days") == 1
    assert "Nothing needs you" in words(shown.run(overview_page, shown.other))


def test_a_vendor_without_events_is_told_what_to_do(shown: Shown) -> None:
    for page in (overview_page, event_page):
        app = shown.run_for(page, uuid4(), {})
        assert "No events have been published yet" in app.info[0].value
        assert not app.metric


def test_an_event_without_sales_says_so(shown: Shown) -> None:
    app = shown.run(event_page, shown.quiet, event=str(shown.quiet.event.id))
    assert "Nothing has been sold yet" in app.info[0].value
    assert metrics(app)["Tickets"] == "0"


def test_old_figures_say_that_they_are_old(shown: Shown) -> None:
    fresh = shown.run_for(overview_page, shown.other.vendor.id, {"minutes_old": 14})
    assert not fresh.warning
    assert "(Europe/Berlin)" in fresh.caption[0].value
    assert "older than 15 minutes" in shown.run_for(overview_page, shown.other.vendor.id, {"minutes_old": 16}).warning[0].value


def test_every_chart_is_also_a_table(shown: Shown) -> None:
    app = shown.run(event_page, shown.euro, event=str(shown.euro.event.id))
    tables = [expander for expander in app.expander if expander.label == "Show as table"]
    assert len(tables) == len(app.get("vega_lite_chart")) == 4
    assert len(app.dataframe) == 4
