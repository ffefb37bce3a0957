"""Seating plans: the open JSON of zones, rows, seats and areas, read into sections and seats.

What is known is checked; what is not known is kept (the plan is stored as it was read). An area is a standing section when
it carries a `capacity`; other areas are scenery. Refusals name the place: zone, row, seat.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ticketing.catalog.rules import SectionKind
from ticketing.foundation.errors import Invalid

MOST_SEATS = 150_000
FARTHEST = 1_000_000
"""Coordinates beyond this are a mistake, and would not fit a map."""


class PlanRefused(Invalid):
    """The plan contradicts itself, or is not a plan; the message names the place."""


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
    """Check a decoded plan; raises `PlanRefused`."""
    _refuse_unstorable(source)
    name = _text(source, "name", "the plan")
    categories = tuple(_text(item, "name", f"category {i + 1}") for i, item in enumerate(_objects(source, "categories", "the plan")))
    if len(set(categories)) < len(categories):
        raise PlanRefused("The plan names a category twice.")
    if "size" in source:
        _numbers(source["size"], ("width", "height"), "the plan", "size", least=0)
    seen: dict[str, str] = {}
    sections: list[PlanSection] = []
    for number, zone in enumerate(_objects(source, "zones", "the plan")):
        sections.extend(_zone_sections(zone, number, frozenset(categories), seen))
    if not sections:
        raise PlanRefused("The plan has no seats and no standing areas.")
    if len(seen) > MOST_SEATS:
        raise PlanRefused(f"The plan has {len(seen)} seats; {MOST_SEATS} is the most.")
    counted = Counter(section.name for section in sections)
    if twice := sorted(name for name, times in counted.items() if times > 1):
        raise PlanRefused(f"Two sections are called {twice[0]!r}.")
    return SeatingPlan(name=name, categories=categories, sections=tuple(sections), source=source)


def standing_plan(name: str, capacity: int) -> SeatingPlan:
    """The plan of a room without numbered places."""
    area = {"capacity": capacity, "text": "General admission", "category": "General admission", "position": {"x": 0, "y": 0}}
    zone = {"name": "General admission", "position": {"x": 0, "y": 0}, "rows": [], "areas": [area]}
    return parse_plan({"name": name, "size": {"width": 100, "height": 100}, "categories": [{"name": "General admission"}], "zones": [zone]})


def _zone_sections(zone: dict[str, Any], number: int, categories: frozenset[str], seen: dict[str, str]) -> Iterator[PlanSection]:
    name = _text(zone, "name", f"zone {number + 1}")
    place = f"zone {name!r}"
    x, y = _position(zone, place)
    displayed = bool(zone.get("displayed", True))
    seats: list[PlanSeat] = []
    for row_position, row in enumerate(_objects(zone, "rows", place, needed=False)):
        seats.extend(_row_seats(row, row_position, place, (x, y), categories, seen))
    if seats:
        yield PlanSection(name, SectionKind.SEATED, len(seats), displayed, seats=tuple(seats))
    for position, area in enumerate(_objects(zone, "areas", place, needed=False)):
        where = f"{place}, area {position + 1}"
        _check_area(area, where)
        if "capacity" not in area:
            continue
        capacity = area["capacity"]
        if not isinstance(capacity, int) or isinstance(capacity, bool) or not 0 < capacity <= FARTHEST:
            raise PlanRefused(f"{where}: capacity must be a positive whole number.")
        label = _area_text(area) or f"{name} {position + 1}"
        category = str(area.get("category") or label)
        if area.get("category") and category not in categories:
            raise PlanRefused(f"{where}: category {category!r} is not one of the plan's.")
        yield PlanSection(label, SectionKind.STANDING, capacity, displayed, category=category)


def _check_area(area: dict[str, Any], where: str) -> None:
    """Sizes stand in the area itself in older files, in an object named after its shape in newer ones."""
    _position(area, where)
    _numbers(area, tuple(key for key in ("width", "height") if key in area), where, "an area", least=0)
    if "rotation" in area:
        _numbers(area, ("rotation",), where, "an area")
    for shape, keys in (("rectangle", ("width", "height")), ("circle", ("radius",))):
        if isinstance(area.get(shape), dict):
            _numbers(area[shape], keys, where, shape, least=0)
    ellipse = area.get("ellipse")
    if isinstance(ellipse, dict):
        _numbers(ellipse.get("radius"), ("x", "y"), where, "the radius of an ellipse", least=0)


def _area_text(area: dict[str, Any]) -> str:
    value = area.get("text")
    text = value.get("text") if isinstance(value, dict) else value
    return text.strip() if isinstance(text, str) else ""


def _row_seats(
    row: dict[str, Any], row_position: int, place: str, origin: tuple[float, float], categories: frozenset[str], seen: dict[str, str]
) -> Iterator[PlanSeat]:
    label = _label(row, "row", row_position, f"{place}, row {row_position + 1}")
    where_row = f"{place}, row {label!r}"
    row_x, row_y = _position(row, where_row)
    for position, seat in enumerate(_objects(row, "seats", where_row)):
        where = f"{where_row}, seat {position + 1}"
        guid = _text(seat, "seat_guid", where)
        if guid in seen:
            raise PlanRefused(f"{where}: seat_guid {guid!r} is used twice (first at {seen[guid]}).")
        seen[guid] = where
        category = _text(seat, "category", where)
        if category not in categories:
            raise PlanRefused(f"{where}: category {category!r} is not one of the plan's.")
        x, y = _position(seat, where)
        if "radius" in seat:
            _numbers(seat, ("radius",), where, "a seat", least=0)
        number = _label(seat, "seat", position, where)
        yield PlanSeat(guid, label, row_position, number, position, origin[0] + row_x + x, origin[1] + row_y + y, category)


def _objects(parent: dict[str, Any], key: str, place: str, *, needed: bool = True) -> list[dict[str, Any]]:
    value = parent.get(key, None if needed else [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise PlanRefused(f"{place}: {key} must be a list of objects.")
    return value


def _text(parent: dict[str, Any], key: str, place: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not value.strip():
        raise PlanRefused(f"{place}: {key} is missing.")
    return value.strip()


def _label(parent: dict[str, Any], kind: str, position: int, where: str) -> str:
    """`row_number` or `seat_number`; without one, the place in the plan put into the label's pattern (`Row %s`)."""
    number = parent.get(f"{kind}_number")
    if isinstance(number, bool) or not isinstance(number, str | int | None):
        raise PlanRefused(f"{where}: {kind}_number must be text.")
    if number is not None and str(number).strip():
        return str(number).strip()
    pattern = parent.get(f"{kind}_label")
    return pattern.strip().replace("%s", str(position + 1)) if isinstance(pattern, str) and pattern.strip() else str(position + 1)


def _position(parent: dict[str, Any], place: str) -> tuple[float, float]:
    if not isinstance(parent.get("position"), dict):
        raise PlanRefused(f"{place}: position is missing.")
    x, y = _numbers(parent["position"], ("x", "y"), place, "position")
    return x, y


def _numbers(value: Any, keys: tuple[str, ...], place: str, what: str, *, least: float = -FARTHEST) -> list[float]:
    """The named numbers of an object, each between `least` and `FARTHEST`."""
    numbers: list[float] = []
    for number in [value.get(key) for key in keys] if isinstance(value, dict) else [None]:
        # The comparison comes before any conversion: JSON's whole numbers have no end, floats do.
        if not isinstance(number, int | float) or isinstance(number, bool) or not least <= number <= FARTHEST:
            raise PlanRefused(f"{place}: {what} needs numbers {' and '.join(keys)}, from {least:,.0f} to {FARTHEST:,}.")
        numbers.append(float(number))
    return numbers


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
