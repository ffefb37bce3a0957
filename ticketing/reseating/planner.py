"""Finding new seats for groups that lose theirs: pure, and the same for the same input.

A group keeps together: so many neighbouring free seats of one row as it has tickets, each ticket on a seat of its price or
better. As many groups as can be are placed. Greedy choices come first, nearest to the old seats; where they leave a group
over, the choices are searched, until everything was looked at (the plan is `complete`) or the budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ticketing.reseating.rules import Unplaced

BUDGET = 200_000
"""Steps of the search: some seconds at most."""
SEATS_AND_STEPS = 50_000_000
"""The search remembers what was taken at each step, a bit a seat: of large halls it takes fewer steps."""
MOST_SEARCHED = 400
"""Groups; with more, what the greedy choices leave over is not searched for."""


_Needs = tuple[tuple[tuple[int, bool], ...], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """A free seat of the newer layout."""

    seat_no: int
    row: tuple[int, int]
    """Positions of its section and, in it, of its row."""
    position: int
    """Neighbours in a row differ by 1."""
    level: int
    """What it costs: the more the better."""
    x: float = 0.0
    y: float = 0.0
    accessible: bool = False
    reserved: bool = False
    """Kept for wheelchair users and their companions (accessible ones are too)."""


@dataclass(frozen=True, slots=True)
class Member:
    """One ticket of a group, with what its old seat was."""

    level: int
    accessible: bool = False
    reserved: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Tickets of one order that sat side by side, from left to right."""

    members: tuple[Member, ...]
    x: float = 0.0
    y: float = 0.0
    """The middle of the old seats."""

    @property
    def needs(self) -> _Needs:
        """What decides where it fits; groups with the same needs fit in the same places."""
        return tuple(sorted((m.level, m.accessible) for m in self.members)), self.reserved

    @property
    def reserved(self) -> bool:
        return any(m.reserved or m.accessible for m in self.members)


@dataclass(frozen=True, slots=True)
class Plan:
    seats: Mapping[int, tuple[int, ...]]
    """By the group's place in the list: a seat for each member."""
    unplaced: Mapping[int, Unplaced]
    complete: bool
    """No other choice places more groups."""


