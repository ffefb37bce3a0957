"""Seating plans: the open JSON of zones, rows, seats and areas, read into sections and seats.

What is known is checked; what is not known is kept (the plan is stored as it was read). An area is a standing section when
it carries a `capacity`; other areas are scenery. Refusals name the place: zone, row, seat.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ticketing.catalog.rules import SectionKind
from ticketing.foundation.errors import Invalid

MOST_SEATS = 150_000


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
        source = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PlanRefused(f"The plan is not complete JSON ({error}).") from error
    if not isinstance(source, dict):
        raise PlanRefused("A plan is a JSON object with name, categories and zones.")
    return parse_plan(source)


def parse_plan(source: dict[str, Any]) -> SeatingPlan:
    """Check a decoded plan; raises `PlanRefused`."""
    name = _text(source, "name", "the plan")
    categories = tuple(_text(item, "name", f"category {i + 1}") for i, item in enumerate(_objects(source, "categories", "the plan")))
    if len(set(categories)) < len(categories):
        raise PlanRefused("The plan names a category twice.")
    seen: dict[str, str] = {}
    sections: list[PlanSection] = []
    for number, zone in enumerate(_objects(source, "zones", "the plan")):
        sections.extend(_zone_sections(zone, number, frozenset(categories), seen))
    if not sections:
        raise PlanRefused("The plan has no seats and no standing areas.")
    if len(seen) > MOST_SEATS:
        raise PlanRefused(f"The plan has {len(seen)} seats; {MOST_SEATS} is the most.")
    names = [section.name for section in sections]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PlanRefused(f"Two sections are called {sorted(twice)[0]!r}.")
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
        if "capacity" not in area:
            continue
        where = f"{place}, area {position + 1}"
        capacity = area["capacity"]
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity <= 0:
            raise PlanRefused(f"{where}: capacity must be a positive whole number.")
        label = str(area.get("text") or "").strip() or f"{name} {position + 1}"
        category = str(area.get("category") or label)
        if area.get("category") and category not in categories:
            raise PlanRefused(f"{where}: category {category!r} is not one of the plan's.")
        yield PlanSection(label, SectionKind.STANDING, capacity, displayed, category=category)


def _row_seats(
    row: dict[str, Any], row_position: int, place: str, origin: tuple[float, float], categories: frozenset[str], seen: dict[str, str]
) -> Iterator[PlanSeat]:
    label = str(row.get("row_number") or row.get("row_label") or row_position + 1)
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
        number = str(seat.get("seat_number") or position + 1)
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


def _position(parent: dict[str, Any], place: str) -> tuple[float, float]:
    value = parent.get("position")
    if not isinstance(value, dict):
        raise PlanRefused(f"{place}: position is missing.")
    x, y = value.get("x"), value.get("y")
    for axis in (x, y):
        if not isinstance(axis, int | float) or isinstance(axis, bool) or not math.isfinite(axis):
            raise PlanRefused(f"{place}: position needs numbers x and y.")
    return float(value["x"]), float(value["y"])
