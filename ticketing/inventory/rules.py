"""Inventory: states of seats and holds."""

from __future__ import annotations

from enum import StrEnum


class SeatState(StrEnum):
    FREE = "free"
    HELD = "held"
    """Free again as soon as `held_until` has passed: expiring writes nothing."""
    SOLD = "sold"
    BLOCKED = "blocked"


class BlockReason(StrEnum):
    HOUSE = "house"
    KILLED = "killed"
    COMPANION = "companion"
    PRODUCTION = "production"


class Terms(StrEnum):
    """On what terms places are claimed."""

    PUBLIC = "public"
    """By buyers: while the event is on sale, within their cap, at its prices."""
    BOX_OFFICE = "box_office"
    """By the vendor's staff, for whoever stands before them: as long as the event is published, at its prices."""
    COMPLIMENTARY = "complimentary"
    """By the vendor's staff, as a present: also house seats, for nothing."""


class HoldState(StrEnum):
    ACTIVE = "active"
    CONVERTED = "converted"
    RELEASED = "released"
    EXPIRED = "expired"


HOLD_TRANSITIONS: dict[HoldState, frozenset[HoldState]] = {
    HoldState.ACTIVE: frozenset({HoldState.CONVERTED, HoldState.RELEASED, HoldState.EXPIRED}),
    HoldState.CONVERTED: frozenset(),
    HoldState.RELEASED: frozenset(),
    HoldState.EXPIRED: frozenset(),
}
