"""`ticketing import`: exit codes, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests import factories
from tests.catalog.plans import small_plan
from tests.importers.seasons import concert, programme, season
from ticketing.cli import main
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings

Files = Callable[[str, bytes], str]


@pytest.fixture
def installation(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An installation with a vendor `orchestra`, whose commands find this test's database."""
    monkeypatch.setenv("TICKETING_HOME", str(settings.home_path))
    for name, role in (("", Role.CORE), ("OWNER_", Role.OWNER), ("READER_", Role.READER)):
        monkeypatch.setenv(f"TICKETING_DATABASE_{name}URL", database.url(role))
    with database.transaction() as session:
        factories.make_vendor(session, slug="orchestra")
    return database


@pytest.fixture
def write(tmp_path: Path) -> Files:
    def write(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["import", *arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def count(database: Database, table: str) -> int:
    with database.transaction() as session:
        number: int = session.execute(text(f"select count(*) from {table}")).scalar_one()
    return number


def plan_bytes(**overrides: Any) -> bytes:
    return json.dumps(small_plan(**overrides)).encode()


def test_season_exits_with_0_when_everything_is_stored_and_again_when_nothing_changes(
    installation: Database, write: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    file, hall = write("season.json", season(programme())), write("hall.json", plan_bytes())
    arguments = ("season", file, "--vendor", "orchestra", "--into-coming-season", "--venue-plan", f"Main Hall={hall}", "--json")
    told = []
    for _ in range(2):
        assert run(*arguments) == 0
        told.append(json.loads(capsys.readouterr().out))
    keys = ("concerts_in", "stored", "unchanged", "left_out", "published")
    assert [[one[key] for key in keys] for one in told] == [[1, 1, 0, 0, 1], [1, 0, 1, 0, 0]]
    assert count(installation, "event_seat") == 5


def test_season_exits_with_1_and_lists_what_it_left_out(installation: Database, write: Files, capsys: pytest.CaptureFixture[str]) -> None:
    file = write("season.json", season(programme(concerts=[concert(), concert(Time="None")])))
    assert run("season", file, "--vendor", "orchestra", "--draft") == 1
    out = capsys.readouterr().out
    assert "programme programme-1, concert 2 has no time of day (none)" in out
    assert "concerts in 2, stored 1, unchanged 0, left out 1" in out


@pytest.mark.parametrize(
    ("content", "extra", "said"),
    [
        (b'{"programs": [{"id"', (), "not complete JSON"),
        (b"[]", (), "list `programs`"),
        (season(programme()), ("--venue-plan", "Main Hall"), "write NAME=PLAN"),
        (season(programme()), ("--venue-plan", "Main Hall=nowhere.json"), "write NAME=PLAN"),
        (season(programme()), ("--venue-plan", "Elsewhere=PLAN"), "No concert of the file is at 'Elsewhere'"),
        (season(programme()), ("--venue-plan", "Main Hall=BROKEN"), "seat_guid 'a1' is used twice"),
        (season(programme()), ("--rules", "RULES"), "sales.max_per_buyer"),
    ],
)
def test_season_exits_with_2_and_writes_nothing_when_its_input_is_bad(
    installation: Database, write: Files, capsys: pytest.CaptureFixture[str], content: bytes, extra: tuple[str, ...], said: str
) -> None:
    broken = small_plan()
    broken["zones"][0]["rows"][1]["seats"][0]["seat_guid"] = "a1"
    made = {
        "PLAN": write("plan.json", plan_bytes()),
        "BROKEN": write("broken.json", json.dumps(broken).encode()),
        "RULES": write("rules.toml", b"[sales]\nmax_per_buyer = 0\n"),
    }
    for name, path in made.items():
        extra = tuple(value.replace(name, path) for value in extra)
    assert run("season", write("season.json", content), "--vendor", "orchestra", *extra) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.strip().count("\n") == 0
    assert (count(installation, "event"), count(installation, "venue")) == (0, 0)


def test_season_exits_with_2_when_vendor_or_file_is_unknown(
    installation: Database, write: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("season", write("season.json", season(programme())), "--vendor", "nobody") == 2
    assert "ticketing vendor add" in capsys.readouterr().err
    assert run("season", "/nowhere.json", "--vendor", "orchestra") == 2
    assert "/nowhere.json" in capsys.readouterr().err


def test_plan_is_counted_and_not_stored_when_no_vendor_is_given(write: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", write("plan.json", plan_bytes())) == 0
    out = capsys.readouterr().out
    assert "seats 5, standing places 40, sections 2" in out
    assert "nothing was stored" in out


def test_plan_makes_venue_and_layout_once_when_it_is_imported_twice(
    installation: Database, write: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("plan.json", plan_bytes())
    arguments = ("plan", file, "--vendor", "orchestra", "--venue", "Main Hall", "--json")
    assert run(*arguments) == 2
    assert "give --city and --zone" in capsys.readouterr().err
    layouts = set()
    for place in (("--city", "Manhattan", "--zone", "America/New_York", "--country", "US"), ()):
        assert run(*arguments, *place) == 0
        layouts.add(json.loads(capsys.readouterr().out)["layout_id"])
    assert len(layouts) == count(installation, "layout") == count(installation, "venue") == 1
    changed = write("changed.json", plan_bytes(name="Small hall", size={"width": 1, "height": 1}))
    assert run("plan", changed, "--vendor", "orchestra", "--venue", "Main Hall") == 0
    assert count(installation, "layout") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--vendor", "orchestra"), "--vendor and --venue together"),
        (("--vendor", "orchestra", "--venue", "X", "--city", "Y", "--zone", "Mars/Base"), "not an IANA time zone"),
        (("--vendor", "nobody", "--venue", "X", "--city", "Y", "--zone", "Europe/Berlin"), "ticketing vendor add"),
    ],
)
def test_plan_exits_with_2_when_it_can_not_be_stored(
    installation: Database, write: Files, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run("plan", write("plan.json", plan_bytes()), *arguments) == 2
    assert said in capsys.readouterr().err
    assert count(installation, "layout") == 0
