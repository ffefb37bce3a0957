"""Seating plans of rows for tests: `{"A": 6, "B": 4}` is a row A of six seats and a row B of four."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def hall(
    rows: Mapping[str, int],
    *,
    dear: Collection[str] = (),
    without: Collection[str] = (),
    accessible: Collection[str] = (),
    companions: Mapping[str, str] | None = None,
    floor: int = 0,
    category: str = "Stalls",
) -> dict[str, Any]:
    """Seats are called by row and number: `A1`. Rows in `dear` are `Premium`; seats in `without` are left out, and leave a gap."""
    companions = companions or {}

    def seat(name: str, row: str, number: int) -> dict[str, Any]:
        made: dict[str, Any] = {"seat_guid": name, "seat_number": str(number), "position": {"x": number, "y": 0}}
        made["category"] = "Premium" if row in dear else category
        if name in accessible:
            made["accessible"] = True
        if name in companions:
            made["companion_of"] = companions[name]
        return made

    lines = [
        {
            "row_number": row,
            "position": {"x": 0, "y": y},
            "seats": [seat(f"{row}{n}", row, n) for n in range(1, count + 1) if f"{row}{n}" not in without],
        }
        for y, (row, count) in enumerate(rows.items())
    ]
    areas = [{"capacity": floor, "text": "Floor", "position": {"x": 0, "y": 50}, "width": 5, "height": 5}] if floor else []
    return {
        "name": "Hall",
        "size": {"width": 100, "height": 100},
        "categories": [{"name": name} for name in dict.fromkeys(("Premium", "Stalls", category))],
        "zones": [{"name": "Hall", "position": {"x": 0, "y": 0}, "rows": lines, "areas": areas}],
    }
