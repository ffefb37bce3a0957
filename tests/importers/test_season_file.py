"""Reading season files: what real archives do, and what is reported."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from tests.importers.seasons import INTERMISSION, concert, programme, season, work
from ticketing.importers.names import person, plain
from ticketing.importers.season_file import SeasonFileRefused, read_season

REAL_SEASONS = Path(__file__).resolve().parents[3] / "shared" / "data" / "nyphil"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Beethoven,  Ludwig  van", "Ludwig van Beethoven"),
        ("Traditional,", "Traditional"),
        ("Clinton, Tyrone, Jr.", "Tyrone Clinton, Jr."),
        ("Bartok [Bartók],  Béla", "Béla Bartók"),
        ("Deneve [Denève], Stephane [Stéphane]", "Stéphane Denève"),
        ("Military Academy Band, Brass and Percussion", "Military Academy Band, Brass and Percussion"),
        ("Klezmer Conservatory Band, The", "The Klezmer Conservatory Band"),
        ("Cher", "Cher"),
        (None, ""),
        ("None", ""),
    ],
)
def test_person_is_written_first_name_first_when_read(written: Any, read: str) -> None:
    assert person(written) == read


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"_": "Overture To", "em": "Tannhäuser"}, "Overture To Tannhäuser"),
        ({"em": "The Swan of Tuonela"}, "The Swan of Tuonela"),
        ({"_": "FROM  (QUARTET)", "em": ["ARRIVAL", "SOLOMON"]}, "FROM (QUARTET) ARRIVAL, SOLOMON"),
        ("a\x00b\ud800 c,", "a b c"),
        (12, "12"),
    ],
)
def test_formatting_is_flattened_when_a_value_has_some(value: Any, text: str) -> None:
    assert plain(value) == text


def test_programme_is_read_with_works_people_and_title() -> None:
    works = [
        work(),
        INTERMISSION,
        work(composerName="Dvorak,  Antonín", workTitle={"_": "SYMPHONY NO. 9,", "em": "NEW WORLD"}, movement="Largo", soloists=[]),
        work(composerName="Anthem,", workTitle="UNITED STATES", soloists=[{"soloistName": "Fleming, Renee", "soloistInstrument": "Voice"}]),
    ]
    file = read_season(season(programme(works=works)))
    read = file.programmes[0]
    assert (read.title, read.tags) == ("Handel and Dvorak", ("Handel", "Dvorak"))
    assert read.artists == (("Xian Zhang", "Conductor"), ("Renee Fleming", "Soprano"))
    assert read.description.splitlines() == [
        "The Orchestra",
        "George Frideric Handel: WATER MUSIC",
        "Antonín Dvorak: SYMPHONY NO. 9, NEW WORLD, Largo",
        "Anthem: UNITED STATES",
    ]
    assert (file.concerts_in, file.problems) == (1, ())


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024-09-12T04:00:00Z", date(2024, 9, 12)),  # summer time
        ("2024-12-12T05:00:00Z", date(2024, 12, 12)),  # winter time
        ("2024-11-03T04:00:00Z", date(2024, 11, 3)),  # the day the clocks go back
        ("2024-09-12", date(2024, 9, 12)),
    ],
)
def test_date_is_the_day_whose_midnight_it_is_in_new_york(written: str, day: date) -> None:
    file = read_season(season(programme(concerts=[concert(Date=written, Location="Seoul, KOREA")])))
    assert [c.day for p in file.programmes for c in p.concerts] == [day]


@pytest.mark.parametrize(
    ("written", "read"),
    [("7:30PM", time(19, 30)), ("12:00PM", time(12)), ("12:15AM", time(0, 15)), ("11:00 am", time(11))],
)
def test_time_is_read_as_wall_time(written: str, read: time) -> None:
    file = read_season(season(programme(concerts=[concert(Time=written)])))
    assert [c.wall_time for p in file.programmes for c in p.concerts] == [read]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"Time": "None"}, "has no time of day (none)"),
        ({"Time": "25:00PM"}, "has no time of day (25:00PM)"),
        ({"Time": None}, "has no time of day (none)"),
        ({"Venue": "None"}, "has no venue or location"),
        ({"Location": ""}, "has no venue or location"),
        ({"Date": "2024-13-45"}, "has no readable date (2024-13-45)"),
        ({"Date": {"_": 1}}, "has no readable date (1)"),
        ({"Date": "2024-09-12T00:00:00Z"}, "has a date that is not midnight in New York (2024-09-12T00:00:00Z)"),
        ({"Date": "0001-01-01T00:00:00Z"}, "has no readable date (0001-01-01T00:00:00Z)"),
        ({"Date": "9999-12-31"}, "has no plausible date (9999-12-31)"),
    ],
)
def test_concert_is_reported_with_its_line_when_it_can_not_be_placed(overrides: dict[str, Any], reason: str) -> None:
    content = season(programme(concerts=[concert(), concert(**{"Date": "2024-09-13T04:00:00Z"} | overrides)]))
    file = read_season(content)
    assert file.concerts_in == 2
    assert [len(p.concerts) for p in file.programmes] == [1]
    (problem,) = file.problems
    assert (problem.place, problem.reason) == ("programme programme-1, concert 2", reason)
    lines = content.decode().splitlines()
    assert problem.line == [n for n, line in enumerate(lines, start=1) if line == "    {"][1]


@pytest.mark.parametrize(
    ("broken", "reason", "counted"),
    [
        ("a programme", "is no object", 1),
        (programme(2, id=7), "has no id", 1),
        (programme(2, concerts=[]), "has no concerts", 1),
        (programme(2) | {"concerts": {"eventType": "Tour"}}, "has concerts that are no list of objects", 1),
        (programme(2, concerts=[concert(), concert(Time="8:00PM")], works="none"), "has works that are no list of objects", 2),
        (programme(2, works=["a", "b"]), "has works that are no list of objects", 1),
        (programme(1, concerts=[concert(), concert()]), "stands twice in the file", 2),
    ],
)
def test_programme_is_reported_when_its_shape_is_wrong(broken: Any, reason: str, counted: int) -> None:
    file = read_season(season(programme(1), broken))
    assert [p.id for p in file.programmes] == ["programme-1"]
    assert [problem.reason for problem in file.problems] == [reason] * counted
    assert file.concerts_in == 1 + counted


def test_soloists_of_the_wrong_shape_do_not_keep_a_concert_out() -> None:
    file = read_season(season(programme(works=[work(soloists=3), work(soloists=[None, "x"])])))
    assert file.programmes[0].artists == (("Xian Zhang", "Conductor"),)


def test_concert_is_reported_when_its_programme_has_it_twice() -> None:
    file = read_season(season(programme(concerts=[concert(), concert(Venue="Other Hall"), concert()])))
    assert [c.number for c in file.programmes[0].concerts] == [1, 2]
    assert [problem.reason for problem in file.problems] == ["is the same as another of its programme (concert 1)"]


@pytest.mark.parametrize(
    "content", [b"", b'{"programs": [{"id": "a"', b"[]", b'{"programs": {}}', b"{}", b"\xff\xfe", b"[" * 100_000, b"nul"]
)
def test_file_is_refused_when_it_is_no_season(content: bytes) -> None:
    with pytest.raises(SeasonFileRefused):
        read_season(content)


@pytest.mark.parametrize(("name", "concerts", "without_time"), [("2004-05_TO_2010-11.json", 1522, 14), ("2024-25_TO_NOW.json", 252, 2)])
def test_real_seasons_are_read_when_they_are_there(name: str, concerts: int, without_time: int) -> None:
    path = REAL_SEASONS / name
    if not path.is_file():
        pytest.skip("the real seasons are not here")
    file = read_season(path.read_bytes())
    assert file.concerts_in == concerts == sum(len(p.concerts) for p in file.programmes) + len(file.problems)
    assert len(file.problems) == without_time
    lines = path.read_text().splitlines()
    assert all(lines[c.line - 1].strip() == "{" for p in file.programmes for c in p.concerts)
