"""What the dashboards' tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Streamlit's test runner puts its script in the place of `__main__`, which processes started later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