def plan_groups(places: Sequence[Place], groups: Sequence[Group], *, budget: int = BUDGET) -> Plan:
    """New seats for as many groups as can be."""
    free = sorted(places, key=lambda place: (place.row, place.position))
    windows: dict[_Needs, list[_Window]] = {}
    for group in groups:
        if group.needs not in windows:
            fitting = (w for w in _windows(free, len(group.members)) if seating(group, w.of(free)) is not None)
            windows[group.needs] = sorted(fitting, key=lambda w: (w.waste, w.start))
    order = sorted(range(len(groups)), key=lambda n: (len(windows[groups[n].needs]), -len(groups[n].members), groups[n].needs, n))
    ordered = [groups[n] for n in order]
    choices = [windows[group.needs] for group in ordered]
    near = [_distance_from(group) for group in ordered]
    whole = [_without_splitting(cost) for cost in near]
    tight: list[_Cost] = [lambda w: (w.waste, w.start)] * len(ordered)
    chosen = max((_greedy(choices, costs) for costs in (near, whole, tight)), key=_placed)
    most = _most_placeable([group for group, found in zip(ordered, choices, strict=True) if found], free)
    complete = _placed(chosen) >= most
    if not complete and len(groups) <= MOST_SEARCHED:
        steps = min(budget, SEATS_AND_STEPS // max(1, len(free)))
        search = _Search(choices, [group.needs for group in ordered], len(free), best=chosen, most=most, steps=steps)
        chosen, complete = search.run()
    seats: dict[int, tuple[int, ...]] = {}
    unplaced: dict[int, Unplaced] = {}
    for n, window in zip(order, chosen, strict=True):
        if window is not None:
            seats[n] = _seated(groups[n], window.of(free))
        else:
            unplaced[n] = Unplaced.NEEDED_BY_OTHERS if windows[groups[n].needs] else _why(groups[n], free)
    return Plan(dict(sorted(seats.items())), dict(sorted(unplaced.items())), complete)


def seating(group: Group, places: Sequence[Place]) -> list[int] | None:
    """For each member the index of a place, or None when they don't all fit on exactly these.

    Accessible members come first, the dearest before the others, each on the cheapest accessible place that will do; the rest
    are matched by price. Both are exact: what will do for a dearer ticket will do for a cheaper one.
    """
    if not group.reserved and any(place.reserved or place.accessible for place in places):
        return None
    result = [-1] * len(places)
    left = sorted(range(len(places)), key=lambda i: (places[i].level, i))
    for m in sorted(_members(group, accessible=True), key=lambda m: (-group.members[m].level, m)):
        fitting = next((i for i in left if places[i].accessible and places[i].level >= group.members[m].level), None)
        if fitting is None:
            return None
        left.remove(fitting)
        result[m] = fitting
    others = sorted(_members(group, accessible=False), key=lambda m: (group.members[m].level, m))
    for m, i in zip(others, left, strict=True):
        if places[i].level < group.members[m].level:
            return None
        result[m] = i
    return result


@dataclass(frozen=True, slots=True)
class _Window:
    """So many neighbouring free seats: a slice of the sorted list of all free seats."""

    start: int
    size: int
    waste: tuple[int, int]
    """In how many pieces it leaves its run, and how many seats are in them."""
    reserved: int
    level: int
    x: float
    y: float

    def of(self, places: Sequence[Place]) -> Sequence[Place]:
        return places[self.start : self.start + self.size]

    @property
    def mask(self) -> int:
        """A bit for each seat of the list."""
        return ((1 << self.size) - 1) << self.start


def _windows(free: Sequence[Place], size: int) -> Iterator[_Window]:
    for first, end in _runs(free):
        for start in range(first, end - size + 1):
            part = free[start : start + size]
            before, after = start - first, end - start - size
            yield _Window(
                start,
                size,
                ((before > 0) + (after > 0), before + after),
                sum(place.reserved or place.accessible for place in part),
                sum(place.level for place in part),
                sum(place.x for place in part) / size,
                sum(place.y for place in part) / size,
            )


def _runs(free: Sequence[Place]) -> Iterator[tuple[int, int]]:
    """(first, end) of neighbours in the sorted list, as far as they go."""
    first = 0
    for end in range(1, len(free) + 1):
        beside = end < len(free) and (free[end].row, free[end].position) == (free[end - 1].row, free[end - 1].position + 1)
        if not beside:
            yield first, end
            first = end


_Cost = Callable[[_Window], tuple[object, ...]]


def _distance_from(group: Group) -> _Cost:
    """Seats kept for others last, then the cheapest, so that better ones stay on sale; then the nearest."""

    def cost(window: _Window) -> tuple[object, ...]:
        return window.reserved, window.level, round((window.x - group.x) ** 2 + (window.y - group.y) ** 2, 3), window.start

    return cost


def _without_splitting(cost: _Cost) -> _Cost:
    """First of all windows at the end of their run: what they leave is in one piece."""

    def whole(window: _Window) -> tuple[object, ...]:
        return window.waste[0] == 2, *cost(window)

    return whole


def _most_placeable(groups: Sequence[Group], free: Sequence[Place]) -> int:
    """So many at most: of the groups of at least s seats, none cheaper than a level, not more than s goes into the runs of seats of
    that level. Which of these bounds counts most is tried out, level by level."""
    most = len(groups)
    for level in {min(m.level for m in group.members) for group in groups}:
        concerned = sorted((len(g.members) for g in groups if min(m.level for m in g.members) >= level), reverse=True)
        runs = [end - first for first, end in _runs([place for place in free if place.level >= level])]
        placed = 0
        for size in concerned:
            placed += placed < sum(run // size for run in runs)
        most = min(most, placed + len(groups) - len(concerned))
    return most


def _greedy(choices: Sequence[Sequence[_Window]], costs: Sequence[_Cost]) -> list[_Window | None]:
    """One group after the other, each on the best that is left."""
    taken: set[int] = set()
    chosen: list[_Window | None] = []
    for windows, cost in zip(choices, costs, strict=True):
        window = min((w for w in windows if taken.isdisjoint(range(w.start, w.start + w.size))), key=cost, default=None)
        if window is not None:
            taken.update(range(window.start, window.start + window.size))
        chosen.append(window)
    return chosen


def _placed(chosen: Sequence[_Window | None]) -> int:
    return sum(window is not None for window in chosen)


class _Search:
    """Depth first over the groups in order: each window that is free, or none. Branches that can't beat the best are cut off."""

    def __init__(
        self,
        choices: Sequence[Sequence[_Window]],
        needs: Sequence[_Needs],
        seats: int,
        *,
        best: list[_Window | None],
        most: int,
        steps: int,
    ) -> None:
        self._choices = choices
        self._needs = needs
        self._seats = seats
        self._best = best
        self._placed = _placed(best)
        self._most = most
        """More can't be placed: reaching it ends the search."""
        self._steps_left = steps
        self._seen: dict[tuple[int, int], int] = {}
        """(group, taken seats) → most groups that were placed before it: with fewer nothing better follows."""
        sizes = [windows[0].size if windows else 0 for windows in choices]
        self._sizes = [sorted(size for size in sizes[n:] if size) for n in range(len(sizes) + 1)]

    def run(self) -> tuple[list[_Window | None], bool]:
        """The best choice, and whether no other one places more."""
        self._step(0, 0, [], 0)
        return self._best, self._steps_left > 0 or self._placed == self._most

    def _step(self, n: int, taken: int, chosen: list[_Window | None], placed: int) -> None:
        self._steps_left -= 1
        if placed > self._placed:
            self._placed = placed
            self._best = [*chosen, *[None] * (len(self._choices) - n)]
        if (
            self._steps_left <= 0
            or self._placed == self._most
            or n == len(self._choices)
            or placed + self._at_most(n, taken) <= self._placed
        ):
            return
        if self._seen.get((n, taken), -1) >= placed:
            return
        self._seen[n, taken] = placed
        alike = n > 0 and self._needs[n] == self._needs[n - 1]
        if not (alike and chosen[-1] is None):  # of groups that are alike the later ones are left over
            for window in self._choices[n]:
                if not window.mask & taken:
                    self._step(n + 1, taken | window.mask, [*chosen, window], placed + 1)
        self._step(n + 1, taken, [*chosen, None], placed)

    def _at_most(self, n: int, taken: int) -> int:
        """So many of the groups from `n` on could be placed if all free seats lay side by side."""
        free = self._seats - taken.bit_count()
        count = 0
        for size in self._sizes[n]:
            free -= size
            if free < 0:
                break
            count += 1
        return count


def _members(group: Group, *, accessible: bool) -> list[int]:
    return [m for m, member in enumerate(group.members) if member.accessible is accessible]


def _seated(group: Group, places: Sequence[Place]) -> tuple[int, ...]:
    found = seating(group, places)
    if found is None:
        raise AssertionError("a window was chosen in which the group doesn't fit")
    return tuple(places[i].seat_no for i in found)


def _why(group: Group, places: Sequence[Place]) -> Unplaced:
    """Why a group fits nowhere, even alone."""
    allowed = [p for p in places if group.reserved or not (p.reserved or p.accessible)]
    needed = _members(group, accessible=True)
    if needed and len([p for p in allowed if p.accessible and p.level >= min(group.members[m].level for m in needed)]) < len(needed):
        return Unplaced.NO_ACCESSIBLE_SEATS
    for level in {member.level for member in group.members}:
        if sum(p.level >= level for p in allowed) < sum(m.level >= level for m in group.members):
            return Unplaced.NO_SEATS
    return Unplaced.NOT_TOGETHER
