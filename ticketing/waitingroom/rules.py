"""The waiting room's states, and how long a wait is told to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHORTER, LONGER = 0.7, 1.6
"""An estimate is told as a range: checkouts slow down as places run out, so it errs on the long side."""


class EntryState(StrEnum):
    """One buyer's place in the queue of one event."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    """It is their turn; they have held nothing yet."""
    SHOPPING = "shopping"
    """They have used their turn, and may hold until it ends."""
    DONE = "done"
    """They have bought."""
    LAPSED = "lapsed"
    """They did not come in time, or time ran out: the turn went to the next."""
    LEFT = "left"
    """They said that they don't want to wait."""


ENTRY_TRANSITIONS: dict[EntryState, frozenset[EntryState]] = {
    EntryState.WAITING: frozenset({EntryState.ADMITTED, EntryState.LEFT}),
    EntryState.ADMITTED: frozenset({EntryState.SHOPPING, EntryState.LAPSED, EntryState.LEFT}),
    EntryState.SHOPPING: frozenset({EntryState.DONE, EntryState.LAPSED, EntryState.LEFT}),
    EntryState.DONE: frozenset(),
    EntryState.LAPSED: frozenset(),
    EntryState.LEFT: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a wait will take, in seconds."""

    shortest: int
    longest: int


def estimate(*, ahead: int, admitted: int, seconds: float) -> Wait | None:
    """The wait with `ahead` people in front when `admitted` were let in during the last `seconds`. None: nobody was yet."""
    if not admitted or seconds <= 0:
        return None
    expected = (ahead + 1) * seconds / admitted
    return Wait(int(expected * SHORTER), int(expected * LONGER) + 1)
