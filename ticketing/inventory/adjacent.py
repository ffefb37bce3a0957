"""Choosing neighbouring seats for a party: pure.

Of all places where the party fits side by side, the best leaves no seat alone that a couple could not use, lies in the section
that the plan names first, as far in front as possible, and nearest to the middle of its row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FreeRun:
    """Free seats side by side, as many as there are before the next taken one, gap or end of the row."""

    section_position: int
    row_position: int
    seats: tuple[int, ...]
    """Seat numbers from left to right."""
    accessible: tuple[bool, ...]
    """For each of them, whether a wheelchair user can sit there …"""
    reserved: tuple[bool, ...]
    """… and whether it is kept for them and their companions."""
    first_position: int
    """Of the first seat in its row …"""
    row_middle: float
    """… and of the middle of the row, in the same count."""


def without(runs: Iterable[FreeRun], taken: set[int]) -> Iterator[FreeRun]:
    """The runs that are left when more seats are taken."""
    for run in runs:
        if taken.isdisjoint(run.seats):
            yield run
            continue
        start = 0
        for end in range(len(run.seats) + 1):
            if end == len(run.seats) or run.seats[end] in taken:
                if end > start:
                    yield _part(run, start, end)
                start = end + 1


def _part(run: FreeRun, start: int, end: int) -> FreeRun:
    return FreeRun(
        run.section_position,
        run.row_position,
        run.seats[start:end],
        run.accessible[start:end],
        run.reserved[start:end],
        run.first_position + start,
        run.row_middle,
    )


def best_adjacent(runs: Iterable[FreeRun], quantity: int, *, accessible: bool = False) -> tuple[int, ...] | None:
    """The seats for a party of `quantity`, or None when nowhere so many are free side by side.

    `runs` come in the order of sections and rows, and are looked at only as far as something better may come. With `accessible`
    at least one of the seats is an accessible one; without, none is kept for others.
    """
    best: tuple[tuple[float, ...], tuple[int, ...]] | None = None
    for run in runs:
        if best is not None and best[0][:3] < (0, run.section_position, run.row_position):
            break
        for start in range(len(run.seats) - quantity + 1):
            end = start + quantity
            if not any(run.accessible[start:end]) if accessible else any(run.reserved[start:end]):
                continue
            alone = (start == 1) + (len(run.seats) - end == 1)
            middle = run.first_position + start + (quantity - 1) / 2
            rank = (alone, run.section_position, run.row_position, abs(middle - run.row_middle), start)
            if best is None or rank < best[0]:
                best = rank, run.seats[start:end]
    return None if best is None else best[1]
