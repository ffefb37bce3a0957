"""The warehouse equals the core at every snapshot, however it got there."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sql.definitions import published
from sql.snapshot import differing_totals, open_snapshot
from sql.warehouse import ChecksFailed, LiveFileDamaged, Warehouse, WarehouseBusy
from tests.sql.conftest import Run
from tests.sql.market import OPENING, Market
from ticketing.foundation.db import Database, Role

Ask = Callable[..., list[tuple[Any, ...]]]


def contents(directory: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every published table, sorted, with the types of its columns; but for what tells one run from another."""
    cursor = open_snapshot(directory).cursor()
    tables = {}
    for definition in published():
        if definition.name != "meta_publish":
            types = cursor.execute(f"select column_name, column_type from (describe {definition.name})").fetchall()
            tables[definition.name] = [*types, *cursor.execute(f"select * from {definition.name} order by all").fetchall()]
    return tables


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_increments_equal_a_rebuild_when_changes_are_random(market: Market, run: Run, directory: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    vendor = market.open_event(zone="Europe/Berlin", places=2_000).vendor
    market.open_event(vendor=vendor, currency="GBP", places=2_000)
    market.open_event(zone="America/New_York", currency="USD", places=2_000)
    run()
    with market.database.connect() as connection:
        for _ in range(8):
            for _ in range(chance.randint(0, 25)):
                with connection.transaction():
                    market.step(chance, connection)
            connection.commit()
            increment = run()
            assert not increment.is_full
    rebuilt = tmp_path / "rebuilt"
    assert run(into=rebuilt).is_full
    from_increments, anew = contents(directory), contents(rebuilt)
    assert len(from_increments["mart_sales_daily"]) > 20, "the market must have sold something"
    assert any(row[11] > 0 for row in from_increments["mart_sales_daily"][14:]), "and paid something back"
    assert from_increments == anew


def test_totals_are_the_cores_after_every_increment(market: Market, run: Run, directory: Path) -> None:
    on = market.open_event()
    run()
    with market.database.connect() as connection:
        market.sell(connection, on, quantity=3)
    run()
    compared, differing = differing_totals(open_snapshot(directory))
    assert compared > 12
    assert differing == []


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Europe/Berlin", datetime(2026, 1, 31, 23, 30, tzinfo=UTC), date(2026, 2, 1)),
        ("America/New_York", datetime(2026, 1, 31, 23, 30, tzinfo=UTC), date(2026, 1, 31)),
        ("America/New_York", datetime(2026, 2, 1, 4, 59, tzinfo=UTC), date(2026, 1, 31)),
        ("Europe/Berlin", datetime(2026, 7, 31, 22, 0, tzinfo=UTC), date(2026, 8, 1)),
        ("Asia/Kathmandu", datetime(2026, 7, 31, 18, 15, tzinfo=UTC), date(2026, 8, 1)),
    ],
)
def test_a_sale_counts_on_the_vendors_day_when_it_is_another_in_utc(
    market: Market, run: Run, ask: Ask, zone: str, at: datetime, day: date
) -> None:
    on = market.open_event(zone=zone)
    with market.database.connect() as connection:
        market.sell(connection, on, at=at)
    run()
    assert ask("select day, tickets from mart_sales_daily") == [(day, 1)]
    assert ask("select day, sold from mart_sell_through") == [(day, 1)]


def test_figures_follow_an_order_through_sale_cancellation_and_refund(market: Market, run: Run, ask: Ask) -> None:
    on = market.open_event(price_minor=9_000, places=100)
    kind = on.standing_type
    paid = 2 * kind.price_minor - 500
    with market.database.connect() as connection:
        order = market.sell(connection, on, quantity=2, discount_minor=500, at=datetime(2026, 3, 2, 12, tzinfo=UTC))
        connection.commit()
        run()
        refund = market.cancel(connection, order, at=datetime(2026, 3, 4, 12, tzinfo=UTC))
        connection.commit()
        run()
        planned = ask("select day, tickets, cancelled_tickets, refund_minor from mart_sales_daily order by day")
        market.pay_back(connection, refund, at=datetime(2026, 3, 5, 12, tzinfo=UTC))
    run()
    assert planned == [(date(2026, 3, 2), 2, 0, 0), (date(2026, 3, 4), 0, 2, 0)], "a refund counts when it has been paid"
    figures = "tickets, gross_minor, discount_minor, fee_minor, tax_minor, refund_minor, cancelled_tickets, net_minor"
    gross = 2 * (kind.price_minor + kind.fee_minor)
    assert ask(f"select day, {figures} from mart_sales_daily order by day") == [
        (date(2026, 3, 2), 2, gross, 500, 2 * kind.fee_minor, 2 * kind.tax_minor, 0, 0, gross - 500),
        (date(2026, 3, 4), 0, 0, 0, 0, 0, 0, 2, 0),
        (date(2026, 3, 5), 0, 0, 0, 0, 0, paid, 0, -paid),
    ]
    assert ask("select sold, sold_cumulative, capacity, share from mart_sell_through order by day") == [
        (2, 2, 100, 0.02),
        (-2, 0, 100, 0.0),
    ]
    assert ask("select tickets, sold, net_minor from mart_event_totals") == [(2, 0, 2 * kind.fee_minor)]


