"""What simulated buyers know of an event's places: read once from the seat map, kept up by what becomes of their own holds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from ticketing.inventory.seatmap import section_overview, section_seats


@dataclass(frozen=True, slots=True)
class Choice:
    """Seats by number, or places of one pool."""

    seats: tuple[int, ...] = ()
    pool: tuple[UUID, int] | None = None

    @property
    def places(self) -> tuple[tuple[UUID, int], ...]:
        return (self.pool,) if self.pool else ()


@dataclass(slots=True)
class _Section:
    rows: list[list[int]]
    """Seat numbers, row by row from the front, neighbours side by side."""
    free: set[int]


@dataclass(slots=True)
class Places:
    """The free places of one event. Buyers sit together where they can, near the front more often than not."""

    sections: list[_Section] = field(default_factory=list)
    pools: dict[UUID, int] = field(default_factory=dict)
    section_of: dict[int, _Section] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return sum(len(section.free) for section in self.sections) + sum(self.pools.values())

    def choose(self, party: int, rng: random.Random) -> Choice | None:
        """Take `party` places, or None when no section has as many."""
        options: list[_Section | UUID] = [section for section in self.sections if len(section.free) >= party]
        weights = [len(section.free) for section in self.sections if len(section.free) >= party]
        for pool, free in self.pools.items():
            if free >= party:
                options.append(pool)
                weights.append(free)
        if not options:
            return None
        (option,) = rng.choices(options, weights)
        if isinstance(option, UUID):
            self.pools[option] -= party
            return Choice(pool=(option, party))
        seats = _together(option, party, rng) or tuple(sorted(option.free)[:party])
        option.free.difference_update(seats)
        return Choice(seats=seats)

    def give_back(self, choice: Choice) -> None:
        """The places can be chosen again."""
        for seat in choice.seats:
            self.section_of[seat].free.add(seat)
        if choice.pool:
            pool, count = choice.pool
            self.pools[pool] += count


def _together(section: _Section, party: int, rng: random.Random) -> tuple[int, ...] | None:
    """Seats side by side in one row, from a row that is drawn (front rows first) to the back, then from the front."""
    first = min(int(rng.expovariate(4 / max(1, len(section.rows)))), len(section.rows) - 1)
    for row in section.rows[first:] + section.rows[:first]:
        for start in range(len(row) - party + 1):
            seats = row[start : start + party]
            if section.free.issuperset(seats):
                return tuple(seats)
    return None


def read_places(session: Session, *, event_id: UUID, now: datetime) -> Places:
    """The event's free places at `now`."""
    places = Places()
    for view in section_overview(session, event_id=event_id, now=now):
        if view.pool_id is not None:
            places.pools[view.pool_id] = view.available
            continue
        rows: dict[int, list[int]] = {}
        free = set()
        for seat in section_seats(session, event_id=event_id, section_id=view.section_id, now=now):
            rows.setdefault(seat.row_position, []).append(seat.seat_no)
            if seat.state == "free":
                free.add(seat.seat_no)
        section = _Section(list(rows.values()), free)
        places.sections.append(section)
        places.section_of.update((seat, section) for row in section.rows for seat in row)
    return places
