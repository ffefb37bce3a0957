"""The SQL files say what they are, and the manual says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from sql.definitions import LAYERS, ROOT, BadDefinition, checks, definitions, published, read_definition
from sql.document import manual
from sql.snapshot import open_snapshot
from tests.sql.conftest import Run
from tests.sql.market import Market


def test_the_manual_is_current() -> None:
    path = ROOT.parent / "docs" / "warehouse.md"
    assert path.read_text() == manual(), "run: ticketing warehouse doc --output docs/warehouse.md"


def test_every_table_and_column_has_its_comment(market: Market, run: Run, directory: Path) -> None:
    market.open_event()
    run()
    cursor = open_snapshot(directory).cursor()
    columns = cursor.execute("select table_name, column_name, comment from duckdb_columns() where not internal").fetchall()
    tables = cursor.execute(
        "select table_name, comment from duckdb_tables() union all select view_name, comment from duckdb_views() where not internal"
    ).fetchall()
    assert len(columns) > 150
    assert [row for row in columns if not row[2]] == []
    assert [row for row in tables if not row[1]] == []
    assert {row[0] for row in tables} == {definition.name for definition in published()}
    commented = {(definition.name, column) for definition in published() for column in definition.columns}
    assert {row[:2] for row in columns} == commented, "no comment belongs to a column that is not there"


def test_each_definition_comes_after_what_it_reads() -> None:
    names = [definition.name for definition in definitions()]
    for position, definition in enumerate(definitions()):
        assert definition.reads & set(names) <= set(names[:position]), definition.name


def test_every_file_is_used() -> None:
    files = {path.stem for layer in LAYERS for path in (ROOT / layer).glob("*")}
    assert files == {definition.name for definition in definitions()}
    assert {path.stem for path in (ROOT / "checks").glob("*")} == set(checks())


def test_amounts_have_a_currency_beside_them() -> None:
    """A mart with amounts has the currency in its grain, or one currency per row."""
    for definition in published():
        if definition.layer == "marts" and any(column.endswith("_minor") for column in definition.columns):
            assert "currency" in definition.columns, definition.name


def test_a_file_without_grain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fct_things.sql"
    path.write_text("-- Things.\n-- source: nowhere\n-- units: none\nselect 1 as one\n")
    with pytest.raises(BadDefinition, match="grain"):
        read_definition(path)


def test_the_writer_stays_small() -> None:
    """The runner is read before it is trusted."""
    assert sum(len((ROOT / name).read_text().splitlines()) for name in ("warehouse.py",)) < 200
