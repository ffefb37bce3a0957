"""No change is missed, none is counted twice, and nothing personal leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sql.warehouse import Warehouse
from tests.sql.conftest import Run
from tests.sql.market import OPENING, Market
from ticketing.export.capture import Capture, NaivePeriod, leave_token, read_changes
from ticketing.export.published import PUBLISHED
from ticketing.foundation.db import Database, Role
from ticketing.foundation.errors import Misconfigured

Ask = Callable[..., list[tuple[Any, ...]]]


def test_a_transaction_that_commits_late_is_not_lost(market: Market, run: Run, ask: Ask, database: Database) -> None:
    on = market.open_event()
    run()
    with database.connect() as slow, database.connect() as quick:
        late = market.sell(slow, on)
        market.sell(quick, on)
        quick.commit()
        run()
        assert ask("select count(*) from fct_orders") == [(1,)]
        newest = quick.execute("select max(changed_xid::text::bigint) from ticket_order").fetchone()
        slow.commit()
    with database.connect(Role.READER) as reader:
        by_cursor = reader.execute("select id from ticket_order where changed_xid > %s::text::xid8", newest).fetchall()
    assert (late,) not in by_cursor, "a cursor at the newest change seen would have lost it: that is what this test is about"
    run()
    assert ask("select count(*) from fct_orders where order_id = $late", late=late) == [(1,)]


def test_a_row_changed_again_is_not_lost_when_an_older_transaction_is_open(market: Market, run: Run, ask: Ask, database: Database) -> None:
    on = market.open_event()
    run()
    with database.connect() as idle, database.connect() as writer:
        order = market.sell(writer, on, quantity=2)
        writer.commit()
        market.place(idle, on)
        market.cancel(writer, order)
        writer.commit()
        with database.connect(Role.READER) as reader:
            bounded = reader.execute(
                "select id from ticket_order where changed_xid < pg_snapshot_xmin(pg_current_snapshot()) and id = %s", [order]
            ).fetchall()
        assert bounded == [], "with a bound at the horizon neither image of the order would have been read"
        lag = run().horizon_lag
        assert ask("select state from fct_orders where order_id = $order", order=order) == [("cancelled",)]
    assert lag > 0


def test_every_increment_agrees_with_the_core_while_others_write(market: Market, run: Run, database: Database) -> None:
    on = market.open_event(places=5_000)
    run()
    stop = threading.Event()
    sold = []

    def write() -> None:
        with database.connect() as connection:
            while not stop.is_set():
                sold.extend([market.sell(connection, on) for _ in range(4)])
                connection.commit()
                market.cancel(connection, sold[len(sold) // 2])
                connection.rollback()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        runs = [run() for _ in range(5)]  # each raises ChecksFailed if its totals are not the core's
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not any(turn.is_full for turn in runs)
    assert sum(turn.changed["ticket_order"] for turn in runs) > 0


def test_everything_is_read_when_the_tokens_differ(market: Market, run: Run, database: Database, tmp_path: Path) -> None:
    market.open_event()
    assert run().is_full
    assert not run().is_full
    with database.connect() as connection:
        connection.execute("update capture_token set token = %s", [uuid4()])
    assert run().is_full, "the core was restored"
    assert run(into=tmp_path / "other").is_full
    assert run().is_full, "another warehouse has taken the increments since"
    assert not run().is_full


def test_everything_is_read_when_a_run_died_between_the_two_commits(market: Market, run: Run, database: Database, directory: Path) -> None:
    market.open_event()
    run()
    with Warehouse(directory) as warehouse:
        warehouse.apply(read_changes(database, known=warehouse.mark()))
    assert run().is_full


def test_everything_is_read_when_the_watermark_lies_in_the_future(market: Market, database: Database) -> None:
    market.open_event()
    first = read_changes(database, known=None)
    leave_token(database, first)
    assert not read_changes(database, known=(first.token, 1)).is_full
    assert read_changes(database, known=(first.token, 10**12)).is_full


def test_snapshot_numbers_rise_when_the_core_was_restored(market: Market, run: Run, database: Database) -> None:
    market.open_event()
    numbers = [run().batch, run().batch]
    with database.connect(Role.OWNER) as connection:
        connection.execute("delete from capture_token")
    assert numbers == [1, 2]
    assert run().batch == 3


def test_orders_of_a_period_are_read_again_when_asked(market: Market, run: Run, database: Database, ask: Ask) -> None:
    on = market.open_event()
    with database.connect() as connection:
        market.sell(connection, on, at=OPENING)
        market.cancel(connection, market.sell(connection, on, quantity=3, at=OPENING + timedelta(days=10)))
    run()
    assert run().changed["ticket_order"] == 0
    again = run(period=(OPENING + timedelta(days=9), OPENING + timedelta(days=11)))
    assert not again.is_full
    read = {name: again.changed[name] for name in ("ticket_order", "order_line", "ticket", "ledger_entry", "refund", "refund_line", "hold")}
    assert read == {"ticket_order": 1, "order_line": 3, "ticket": 3, "ledger_entry": 9, "refund": 1, "refund_line": 3, "hold": 1}
    assert ask("select sum(tickets) from mart_sales_daily") == [(4,)]


def test_a_period_without_offset_is_refused(database: Database) -> None:
    with pytest.raises(NaivePeriod):
        read_changes(database, known=None, period=(datetime(2026, 1, 1), datetime(2026, 1, 2)))  # noqa: DTZ001


def test_nothing_personal_is_published(market: Market, database: Database) -> None:
    on = market.open_event()
    with database.connect() as connection:
        market.cancel(connection, market.sell(connection, on))
        connection.commit()
        personal = {
            str(value)
            for row in connection.execute("select id, display_name from user_account").fetchall()
            + connection.execute("select code, null from ticket_order union all select code, null from ticket").fetchall()
            + connection.execute("select provider_ref, null from payment").fetchall()
            for value in row
        }
        analytics = {str(row[0]) for row in connection.execute("select analytics_id from user_account").fetchall()}
    capture = read_changes(database, known=None)
    values = {str(value) for table in capture.tables.values() for row in table.to_pylist() for value in row.values()}
    assert len(personal) > 4
    assert personal & values - {"None"} == set()
    assert analytics & values, "buyers appear under their random number"


def test_sums_stay_when_a_buyer_is_erased(market: Market, run: Run, ask: Ask, database: Database) -> None:
    on = market.open_event()
    with database.connect() as connection:
        market.sell(connection, on)
        connection.commit()
        run()
        before = ask("select * from mart_sales_daily")
        connection.execute("update user_account set analytics_id = null")
        connection.execute("update ticket_order set referrer = null")
    run()
    assert ask("select * from mart_sales_daily") == before
    assert ask("select analytics_id from fct_orders") == [(None,)]


@pytest.mark.parametrize("table", [table.name for table in PUBLISHED])
def test_changes_are_found_by_index(database: Database, table: str) -> None:
    published = next(entry for entry in PUBLISHED if entry.name == table)
    with database.connect(Role.READER) as connection:
        connection.execute("set enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute("explain " + published.select(low=100, period=None)).fetchall())
    assert f"{table}_changed_xid_idx" in plan
    assert "Disabled: true" not in plan, "nothing is scanned from end to end"


def test_the_reader_sees_all_vendors_rows(market: Market, database: Database) -> None:
    first, second = market.open_event(), market.open_event()
    with database.connect() as connection:
        market.sell(connection, first)
        market.sell(connection, second)
    capture: Capture = read_changes(database, known=None)
    assert {row["vendor_id"] for row in capture.tables["ticket_order"].to_pylist()} == {first.vendor.id, second.vendor.id}


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nowhere = Database.embedded(str(tmp_path))
    with pytest.raises(Misconfigured, match="ticketing_reader"):
        read_changes(nowhere, known=None)
