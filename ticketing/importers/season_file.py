"""Reading season files: programmes with concerts and works, as real archives write them.

`Date` is midnight in New York written in UTC, wherever the concert is; `Time` is local wall time or the string `None`; names
carry double spaces and trailing commas; a value may be an object where the source had formatting; intermissions stand among
the works. What can't be read is reported with its line, and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from ticketing.catalog.service import LONGEST_TITLE
from ticketing.foundation.errors import Invalid
from ticketing.importers.located_json import LocatedJson
from ticketing.importers.names import family_name, person, plain

ARCHIVE_ZONE = ZoneInfo("America/New_York")
MOST_TITLE_COMPOSERS = 3
MOST_TAGS = 20
NOT_COMPOSERS = {"Anthem", "Discussion", "Traditional", "Unspecified"}
"""What stands in the place of a composer's name."""
YEARS = range(1842, 2200)
CLOCK_TIME = re.compile(r"^(1[0-2]|0?[1-9]):([0-5]\d)\s*([AP]M)$", re.IGNORECASE)


class SeasonFileRefused(Invalid):
    """Not a season file at all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that was left out: where, and why."""

    line: int
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Concert:
    programme_id: str
    number: int
    """Within its programme, from 1."""
    line: int
    season: str
    event_type: str
    location: str
    venue: str
    day: date
    wall_time: time

    @property
    def place(self) -> str:
        return _place(self.programme_id, self.number)

    def problem(self, reason: str) -> Problem:
        return Problem(self.line, self.place, reason)


@dataclass(frozen=True, slots=True)
class Programme:
    id: str
    season: str
    orchestra: str
    title: str
    description: str
    tags: tuple[str, ...]
    artists: tuple[tuple[str, str], ...]
    """(name, role), conductor first."""
    concerts: tuple[Concert, ...]


@dataclass(frozen=True, slots=True)
class SeasonFile:
    programmes: tuple[Programme, ...]
    problems: tuple[Problem, ...]
    concerts_in: int
    """Concerts in the file, readable or not."""


def read_season(content: bytes) -> SeasonFile:
    """Parse a season file; raises `SeasonFileRefused` when it is not one."""
    try:
        document = LocatedJson(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # ValueError: broken JSON, broken UTF-8
        raise SeasonFileRefused(f"The season file is not complete JSON ({error}).") from error
    source = document.value
    if not isinstance(source, dict) or not isinstance(source.get("programs"), list):
        raise SeasonFileRefused("A season file is a JSON object with a list `programs`.")
    problems: list[Problem] = []
    programmes: list[Programme] = []
    seen: set[str] = set()
    total = 0
    start = document.member(document.start, "programs")
    assert start is not None
    for item, at in zip(source["programs"], document.elements(start), strict=True):
        concerts = item.get("concerts") if isinstance(item, dict) else None
        lines = _concert_lines(document, at, concerts)
        total += max(1, len(lines))
        if reason := _refusal(item, seen):
            problems.extend(Problem(line, "a programme", reason) for line in lines or [document.line(at)])
            continue
        seen.add(item["id"])
        programmes.append(_programme(item, lines, problems))
    return SeasonFile(tuple(programmes), tuple(problems), total)


def _concert_lines(document: LocatedJson, programme_at: int, concerts: Any) -> list[int]:
    start = document.member(programme_at, "concerts") if isinstance(concerts, list) else None
    return [] if start is None else [document.line(at) for at in document.elements(start)]


def _refusal(item: Any, seen: set[str]) -> str | None:
    """Why nothing of a programme can be used."""
    if not isinstance(item, dict):
        return "is no object"
    if not isinstance(item.get("id"), str) or not plain(item["id"]):
        return "has no id"
    for key in ("concerts", "works"):
        value = item.get(key, [])
        if not isinstance(value, list) or (key == "works" and not all(isinstance(work, dict) for work in value)):
            return f"has {key} that are no list of objects"
    if not item.get("concerts"):
        return "has no concerts"
    return "stands twice in the file" if item["id"] in seen else None


def _place(programme_id: str, number: int) -> str:
    return f"programme {programme_id}, concert {number}"


def _programme(item: dict[str, Any], lines: list[int], problems: list[Problem]) -> Programme:
    works = [work for work in item.get("works", []) if "interval" not in work]
    composers = [
        name for name in dict.fromkeys(family_name(work.get("composerName")) for work in works) if name and name not in NOT_COMPOSERS
    ]
    programme_id, season, orchestra = plain(item["id"]), plain(item.get("season")), plain(item.get("orchestra"))
    concerts: dict[tuple[date, time, str], Concert] = {}
    for number, (source, line) in enumerate(zip(item["concerts"], lines, strict=True), start=1):
        concert = _concert(source, programme_id, number, line, season)
        if isinstance(concert, str):
            problems.append(Problem(line, _place(programme_id, number), concert))
            continue
        first = concerts.setdefault((concert.day, concert.wall_time, concert.venue), concert)
        if first is not concert:
            problems.append(concert.problem(f"is the same as another of its programme (concert {first.number})"))
    pieces = [": ".join(filter(None, (person(work.get("composerName")), _work_title(work)))) for work in works]
    return Programme(
        id=programme_id,
        season=season,
        orchestra=orchestra,
        title=(_title(composers) or orchestra or "Concert")[:LONGEST_TITLE],
        description="\n".join(filter(None, [orchestra, *pieces])),
        tags=tuple(composers[:MOST_TAGS]),
        artists=tuple(_artists(works)),
        concerts=tuple(concerts.values()),
    )


def _title(composers: list[str]) -> str:
    named = [name for name in composers if name][:MOST_TITLE_COMPOSERS]
    if len(composers) > MOST_TITLE_COMPOSERS:
        return ", ".join(named) + " and more"
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1] if named else "")))


