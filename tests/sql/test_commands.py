"""`ticketing warehouse …`, as people type it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import parquet

from sql.warehouse import Warehouse
from tests.sql.market import Market
from ticketing import cli
from ticketing.foundation.db import Database, Role

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def installation(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, on the test's database."""
    monkeypatch.setenv("TICKETING_HOME", str(tmp_path))
    monkeypatch.setenv("TICKETING_DATABASE_URL", database.url(Role.CORE))
    monkeypatch.setenv("TICKETING_DATABASE_OWNER_URL", database.url(Role.OWNER))
    monkeypatch.setenv("TICKETING_DATABASE_READER_URL", database.url(Role.READER))
    return tmp_path


@pytest.fixture
def ticketing(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command; gives its exit code, output and error output."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        printed = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, printed.out, printed.err

    return run


def test_a_missing_snapshot_is_one_sentence(ticketing: Command, installation: Path) -> None:
    for arguments in (["status"], ["query", "select 1"], ["export", str(installation / "out")]):
        code, out, error = ticketing("warehouse", *arguments)
        assert (code, out) == (2, "")
        assert error.count("\n") == 1
        assert "ticketing warehouse rebuild" in error
    assert not (installation / "out").exists()


def test_rebuild_publishes_and_the_others_read(ticketing: Command, installation: Path, market: Market) -> None:
    on = market.open_event(title="Evening concert")
    with market.database.connect() as connection:
        market.sell(connection, on, quantity=2)
    code, out, _ = ticketing("warehouse", "rebuild")
    assert (code, out.startswith("Read ")) == (0, True)
    code, out, _ = ticketing("warehouse", "status")
    assert code == 0
    assert "0 differ" in out
    code, out, _ = ticketing("warehouse", "query", "select title, tickets from dim_event join mart_event_totals using (event_id)")
    assert (code, "Evening concert" in out) == (0, True)
    code, out, _ = ticketing("warehouse", "query", "select sum(tickets) as tickets from mart_sales_daily", "--format", "json")
    assert [int(row["tickets"]) for row in json.loads(out)] == [2]
    code, out, _ = ticketing("warehouse", "query", "select count(*) as orders from fct_orders", "--format", "csv")
    assert out.split() == ["orders", "1"]
    code, out, _ = ticketing("warehouse", "export", str(installation / "out"))
    assert code == 0
    assert parquet.read_table(installation / "out" / "mart_sales_daily.parquet").column("tickets").to_pylist() == [2]
    code, _, error = ticketing("warehouse", "export", str(installation / "out"))
    assert (code, "is not empty" in error) == (2, True)


def test_a_bad_query_is_one_sentence(ticketing: Command, installation: Path, market: Market) -> None:
    market.open_event()
    ticketing("warehouse", "rebuild")
    for sql in ("selec", "select * from no_such_table", "delete from dim_event"):
        code, _, error = ticketing("warehouse", "query", sql)
        assert code == 2
        assert error.startswith("ticketing: DuckDB refuses this: ")
        assert error.count("\n") == 1


def test_rebuild_says_who_is_writing(ticketing: Command, installation: Path) -> None:
    with Warehouse(installation / "warehouse"):
        code, _, error = ticketing("warehouse", "rebuild")
    assert code == 2
    assert "is writing the warehouse" in error


def test_rebuild_lists_checks_that_fail(ticketing: Command, installation: Path, market: Market) -> None:
    on = market.open_event()
    with market.database.connect() as connection:
        market.sell(connection, on)
        connection.execute("update ticket_order set tax_minor = tax_minor + 1")
    code, _, error = ticketing("warehouse", "rebuild")
    assert code == 1
    assert "chk_order_sums" in error


def test_doc_prints_the_manual(ticketing: Command, installation: Path) -> None:
    code, out, _ = ticketing("warehouse", "doc")
    assert (code, out.startswith("# The warehouse")) == (0, True)
    assert ticketing("warehouse", "doc", "--output", str(installation / "manual.md"))[0] == 0
    assert (installation / "manual.md").read_text() == out
