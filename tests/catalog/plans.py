"""Small seating plans for tests, in the open seating-plan JSON."""

from __future__ import annotations

from typing import Any


def seat(guid: str, number: str, category: str = "Stalls", *, x: float = 0.0) -> dict[str, Any]:
    return {"seat_guid": guid, "seat_number": number, "position": {"x": x, "y": 0}, "category": category}


def row(label: str, seats: list[dict[str, Any]], *, y: float = 0.0) -> dict[str, Any]:
    return {"row_number": label, "position": {"x": 0, "y": y}, "seats": seats}


def small_plan(**overrides: Any) -> dict[str, Any]:
    """Stalls of two rows (2 + 3 seats, the last one `Premium`), a floor for 40, and a stage."""
    stalls = {
        "name": "Stalls",
        "position": {"x": 100, "y": 200},
        "displayed": True,
        "rows": [
            row("A", [seat("a1", "1"), seat("a2", "2", x=25)]),
            row("B", [seat("b1", "1"), seat("b2", "2", x=25), seat("b3", "3", "Premium", x=50)], y=30),
        ],
        "areas": [{"color": "#444444", "width": 60, "height": 12, "position": {"x": 0, "y": -50}, "text": "Stage"}],
    }
    floor = {
        "name": "Pit",
        "position": {"x": 0, "y": 0},
        "rows": [],
        "areas": [{"capacity": 40, "text": "Floor", "position": {"x": 0, "y": 0}, "width": 50, "height": 20}],
    }
    return {
        "name": "Small hall",
        "size": {"width": 500, "height": 400},
        "categories": [{"name": "Premium", "color": "#7a3cc2"}, {"name": "Stalls", "color": "#1e7d3c"}],
        "zones": [stalls, floor],
    } | overrides


SMALL_PRICES = {"Premium": 9_000, "Stalls": 5_000, "Floor": 2_500}
