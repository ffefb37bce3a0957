"""The seats of a section as they are drawn: the plan's own geometry, scaled so that a seat is a target one can hit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

from ticketing.inventory.seatmap import SeatView

SEAT = 28
"""Side of a seat, in CSS pixels; targets must have at least 24."""
STEP = 33
"""From one seat to its neighbour."""
MARGIN = 46
"""Around the seats: room for the rows' names."""


@dataclass(frozen=True, slots=True)
class DrawnSeat:
    x: int
    """Left edge, in CSS pixels."""
    y: int
    seat: SeatView


@dataclass(frozen=True, slots=True)
class DrawnRow:
    label: str
    x: int
    """Where its name ends, left of the first seat."""
    y: int
    seats: tuple[DrawnSeat, ...]


@dataclass(frozen=True, slots=True)
class SeatPlan:
    width: int
    height: int
    rows: tuple[DrawnRow, ...]


def draw_plan(seats: Sequence[SeatView]) -> SeatPlan:
    """Rows from the front, seats from the left. A plan without usable positions is drawn as straight rows."""
    rows: dict[int, list[SeatView]] = {}
    for seat in seats:
        rows.setdefault(seat.row_position, []).append(seat)
    places = {seat.seat_no: (seat.x, seat.y) for seat in seats}
    unit = _closest(rows.values())
    if unit <= 0:
        places = {seat.seat_no: (seat.seat_position, number) for number, row in enumerate(rows.values()) for seat in row}
        unit = 1
    left, top = min(x for x, _ in places.values()), min(y for _, y in places.values())

    def drawn(seat: SeatView) -> DrawnSeat:
        x, y = places[seat.seat_no]
        return DrawnSeat(MARGIN + round((x - left) / unit * STEP), 4 + round((y - top) / unit * STEP), seat)

    drawn_rows = []
    for row in rows.values():
        line = tuple(sorted((drawn(seat) for seat in row), key=lambda seat: seat.x))
        drawn_rows.append(DrawnRow(row[0].row_label, line[0].x - 8, line[0].y + SEAT // 2, line))
    width = max(seat.x for row in drawn_rows for seat in row.seats) + SEAT + MARGIN
    height = max(seat.y for row in drawn_rows for seat in row.seats) + SEAT + 4
    return SeatPlan(width, height, tuple(drawn_rows))


def _closest(rows: Iterable[Sequence[SeatView]]) -> float:
    """The distance, in the plan's units, of the two closest neighbours: in a row, or one behind the other. 0: two on one spot."""
    distances = []
    before: Sequence[SeatView] = ()
    for row in rows:
        line = sorted(row, key=lambda seat: seat.x)
        distances += [hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(line)]
        if before and line[0].x < before[-1].x and before[0].x < line[-1].x:
            distances.append(abs(_middle(line) - _middle(before)))
        before = line
    return min(distances, default=1)


def _middle(row: Sequence[SeatView]) -> float:
    return sum(seat.y for seat in row) / len(row)
