"""The seats of a section as they are drawn: the plan's own geometry, scaled so that a seat is a target one can hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
    across = _least_step([[places[seat.seat_no][0] for seat in row] for row in rows.values()])
    down = _least_step([sorted(min(places[seat.seat_no][1] for seat in row) for row in rows.values())]) if len(rows) > 1 else across
    if across <= 0 or down <= 0:
        places = {seat.seat_no: (seat.seat_position, number) for number, row in enumerate(rows.values()) for seat in row}
        across = down = 1
    left, top = min(x for x, _ in places.values()), min(y for _, y in places.values())
    drawn = []
    for row in rows.values():
        positions = [(places[seat.seat_no], seat) for seat in sorted(row, key=lambda seat: places[seat.seat_no][0])]
        drawn_seats = tuple(
            DrawnSeat(MARGIN + round((x - left) / across * STEP), round((y - top) / down * STEP) + 4, seat) for (x, y), seat in positions
        )
        drawn.append(DrawnRow(row[0].row_label, drawn_seats[0].x - 8, drawn_seats[0].y + SEAT // 2, drawn_seats))
    everything = [seat for row in drawn for seat in row.seats]
    width, height = max(seat.x for seat in everything) + SEAT + MARGIN, max(seat.y for seat in everything) + SEAT + 4
    return SeatPlan(width, height, tuple(drawn))


def _least_step(lines: Sequence[Sequence[float]]) -> float:
    """The smallest distance between neighbours on the same line; 0 where two stand on one spot."""
    steps = [after - before for line in lines for before, after in pairwise(sorted(line))]
    return min(steps, default=1)