def _work_title(work: dict[str, Any]) -> str:
    return ", ".join(filter(None, (plain(work.get("workTitle")), plain(work.get("movement")))))


def _artists(works: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    conductors = [(name, "Conductor") for work in works for name in plain(work.get("conductorName")).split(";")]
    soloists = [
        (plain(soloist.get("soloistName")), plain(soloist.get("soloistInstrument")) or "Soloist")
        for work in works
        for soloist in (work["soloists"] if isinstance(work.get("soloists"), list) else [])
        if isinstance(soloist, dict)
    ]
    for name, role in [*conductors, *soloists]:
        full = person(name)
        if full and full not in seen:
            seen.add(full)
            yield full, role


def _concert(source: Any, programme_id: str, number: int, line: int, season: str) -> Concert | str:
    """The concert, or why it can't be placed."""
    if not isinstance(source, dict):
        return "is no object"
    location, venue = plain(source.get("Location")), plain(source.get("Venue"))
    if not location or not venue:
        return "has no venue or location"
    day = _day(source.get("Date"))
    if isinstance(day, str):
        return day
    clock = CLOCK_TIME.match(plain(source.get("Time")))
    if clock is None:
        return f"has no time of day ({plain(source.get('Time')) or 'none'})"
    hour = int(clock[1]) % 12 + (12 if clock[3].upper() == "PM" else 0)
    return Concert(
        programme_id=programme_id,
        number=number,
        line=line,
        season=season,
        event_type=plain(source.get("eventType")) or "Concert",
        location=location,
        venue=venue,
        day=day,
        wall_time=time(hour, int(clock[2])),
    )


def _day(value: Any) -> date | str:
    """The day that an instant is midnight of in New York (a date without a zone is that date), or why it is none."""
    written = plain(value)
    try:
        instant = datetime.fromisoformat(written)
        local = instant.astimezone(ARCHIVE_ZONE) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        return f"has no readable date ({written or 'none'})"
    if local.time() != time():
        return f"has a date that is not midnight in New York ({written})"
    return local.date() if local.year in YEARS else f"has no plausible date ({written})"
