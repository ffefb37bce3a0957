"""Choosing neighbours: against brute force over every window of every row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ticketing.inventory.adjacent import FreeRun, best_adjacent, without


def row_of(length: int, *, row: int = 0, first_seat: int = 0, accessible: tuple[int, ...] = (), reserved: tuple[int, ...] = ()) -> FreeRun:
    can = tuple(n in accessible for n in range(length))
    kept = tuple(n in accessible or n in reserved for n in range(length))
    return FreeRun(0, row, tuple(range(first_seat, first_seat + length)), can, kept, 0, (length - 1) / 2)


def test_the_middle_of_the_front_row_is_taken_when_all_is_free() -> None:
    assert best_adjacent([row_of(9), row_of(9, row=1, first_seat=9)], 3) == (3, 4, 5)


def test_no_seat_is_left_alone_when_another_place_in_the_row_avoids_it() -> None:
    assert best_adjacent([row_of(4)], 2) in ((0, 1), (2, 3))
    assert best_adjacent([row_of(5)], 4) is not None  # a lone seat rather than no sale


def test_seats_kept_for_wheelchair_users_are_taken_only_when_asked_for() -> None:
    hall = [row_of(4, accessible=(0,), reserved=(1,)), row_of(4, row=1, first_seat=4)]
    assert best_adjacent(hall, 3) == (4, 5, 6)
    assert best_adjacent(hall, 2, accessible=True) == (0, 1)
    assert best_adjacent([row_of(4)], 1, accessible=True) is None


rows = st.lists(st.lists(st.booleans(), min_size=1, max_size=12), min_size=1, max_size=6)


def runs_of(hall: list[list[bool]]) -> list[FreeRun]:
    whole = [row_of(len(line), row=number, first_seat=100 * number) for number, line in enumerate(hall)]
    taken = {100 * number + place for number, line in enumerate(hall) for place, free in enumerate(line) if not free}
    return list(without(whole, taken))


def windows(hall: list[list[bool]], quantity: int) -> dict[tuple[int, ...], tuple[int, int, float]]:
    """Every window of free seats with (seats left alone, row, distance from the middle), counted by looking at the row itself."""
    found = {}
    for number, line in enumerate(hall):
        padded = [False, *line, False]
        for start in range(1, len(line) - quantity + 2):
            if not all(padded[start : start + quantity]):
                continue
            left = padded[start - 1] and (start < 2 or not padded[start - 2])
            right = padded[start + quantity] and not padded[min(start + quantity + 1, len(padded) - 1)]
            middle = abs(start - 1 + (quantity - 1) / 2 - (len(line) - 1) / 2)
            found[tuple(100 * number + start - 1 + n for n in range(quantity))] = (left + right, number, middle)
    return found


@given(rows, st.integers(1, 6))
def test_the_choice_is_as_good_as_the_best_window_there_is(hall: list[list[bool]], quantity: int) -> None:
    chosen = best_adjacent(runs_of(hall), quantity)
    possible = windows(hall, quantity)
    if chosen is None:
        assert possible == {}
    else:
        assert possible[chosen] == min(possible.values())
