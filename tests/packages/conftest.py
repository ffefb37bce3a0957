"""A season on sale."""

from __future__ import annotations

import pytest

from tests.packages.making import Season, make_season
from ticketing.foundation.db import Database


@pytest.fixture
def season(database: Database) -> Season:
    return make_season(database)
