"""Seating plans: the open JSON of zones, rows, seats and areas, read into sections and seats.

What is known is checked; what is not known is kept (the plan is stored as it was read). An area is a standing section when
it carries a `capacity`; other areas are scenery. Refusals name every place that is wrong: zone, row, seat.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ticketing.catalog.rules import SectionKind
from ticketing.foundation.errors import Invalid

MOST_SEATS = 150_000
FARTHEST = 1_000_000
"""Coordinates beyond this are a mistake, and would not fit a map."""
MOST_PROBLEMS = 50
"""So many are named; a plan with more is no plan of ours."""
LONGEST_NOTE = 500


class PlanRefused(Invalid):
    """The plan contradicts itself, or is not a plan; the message names the first place and quotes it, for who has the file.

    `details["fields"]` has every place by its path (`zones.0.rows.2.seats.4.category`), and quotes nothing.
    """


@dataclass(frozen=True, slots=True)
class PlanSeat:
    guid: str
    row_label: str
    row_position: int
    seat_label: str
    seat_position: int
    x: float
    y: float
    category: str
    accessible: bool = False
    """For a wheelchair."""
    companion_of: str | None = None
    """The guid of the accessible seat for whose user's companion it is kept."""
    view_note: str | None = None


@dataclass(frozen=True, slots=True)
class PlanSection:
    """A zone's seats, or one standing area of a zone."""

    name: str
    kind: SectionKind
    capacity: int
    displayed: bool
    category: str = ""
    """Of a standing area."""
    seats: tuple[PlanSeat, ...] = ()


@dataclass(frozen=True, slots=True)
class SeatingPlan:
    name: str
    categories: tuple[str, ...]
    sections: tuple[PlanSection, ...]
    source: dict[str, Any] = field(repr=False)

    @property
    def seat_count(self) -> int:
        return sum(len(section.seats) for section in self.sections)

    @property
    def standing_capacity(self) -> int:
        return sum(section.capacity for section in self.sections if section.kind is SectionKind.STANDING)

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(json.dumps(self.source, sort_keys=True, separators=(",", ":")).encode()).digest()


def read_plan(text: str | bytes) -> SeatingPlan:
    """Parse and check a plan; raises `PlanRefused`."""
    try:
        source = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # ValueError: broken JSON, broken UTF-8, endless digits
        raise PlanRefused(f"The plan is not complete JSON ({error}).") from error
    if not isinstance(source, dict):
        raise PlanRefused("A plan is a JSON object with name, categories and zones.")
    return parse_plan(source)


def parse_plan(source: dict[str, Any]) -> SeatingPlan:
    """Check a decoded plan; raises `PlanRefused` with everything that is wrong."""
    _refuse_unstorable(source)
    whole = _Place([], "", "the plan")
    name = _text(source, "name", whole)
    categories = tuple(
        _text(item, "name", whole.inside(f"categories.{i}", f"category {i + 1}"))
        for i, item in enumerate(_objects(source, "categories", whole))
    )
    if len(set(categories)) < len(categories):
        whole.refuse("categories", "a category is named twice", said="The plan names a category twice.")
    if "size" in source:
        _numbers(source["size"], ("width", "height"), whole, "size", field="size", least=0)
    reading = _Reading(frozenset(categories))
    sections: list[PlanSection] = []
    first_places: dict[str, str] = {}
    for number, zone in enumerate(_objects(source, "zones", whole)):
        for section, place in reading.sections(zone, number, whole):
            if section.name in first_places:
                place.refuse("", f"has the name of {first_places[section.name]}", said=f"Two sections are called {section.name!r}.")
            first_places.setdefault(section.name, place.path)
            sections.append(section)
    reading.check_companions()
    if not sections and not whole.problems:
        whole.refuse("zones", "have no seats and no standing areas", said="The plan has no seats and no standing areas.")
    if len(reading.seats) > MOST_SEATS:
        said = f"The plan has {len(reading.seats)} seats; {MOST_SEATS} is the most."
        whole.refuse("zones", f"have more than {MOST_SEATS} seats", said=said)
    whole.stop_when_wrong()
    return SeatingPlan(name=name, categories=categories, sections=tuple(sections), source=source)


