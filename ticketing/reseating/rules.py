"""Reseating: states of a plan, and why a group can't be placed."""

from __future__ import annotations

from enum import StrEnum


class ReseatingState(StrEnum):
    PROPOSED = "proposed"
    APPLIED = "applied"
    REFUSED = "refused"
    """By its vendor: the event keeps its layout."""
    SUPERSEDED = "superseded"
    """A newer plan of the event was proposed."""


RESEATING_TRANSITIONS: dict[ReseatingState, frozenset[ReseatingState]] = {
    ReseatingState.PROPOSED: frozenset({ReseatingState.APPLIED, ReseatingState.REFUSED, ReseatingState.SUPERSEDED}),
    ReseatingState.APPLIED: frozenset(),
    ReseatingState.REFUSED: frozenset(),
    ReseatingState.SUPERSEDED: frozenset(),
}


class Unplaced(StrEnum):
    """Why a group has no new seats."""

    NO_SEATS = "no_seats"
    """Fewer seats of the same price or better are free than the group has tickets."""
    NO_ACCESSIBLE_SEATS = "no_accessible_seats"
    """Fewer accessible ones are free than it needs."""
    NOT_TOGETHER = "not_together"
    """Enough are free, nowhere so many side by side."""
    NEEDED_BY_OTHERS = "needed_by_others"
    """It would fit, but not together with the other groups."""