def test_amounts_stay_apart_when_a_vendor_sells_in_two_currencies(market: Market, run: Run, ask: Ask) -> None:
    euro = market.open_event(currency="EUR", price_minor=5_000)
    yen = market.open_event(currency="JPY", price_minor=9_000, vendor=euro.vendor)
    with market.database.connect() as connection:
        market.sell(connection, euro)
        market.sell(connection, yen, quantity=2)
    run()
    amounts = {on.event.currency: n * (on.standing_type.price_minor + on.standing_type.fee_minor) for on, n in ((euro, 1), (yen, 2))}
    assert dict(ask("select currency, gross_minor from mart_sales_daily")) == amounts
    assert dict(ask("select currency, gross_minor from mart_event_totals")) == amounts


def test_gross_equals_the_ledger_to_the_cent(market: Market, run: Run, ask: Ask) -> None:
    chance = random.Random(7)
    for currency in ("EUR", "USD"):
        market.open_event(currency=currency, places=2_000)
    with market.database.connect() as connection:
        for _ in range(60):
            market.step(chance, connection)
        connection.commit()
        ledger = connection.execute(
            "select event_id, -sum(amount_minor)::bigint from ledger_entry"
            " where journal_kind = 'sale' and account in ('vendor_payable', 'platform_fee', 'tax') group by event_id"
        ).fetchall()
    run()
    assert len(ledger) == 2
    assert dict(ask("select event_id, gross_minor - discount_minor from mart_event_totals")) == dict(ledger)


