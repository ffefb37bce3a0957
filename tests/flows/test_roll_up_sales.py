"""The roll-up as its flow calls it, and what it tells ops."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flows.roll_up_sales import HalfAPeriod, failed_summary, headline, roll_up, summary
from sql.snapshot import open_snapshot
from sql.warehouse import ChecksFailed
from tests.sql.market import OPENING, Market
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, environment="test")


def test_a_turn_publishes_and_reports(database: Database, own_settings: Settings) -> None:
    market = Market(database)
    on = market.open_event()
    with database.connect() as connection:
        market.sell(connection, on, quantity=3)
    run = roll_up(own_settings, database)
    assert open_snapshot(own_settings.warehouse_path).path == run.snapshot
    assert "published as warehouse-00000001.duckdb" in headline(run)
    assert {"table": "order_line", "rows": 3, "what": "read from the core"} in summary(run)
    assert {"table": "fct_order_lines", "rows": 3, "what": "in the warehouse"} in summary(run)
    assert headline(run, turns=4).startswith("In 4 turns.")


def test_a_dry_run_says_so_and_publishes_nothing(database: Database, own_settings: Settings) -> None:
    run = roll_up(own_settings, database, dry_run=True)
    assert "nothing was written" in headline(run)
    assert not (own_settings.warehouse_path / "current.duckdb").exists()


def test_a_backfill_needs_both_ends(database: Database, own_settings: Settings) -> None:
    with pytest.raises(HalfAPeriod):
        roll_up(own_settings, database, start=OPENING)
    run = roll_up(own_settings, database, start=OPENING, end=OPENING + timedelta(days=1))
    assert run.is_full


def test_failed_checks_are_named_with_a_finding(database: Database, own_settings: Settings) -> None:
    market = Market(database)
    on = market.open_event()
    with database.connect() as connection:
        order = market.sell(connection, on)
        connection.execute("update ticket_order set tax_minor = tax_minor + 1")
    with pytest.raises(ChecksFailed) as failed:
        roll_up(own_settings, database)
    rows = failed_summary(failed.value)
    assert [row["check"] for row in rows] == ["chk_order_sums"]
    assert str(order) in str(rows[0]["first"])
