"""A vendor's questions see that vendor's rows, and questions that would see more are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from sql.scope import QUERIES, Scope, UnscopedQuery, read_query, run_query, run_sql
from sql.snapshot import Snapshot, open_snapshot
from sql.warehouse import Warehouse
from tests.factories import OnSale
from tests.sql.market import Market
from ticketing.export.roll_up import roll_up
from ticketing.foundation.db import Database

SALE = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def sold(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, OnSale, OnSale]:
    """A snapshot in which two vendors have sold, the first two tickets, the second three."""
    market = Market(module_database)
    mine, other = market.open_event(title="Mine", price_minor=9_000), market.open_event(title="Not mine")
    with module_database.connect() as connection:
        market.sell(connection, mine, quantity=2, at=SALE)
        market.sell(connection, other, quantity=3, at=SALE, channel="api")
    directory: Path = tmp_path_factory.mktemp("warehouse")
    with Warehouse(directory) as warehouse:
        roll_up(module_database, warehouse)
    return open_snapshot(directory), mine, other


def parameters_of(name: str, event_id: UUID) -> dict[str, object]:
    known: dict[str, object] = {"event": event_id, "for_event": event_id, "from_day": None, "to_day": date(2026, 12, 31)}
    return {key: value for key, value in known.items() if f"${key}" in read_query(name)}


NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))


@pytest.mark.parametrize("name", NAMES)
def test_a_query_answers_with_the_columns_that_its_head_promises(sold: tuple[Snapshot, OnSale, OnSale], name: str) -> None:
    snapshot, mine, _ = sold
    answer = run_query(snapshot, Scope(mine.vendor.id), name, **parameters_of(name, mine.event.id))
    head = read_query(name).split("-- columns:")[1].split("\nselect")[0].split("\nwith")[0]
    assert answer.num_rows > 0
    if "as of overview" not in head:
        assert [column for column in answer.column_names if column not in head] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_query_tells_nothing_of_another_vendors(sold: tuple[Snapshot, OnSale, OnSale], name: str) -> None:
    snapshot, mine, other = sold
    with_my_event = parameters_of(name, mine.event.id)
    with_the_others_event = parameters_of(name, other.event.id)
    as_me = run_query(snapshot, Scope(mine.vendor.id), name, **with_my_event)
    text = str(as_me.to_pylist())
    assert str(other.event.id) not in text
    assert "Not mine" not in text
    assert run_query(snapshot, Scope(uuid4()), name, **with_my_event).num_rows == 0
    if with_the_others_event.keys() & {"event", "for_event"}:
        assert run_query(snapshot, Scope(mine.vendor.id), name, **with_the_others_event).num_rows == 0


def test_figures_of_the_queries_agree(sold: tuple[Snapshot, OnSale, OnSale]) -> None:
    snapshot, mine, _ = sold
    scope, event = Scope(mine.vendor.id), {"event": mine.event.id}
    kind = mine.standing_type
    gross = 2 * (kind.price_minor + kind.fee_minor)
    overview = run_query(snapshot, scope, "overview").to_pylist()
    assert [(row["title"], row["tickets"], row["gross_minor"], row["capacity"]) for row in overview] == [("Mine", 2, gross, 150)]
    assert run_query(snapshot, scope, "event_kpis", **event).to_pylist() == overview
    for name in ("event_by_day", "event_by_type", "event_by_channel"):
        rows = run_query(snapshot, scope, name, **event).to_pylist()
        assert sum(row["gross_minor"] for row in rows) == gross, name
    totals = run_query(snapshot, scope, "vendor_kpis").to_pylist()
    assert [(row["currency"], row["events"], row["gross_minor"], row["share"]) for row in totals] == [("EUR", 1, gross, 2 / 150)]
    by_day = run_query(snapshot, scope, "vendor_by_day", from_day=date(2026, 3, 2), to_day=date(2026, 3, 2)).to_pylist()
    assert [row["gross_minor"] for row in by_day] == [gross]
    assert run_query(snapshot, scope, "vendor_by_day", from_day=date(2026, 3, 3), to_day=None).num_rows == 0


@pytest.mark.parametrize(
    "sql",
    [
        "select * from mart_sales_daily",
        "select * from {sales_daily} join dim_event on true",
        "select (select count(*) from fct_orders) from {event}",
        "select * from main.dim_event",
        "with mart_sales_daily as (select * from mart_sales_daily) select * from mart_sales_daily",
        "with a as (select * from dim_event) select * from a",
        "select * from {event} where event_id in (select event_id from fct_order_lines)",
        "select * from {event} union all select * from dim_event",
        "from query('select * from dim_event')",
        "from query_table('dim_event')",
        "from duckdb_columns()",
        "from read_csv('/etc/passwd')",
        "from '/etc/passwd'",
        "select * from (summarize dim_event)",
        "select * from (describe dim_event)",
        "select 1 from {event}; select * from dim_event",
        "delete from dim_event",
        "attach '/tmp/other.duckdb'",
        "select * from {order_events}",
        "select * from {publish}",
        "select * from {no_such_table}",
        "selec",
    ],
)
def test_a_query_is_refused_when_it_could_see_more(sold: tuple[Snapshot, OnSale, OnSale], sql: str) -> None:
    snapshot, mine, _ = sold
    with pytest.raises(UnscopedQuery):
        run_sql(snapshot, Scope(mine.vendor.id), sql)


def test_the_vendor_can_not_be_given_as_a_parameter(sold: tuple[Snapshot, OnSale, OnSale]) -> None:
    snapshot, mine, other = sold
    with pytest.raises(UnscopedQuery):
        run_sql(snapshot, Scope(mine.vendor.id), "select * from {event}", vendor=other.vendor.id)


def test_tables_of_nobody_are_open_to_all(sold: tuple[Snapshot, OnSale, OnSale]) -> None:
    snapshot, mine, _ = sold
    scope = Scope(mine.vendor.id)
    assert run_sql(snapshot, scope, "select count(*) as days from {date} where year = 2026").to_pylist() == [{"days": 365}]
    assert run_sql(snapshot, scope, "select count(*) as venues from {venue}").to_pylist() == [{"venues": 1}]


def test_a_snapshot_reads_no_files_and_takes_no_changes(sold: tuple[Snapshot, OnSale, OnSale]) -> None:
    cursor = sold[0].cursor()
    for sql in ("from read_text('/etc/hostname')", "delete from dim_event", "set enable_external_access = true", "install httpfs"):
        with pytest.raises(Exception, match=r"(?i)disabled|read-only|locked|permission|cannot"):
            cursor.execute(sql)
