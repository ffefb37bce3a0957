"""Reading season files: programmes with concerts and works, as real archives write them.

`Date` is midnight in New York written in UTC, wherever the concert is; `Time` is local wall time or the string `None`; names
carry double spaces and trailing commas; a value may be an object where the source had formatting; intermissions stand among
the works. What can't be read is reported with its place, and left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from ticketing.foundation.errors import Invalid

ARCHIVE_ZONE = ZoneInfo("America/New_York")
MOST_TITLE_COMPOSERS = 3
CLOCK_TIME = re.compile(r"^(1[0-2]|0?[1-9]):([0-5]\d)\s*([AP]M)$", re.IGNORECASE)


class SeasonFileRefused(Invalid):
    """Not a season file at all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that was left out: where, and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Concert:
    programme_id: str
    number: int
    """Within its programme, from 1."""
    season: str
    event_type: str
    location: str
    venue: str
    day: date
    wall_time: time

    @property
    def place(self) -> str:
        return f"programme {self.programme_id}, concert {self.number}"


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


def read_season(text: str | bytes) -> SeasonFile:
    """Parse a season file; raises `SeasonFileRefused` when it is not one."""
    try:
        source = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SeasonFileRefused(f"The season file is not complete JSON ({error}).") from error
    programs = source.get("programs") if isinstance(source, dict) else None
    if not isinstance(programs, list):
        raise SeasonFileRefused("A season file is a JSON object with a list `programs`.")
    problems: list[Problem] = []
    programmes: list[Programme] = []
    seen: set[str] = set()
    total = 0
    for number, item in enumerate(programs, start=1):
        concerts = item.get("concerts") if isinstance(item, dict) else None
        total += len(concerts) if isinstance(concerts, list) else 1
        if not isinstance(item, dict) or not isinstance(concerts, list) or not isinstance(item.get("id"), str):
            problems.append(Problem(f"entry {number}", "is no programme with id and concerts"))
        elif item["id"] in seen:
            problems.extend(Problem(f"entry {number}", f"programme {item['id']} stands twice") for _ in concerts)
        else:
            seen.add(item["id"])
            programmes.append(_programme(item, problems))
    return SeasonFile(tuple(programmes), tuple(problems), total)


def plain(value: Any) -> str:
    """Text without formatting: nested objects flattened, spaces folded, trailing commas cut."""
    if isinstance(value, dict):
        parts = [plain(value["_"])] if "_" in value else []
        parts += [plain(part) for key, part in value.items() if key != "_"]
        value = " ".join(part for part in parts if part)
    elif isinstance(value, list):
        value = " ".join(plain(part) for part in value)
    elif value is None:
        return ""
    return re.sub(r"\s+", " ", str(value)).strip(" ,;")


def person(name: Any) -> str:
    """`Handel,  George  Frideric` → `George Frideric Handel`."""
    last, comma, first = plain(name).partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() else last.strip()


def _programme(item: dict[str, Any], problems: list[Problem]) -> Programme:
    works = [work for work in item.get("works") or [] if isinstance(work, dict) and "interval" not in work]
    composers = list(dict.fromkeys(plain(work.get("composerName")).partition(",")[0] for work in works if work.get("composerName")))
    programme_id = item["id"]
    concerts = [
        concert
        for number, source in enumerate(item["concerts"], start=1)
        if (concert := _concert(programme_id, number, plain(item.get("season")), source, problems))
    ]
    lines = [": ".join(filter(None, (person(w.get("composerName")), _work_title(w)))) for w in works]
    return Programme(
        id=programme_id,
        season=plain(item.get("season")),
        orchestra=plain(item.get("orchestra")),
        title=_title(composers) or plain(item.get("orchestra")) or "Concert",
        description="\n".join(line for line in lines if line),
        tags=tuple(composers[:20]),
        artists=tuple(_artists(works)),
        concerts=tuple(concerts),
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
        for soloist in work.get("soloists") or []
        if isinstance(soloist, dict)
    ]
    for name, role in [*conductors, *soloists]:
        full = person(name)
        if full and full not in seen:
            seen.add(full)
            yield full, role


def _concert(programme_id: str, number: int, season: str, source: Any, problems: list[Problem]) -> Concert | None:
    place = f"programme {programme_id}, concert {number}"
    if not isinstance(source, dict):
        problems.append(Problem(place, "is no concert"))
        return None
    location, venue = plain(source.get("Location")), plain(source.get("Venue"))
    if not location or not venue:
        problems.append(Problem(place, "has no venue or location"))
        return None
    try:
        instant = datetime.fromisoformat(str(source.get("Date")))
        day = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(ARCHIVE_ZONE).date()
    except ValueError:
        problems.append(Problem(place, f"has no readable date ({plain(source.get('Date')) or 'none'})"))
        return None
    clock = CLOCK_TIME.match(plain(source.get("Time")))
    if clock is None:
        problems.append(Problem(place, f"has no time of day ({plain(source.get('Time')) or 'none'})"))
        return None
    hour = int(clock[1]) % 12 + (12 if clock[3].upper() == "PM" else 0)
    return Concert(
        programme_id, number, season, plain(source.get("eventType")) or "Concert", location, venue, day, time(hour, int(clock[2]))
    )
