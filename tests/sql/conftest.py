"""A warehouse of the test's own, fed from the test's own database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sql.snapshot import Snapshot, open_snapshot
from sql.warehouse import Warehouse
from tests.sql.market import Market
from ticketing.export.roll_up import RollUp, roll_up
from ticketing.foundation.db import Database

Run = Callable[..., RollUp]


@pytest.fixture
def market(database: Database) -> Market:
    return Market(database)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "warehouse"


@pytest.fixture
def run(database: Database, directory: Path) -> Run:
    """One turn of the roll-up."""

    def run(*, into: Path = directory, **arguments: Any) -> RollUp:
        with Warehouse(into) as warehouse:
            return roll_up(database, warehouse, **arguments)

    return run


@pytest.fixture
def ask(directory: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows from the newest snapshot."""

    def ask(select: str, **parameters: Any) -> list[tuple[Any, ...]]:
        snapshot: Snapshot = open_snapshot(directory)
        return snapshot.cursor().execute(select, parameters).fetchall()

    return ask