def standing_plan(name: str, capacity: int) -> SeatingPlan:
    """The plan of a room without numbered places."""
    area = {"capacity": capacity, "text": "General admission", "category": "General admission", "position": {"x": 0, "y": 0}}
    zone = {"name": "General admission", "position": {"x": 0, "y": 0}, "rows": [], "areas": [area]}
    return parse_plan({"name": name, "size": {"width": 100, "height": 100}, "categories": [{"name": "General admission"}], "zones": [zone]})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the plan something is: for programs, and in words. What is wrong there is collected, not raised."""

    problems: list[tuple[str, str, str]]
    """(path, sentence, reason) of the whole plan."""
    path: str
    words: str

    def inside(self, path: str, words: str) -> _Place:
        return _Place(self.problems, f"{self.path}.{path}" if self.path else path, words)

    def refuse(self, name: str, reason: str, *, said: str | None = None) -> None:
        """`said` is the sentence for people, where it says more than the reason."""
        if len(self.problems) < MOST_PROBLEMS:
            path = ".".join(part for part in (self.path, name) if part)
            self.problems.append((path, said or f"{self.words}: {name} {reason}.", reason))

    def stop_when_wrong(self) -> None:
        if self.problems:
            fields: dict[str, str] = {}
            for path, _, reason in self.problems:
                fields.setdefault(path, reason)
            raise PlanRefused(self.problems[0][1], fields=fields)


class _Reading:
    """One plan while it is read: which seats and categories it has."""

    def __init__(self, categories: frozenset[str]) -> None:
        self.categories = categories
        self.seats: dict[str, _Place] = {}
        """Where each guid was first."""
        self._accessible: set[str] = set()
        self._companions: list[tuple[_Place, str]] = []

    def sections(self, zone: dict[str, Any], number: int, plan: _Place) -> Iterator[tuple[PlanSection, _Place]]:
        place = plan.inside(f"zones.{number}", f"zone {number + 1}")
        name = _text(zone, "name", place)
        place = plan.inside(f"zones.{number}", f"zone {name!r}") if name else place
        origin = _position(zone, place)
        displayed = bool(zone.get("displayed", True))
        seats: list[PlanSeat] = []
        for row_position, row in enumerate(_objects(zone, "rows", place, needed=False)):
            seats.extend(self._row(row, row_position, place, origin))
        if seats:
            yield PlanSection(name, SectionKind.SEATED, len(seats), displayed, seats=tuple(seats)), place
        for position, area in enumerate(_objects(zone, "areas", place, needed=False)):
            at = place.inside(f"areas.{position}", f"{place.words}, area {position + 1}")
            _check_area(area, at)
            if "capacity" not in area:
                continue
            capacity = area["capacity"]
            if not isinstance(capacity, int) or isinstance(capacity, bool) or not 0 < capacity <= FARTHEST:
                at.refuse("capacity", "must be a positive whole number")
                continue
            label = _area_text(area) or f"{name} {position + 1}"
            category = str(area.get("category") or label)
            if area.get("category") and category not in self.categories:
                self._refuse_category(at, category)
            yield PlanSection(label, SectionKind.STANDING, capacity, displayed, category=category), at

    def _row(self, row: dict[str, Any], row_position: int, zone: _Place, origin: tuple[float, float]) -> Iterator[PlanSeat]:
        place = zone.inside(f"rows.{row_position}", f"{zone.words}, row {row_position + 1}")
        label = _label(row, "row", row_position, place)
        place = zone.inside(f"rows.{row_position}", f"{zone.words}, row {label!r}")
        row_x, row_y = _position(row, place)
        for position, seat in enumerate(_objects(row, "seats", place)):
            at = place.inside(f"seats.{position}", f"{place.words}, seat {position + 1}")
            guid = _text(seat, "seat_guid", at)
            if guid in self.seats:
                first = self.seats[guid]
                said = f"{at.words}: seat_guid {guid!r} is used twice (first at {first.words})."
                at.refuse("seat_guid", f"is used twice, first at {first.path}", said=said)
            elif guid:
                self.seats[guid] = at
            category = _text(seat, "category", at)
            if category and category not in self.categories:
                self._refuse_category(at, category)
            x, y = _position(seat, at)
            if "radius" in seat:
                _numbers(seat, ("radius",), at, "a seat", field="radius", least=0)
            accessible, companion_of, note = self._reserved(seat, guid, at)
            number = _label(seat, "seat", position, at)
            place_of_seat = (origin[0] + row_x + x, origin[1] + row_y + y)
            yield PlanSeat(guid, label, row_position, number, position, *place_of_seat, category, accessible, companion_of, note)

    def _reserved(self, seat: dict[str, Any], guid: str, at: _Place) -> tuple[bool, str | None, str | None]:
        """Whether a seat is for a wheelchair, whose companion's it is, and what is said of its view."""
        accessible, companion_of, note = seat.get("accessible", False), seat.get("companion_of"), seat.get("view_note")
        if not isinstance(accessible, bool):
            at.refuse("accessible", "must be true or false")
            accessible = False
        if accessible:
            self._accessible.add(guid)
        if companion_of is not None:
            if isinstance(companion_of, str) and not accessible:
                companion_of = companion_of.strip()
                self._companions.append((at, companion_of))
            else:
                at.refuse("companion_of", "must be the seat_guid of an accessible seat, and a seat is not both")
                companion_of = None
        if note is not None and not (isinstance(note, str) and len(note) <= LONGEST_NOTE):
            at.refuse("view_note", f"must be text of at most {LONGEST_NOTE} characters")
            note = None
        return accessible, companion_of, note

    def check_companions(self) -> None:
        """Once all seats are known."""
        for at, guid in self._companions:
            if guid not in self._accessible:
                at.refuse("companion_of", "names no accessible seat of the plan")

    @staticmethod
    def _refuse_category(at: _Place, category: str) -> None:
        at.refuse("category", "is not one of the plan's", said=f"{at.words}: category {category!r} is not one of the plan's.")