def test_venue_and_zone_changes_reach_rows_that_did_not_change(market: Market, run: Run, ask: Ask) -> None:
    on = market.open_event(zone="Europe/Berlin")
    with market.database.connect() as connection:
        market.sell(connection, on, at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
        connection.commit()
        run()
        connection.execute("update venue set name = 'New hall'")
        connection.execute("update vendor set zone = 'America/New_York'")
    assert not run().is_full
    assert ask("select venue_name from dim_event") == [("New hall",)]
    assert ask("select day from mart_sales_daily") == [(date(2026, 1, 31),)]


BREAKS = {
    "chk_core_totals": "update pool set capacity = capacity + 1",
    "chk_gross_equals_ledger": "insert into ledger_entry (journal_id, journal_kind, account, vendor_id, event_id, amount_minor, currency)"
    " select gen_random_uuid(), 'sale', unnest(array['tax', 'buyer_receivable']), vendor_id, id, unnest(array[-1, 1]), currency from event",
    "chk_journals_balance": "insert into ledger_entry (journal_id, journal_kind, account, vendor_id, amount_minor, currency)"
    " select gen_random_uuid(), 'capture', 'provider_clearing', vendor_id, 1, currency from event",
    "chk_order_sums": "update ticket_order set subtotal_minor = subtotal_minor + 1, total_minor = total_minor + 1",
    "chk_refund_sums": "update refund set amount_minor = amount_minor + 1",
    "chk_capacity": "alter table pool drop constraint pool_never_over_check; update pool set capacity = 1;"
    " update ticket_type set name = name",
    "chk_one_currency": "update ticket_order set currency = 'USD'",
    "chk_no_orphans": "alter table refund_line drop constraint refund_line_pkey; update refund_line set order_line_id = gen_random_uuid()",
}


@pytest.mark.parametrize("check", BREAKS)
def test_nothing_is_published_when_a_check_fails(market: Market, run: Run, directory: Path, database: Database, check: str) -> None:
    on = market.open_event()
    with database.connect() as connection:
        market.sell(connection, on, quantity=2)
        market.cancel(connection, market.sell(connection, on))
    run()
    good, before = open_snapshot(directory), contents(directory)
    with database.connect(Role.OWNER) as connection:
        connection.execute(BREAKS[check])
    with pytest.raises(ChecksFailed) as failed:
        run()
    assert check in failed.value.failures
    assert open_snapshot(directory) is good
    assert contents(directory) == before
    with Warehouse(directory) as warehouse:
        mark = warehouse.mark()
    assert mark is not None, "the live file stays at the last good state"


def test_a_repaired_core_is_taken_in_when_the_run_before_had_failed(market: Market, run: Run, ask: Ask, database: Database) -> None:
    on = market.open_event()
    run()
    with database.connect() as connection:
        order = market.sell(connection, on)
        connection.execute("update ticket_order set tax_minor = tax_minor + 1")
    with pytest.raises(ChecksFailed):
        run()
    with database.connect() as connection:
        connection.execute("update ticket_order set tax_minor = tax_minor - 1 where id = %s", [order])
    assert not run().is_full
    assert ask("select sum(tickets) from mart_sales_daily") == [(1,)]


def test_capacity_is_taken_in_when_its_change_restamps_the_ticket_type(market: Market, run: Run, ask: Ask, database: Database) -> None:
    on = market.open_event(seats=50, places=100)
    run()
    with database.connect() as connection:
        connection.execute("update event_seat set state = 'blocked', block_reason = 'killed' where seat_no < 5")
        connection.execute("update event_seat set state = 'blocked', block_reason = 'house' where seat_no = 5")
        connection.execute("update ticket_type set name = name where id = %s", [on.seated_type.id])
    run()
    assert ask("select name, capacity from dim_ticket_type order by position") == [("Stalls", 45), ("Floor", 100)]


def test_a_second_writer_is_refused(directory: Path) -> None:
    with Warehouse(directory), pytest.raises(WarehouseBusy, match=r"Process \d+ is writing"), Warehouse(directory):
        pass
    with Warehouse(directory):
        pass


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "header lost": lambda image: bytes(100) + image[100:],
    "half written": lambda image: image[: len(image) // 2],
    "empty": lambda _: b"",
    "something else": lambda _: b"not a database" * 1_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_warehouse_is_rebuilt_when_its_live_file_is_damaged(market: Market, run: Run, ask: Ask, directory: Path, damage: str) -> None:
    on = market.open_event()
    run()
    live = directory / "live.duckdb"
    live.write_bytes(DAMAGES[damage](live.read_bytes()))
    with market.database.connect() as connection:
        market.sell(connection, on)
    try:
        assert run().is_full
    except LiveFileDamaged:  # found only when it was written to
        assert ask("select sum(tickets) from mart_sales_daily") == [(None,)], "the last snapshot serves"
        assert run().is_full
    assert ask("select sum(tickets) from mart_sales_daily") == [(1,)]


def test_nothing_is_published_when_the_warehouse_has_lost_a_row(market: Market, run: Run, ask: Ask, directory: Path) -> None:
    on = market.open_event()
    with market.database.connect() as connection:
        market.sell(connection, on, quantity=2)
    run()
    with duckdb.connect(str(directory / "live.duckdb")) as live:
        live.execute("delete from fct_tickets where ticket_id = (select min(ticket_id) from fct_tickets)")
    with pytest.raises(ChecksFailed, match="chk_core_totals"):
        run()
    assert ask("select count(*) from fct_tickets") == [(2,)]
    assert run(full=True).is_full
    assert ask("select count(*) from fct_tickets") == [(2,)]


def test_the_last_snapshot_serves_when_a_block_of_the_live_file_is_damaged(market: Market, run: Run, ask: Ask, directory: Path) -> None:
    on = market.open_event()
    with market.database.connect() as connection:
        market.sell(connection, on)
    run()
    live = directory / "live.duckdb"
    image = bytearray(live.read_bytes())
    # Past the headers (12 kB), into the data; the first block may be read at opening, and then it is rebuilt at once.
    for position in range(12_288 + 4_096, len(image), 4_096):
        image[position] ^= 0xFF
    live.write_bytes(image)
    try:
        assert run().is_full
    except LiveFileDamaged:
        assert ask("select sum(tickets) from mart_sales_daily") == [(1,)]
        assert run().is_full
    assert ask("select sum(tickets) from mart_sales_daily") == [(1,)]


def test_the_warehouse_is_rebuilt_when_its_sql_has_changed(market: Market, run: Run, directory: Path) -> None:
    market.open_event()
    run()
    assert not run().is_full
    with duckdb.connect(str(directory / "live.duckdb")) as live:
        live.execute("update meta_publish set definitions_digest = 'of an older release'")
    assert run().is_full


def test_a_dry_run_reads_and_writes_nothing(market: Market, run: Run, directory: Path, ask: Ask) -> None:
    on = market.open_event()
    run()
    with market.database.connect() as connection:
        market.sell(connection, on, at=OPENING)
    look = run(dry_run=True)
    assert look.changed["ticket_order"] == 1
    assert look.snapshot is None
    assert ask("select count(*) from fct_orders") == [(0,)]
    assert not run().is_full
