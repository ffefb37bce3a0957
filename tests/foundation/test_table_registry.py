"""Each process knows the tables that its own tables refer to: SQLAlchemy looks for them when it first writes a row."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from ticketing.foundation.db import Base
for table in Base.metadata.tables.values():
    for key in table.foreign_keys:
        key.column
assert "reseating_move" in Base.metadata.tables
"""


@pytest.mark.parametrize("modules", [["ticketing.app"], ["dashboards.views.events", "dashboards.views.venues"]])
def test_tables_that_are_referred_to_are_there(modules: list[str]) -> None:
    # In a process of its own: here the migrations and other tests have brought all tables along.
    looked = subprocess.run([sys.executable, "-c", LOOK, *modules], capture_output=True, text=True, timeout=60, check=False)
    assert looked.returncode == 0, looked.stderr
