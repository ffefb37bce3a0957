"""Wall times and instants, over the hours that do not exist and those that happen twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.foundation.clock import UnknownZone, is_in_gap, to_utc, whole_weeks_between, zone
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Invalid


def test_wall_time_shifts_forward_when_it_is_in_the_spring_gap() -> None:
    wall = datetime(2027, 3, 28, 2, 30)  # noqa: DTZ001 - a wall time
    assert is_in_gap(wall, "Europe/Berlin")
    assert to_utc(wall, "Europe/Berlin").astimezone(zone("Europe/Berlin")).strftime("%H:%M") == "03:30"


def test_wall_time_takes_the_first_when_it_happens_twice() -> None:
    wall = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - a wall time
    assert not is_in_gap(wall, "Europe/Berlin")
    assert to_utc(wall, "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_wall_time_is_refused_when_it_carries_an_offset() -> None:
    with pytest.raises(Invalid):
        to_utc(datetime(2026, 1, 1, tzinfo=UTC), "Europe/Berlin")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_zone_is_refused_when_it_is_not_iana(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


@given(
    wall=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2037, 12, 31)),  # noqa: DTZ001 - wall times
    name=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_wall_time_comes_back_when_it_exists(wall: datetime, name: str) -> None:
    back = to_utc(wall, name).astimezone(zone(name)).replace(tzinfo=None)
    assert (back == wall) is not is_in_gap(wall, name)
    assert back >= wall


@given(days=st.integers(min_value=-400, max_value=4000))
def test_whole_weeks_move_a_season_to_or_past_the_day(days: int) -> None:
    start = datetime(2024, 9, 1, tzinfo=UTC)
    goal = start + timedelta(days=days)
    weeks = whole_weeks_between(start, goal)
    assert start + timedelta(weeks=weeks) >= goal
    assert weeks == 0 or start + timedelta(weeks=weeks - 1) < goal


def test_database_runs_at_the_set_instant_when_the_clock_is_set(database: Database) -> None:
    instant = datetime(2031, 5, 1, 12, tzinfo=UTC)
    database.clock = instant
    with database.connect() as connection, connection.transaction():
        database.set_clock(connection)
        assert connection.execute("select app_now()").fetchone() == (instant,)
    database.clock = None
    with database.connect() as connection:
        row = connection.execute("select abs(extract(epoch from app_now() - clock_timestamp())) < 5").fetchone()
        assert row == (True,)