def _check_area(area: dict[str, Any], place: _Place) -> None:
    """Sizes stand in the area itself in older files, in an object named after its shape in newer ones."""
    _position(area, place)
    for key in ("width", "height"):
        if key in area:
            _numbers(area, (key,), place, "an area", field=key, least=0)
    if "rotation" in area:
        _numbers(area, ("rotation",), place, "an area", field="rotation")
    for shape, keys in (("rectangle", ("width", "height")), ("circle", ("radius",))):
        if isinstance(area.get(shape), dict):
            _numbers(area[shape], keys, place, shape, field=shape, least=0)
    ellipse = area.get("ellipse")
    if isinstance(ellipse, dict):
        _numbers(ellipse.get("radius"), ("x", "y"), place, "the radius of an ellipse", field="ellipse.radius", least=0)


def _area_text(area: dict[str, Any]) -> str:
    value = area.get("text")
    text = value.get("text") if isinstance(value, dict) else value
    return text.strip() if isinstance(text, str) else ""


def _objects(parent: dict[str, Any], key: str, place: _Place, *, needed: bool = True) -> list[dict[str, Any]]:
    value = parent.get(key, None if needed else [])
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    place.refuse(key, "must be a list of objects")
    return []


def _text(parent: dict[str, Any], key: str, place: _Place) -> str:
    """Empty when it is missing."""
    value = parent.get(key)
    if isinstance(value, str) and value.strip():
        return value.strip()
    place.refuse(key, "is missing")
    return ""


def _label(parent: dict[str, Any], kind: str, position: int, place: _Place) -> str:
    """`row_number` or `seat_number`; without one, the place in the plan put into the label's pattern (`Row %s`)."""
    number = parent.get(f"{kind}_number")
    if isinstance(number, bool) or not isinstance(number, str | int | None):
        place.refuse(f"{kind}_number", "must be text")
        number = None
    if number is not None and str(number).strip():
        return str(number).strip()
    pattern = parent.get(f"{kind}_label")
    return pattern.strip().replace("%s", str(position + 1)) if isinstance(pattern, str) and pattern.strip() else str(position + 1)


def _position(parent: dict[str, Any], place: _Place) -> tuple[float, float]:
    if not isinstance(parent.get("position"), dict):
        place.refuse("position", "is missing")
        return 0.0, 0.0
    x, y = _numbers(parent["position"], ("x", "y"), place, "position", field="position")
    return x, y


def _numbers(value: Any, keys: tuple[str, ...], place: _Place, what: str, *, field: str, least: float = -FARTHEST) -> list[float]:
    """The named numbers of an object, each between `least` and `FARTHEST`; zeros when one is not."""
    numbers = [value.get(key) for key in keys] if isinstance(value, dict) else [None]
    # The comparison comes before any conversion: JSON's whole numbers have no end, floats do.
    if all(isinstance(n, int | float) and not isinstance(n, bool) and least <= n <= FARTHEST for n in numbers):
        return [float(number) for number in numbers if number is not None]
    reason = f"needs numbers {' and '.join(keys)}, from {least:,.0f} to {FARTHEST:,}"
    place.refuse(field, reason, said=f"{place.words}: {what} {reason}.")
    return [0.0] * len(keys)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _refuse_unstorable(source: dict[str, Any]) -> None:
    """PostgreSQL's text holds neither NUL nor half of a surrogate pair."""
    try:
        text = json.dumps(source, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise PlanRefused("The plan holds text or numbers that can't be stored.") from error
    if "\\u0000" in text:
        raise PlanRefused("The plan holds a NUL character.")
