"""Seating plans made in code, in the JSON that seating plans have everywhere (`catalog.plan`): a theatre, a hall, a club, an arena.

Positions are in the plan's own units: seats stand 25 apart, rows 30; a row bends towards its ends as rows in houses do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SEAT_STEP = 25
ROW_STEP = 30
BEND = 0.004
"""How far a seat stands back, per unit of its distance from the middle, squared."""


@dataclass(frozen=True, slots=True)
class Block:
    """A zone of seats: rows from the front, and which category each row is sold as (the last one holds for the rest)."""

    name: str
    rows: int
    seats: int
    categories: tuple[tuple[int, str], ...]
    """(up to this row, category)."""
    x: float = 0
    y: float = 0
    first_row: int = 1


def zone(block: Block, *, prefix: str) -> dict[str, Any]:
    """A block in the plan's form; `prefix` makes its seat ids unique in the plan."""
    return {
        "name": block.name,
        "position": {"x": block.x, "y": block.y},
        "rows": [_row(block, number, prefix) for number in range(block.rows)],
        "areas": [],
    }


def _row(block: Block, number: int, prefix: str) -> dict[str, Any]:
    category = next((name for last, name in block.categories if number < last), block.categories[-1][1])
    middle = (block.seats - 1) / 2
    return {
        "row_number": str(block.first_row + number),
        "position": {"x": 0, "y": number * ROW_STEP},
        "seats": [
            {
                "seat_number": str(seat + 1),
                "seat_guid": f"{prefix}-{block.first_row + number}-{seat + 1}",
                "category": category,
                "position": {"x": seat * SEAT_STEP, "y": round(-BEND * ((seat - middle) * SEAT_STEP) ** 2 * 0.1, 1)},
            }
            for seat in range(block.seats)
        ],
    }


def standing(name: str, capacity: int, *, x: float = 0, y: float = 0) -> dict[str, Any]:
    """A zone with one standing area."""
    area = {"text": name, "category": name, "capacity": capacity, "position": {"x": 0, "y": 0}}
    return {"name": name, "position": {"x": x, "y": y}, "rows": [], "areas": [area]}


def plan(name: str, zones: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A whole plan; its categories are those that its seats and areas name."""
    seats = [seat["category"] for part in zones for row in part["rows"] for seat in row["seats"]]
    areas = [area["category"] for part in zones for area in part["areas"]]
    return {
        "name": name,
        "size": {"width": 1400, "height": 1200},
        "categories": [{"name": category} for category in dict.fromkeys([*seats, *areas])],
        "zones": list(zones),
    }


def theatre(name: str) -> dict[str, Any]:
    """Stalls in three prices, a circle, two side boxes: 404 seats."""
    stalls = Block("Stalls", 13, 20, ((3, "Premium"), (9, "Category A"), (13, "Category B")), x=200, y=100)
    circle = Block("Circle", 6, 20, ((2, "Category A"), (6, "Category C")), x=200, y=560)
    left = Block("Box left", 4, 3, ((4, "Premium"),), x=60, y=140)
    right = Block("Box right", 4, 3, ((4, "Premium"),), x=760, y=140)
    parts = ((stalls, "st"), (circle, "ci"), (left, "bl"), (right, "br"))
    return plan(name, [zone(block, prefix=prefix) for block, prefix in parts])


def hall(name: str) -> dict[str, Any]:
    """A concert hall: parquet, two sides, a balcony, and choir seats behind the stage: 900 seats."""
    blocks = (
        (Block("Parquet", 16, 26, ((4, "Category A"), (11, "Premium"), (16, "Category B")), x=300, y=160), "pa"),
        (Block("Left", 12, 10, ((6, "Category B"), (12, "Category C")), x=20, y=160), "le"),
        (Block("Right", 12, 10, ((6, "Category B"), (12, "Category C")), x=980, y=160), "ri"),
        (Block("Balcony", 7, 28, ((2, "Category B"), (7, "Category D")), x=275, y=700), "ba"),
        (Block("Choir", 2, 24, ((2, "Category D"),), x=325, y=40), "ch"),
    )
    return plan(name, [zone(block, prefix=prefix) for block, prefix in blocks])


def club(name: str, capacity: int) -> dict[str, Any]:
    """Standing room only."""
    return plan(name, [standing("Standing", capacity)])


def arena(name: str) -> dict[str, Any]:
    """A standing floor of 500 and three stands with 1,000 seats."""
    blocks = (
        (Block("North stand", 14, 30, ((5, "Category A"), (14, "Category B")), x=250, y=600), "no"),
        (Block("West stand", 15, 20, ((6, "Category A"), (15, "Category C")), x=0, y=200), "we"),
        (Block("East stand", 14, 20, ((6, "Category A"), (14, "Category C")), x=1000, y=200), "ea"),
    )
    return plan(name, [standing("Floor", 500, x=520, y=250), *(zone(block, prefix=prefix) for block, prefix in blocks)])
