"""Photos: states, and how large and how many."""

from __future__ import annotations

from enum import StrEnum


class PhotoState(StrEnum):
    PENDING = "pending"
    """Seen by whoever sent it and by the event's vendor."""
    APPROVED = "approved"
    REJECTED = "rejected"


PHOTO_TRANSITIONS: dict[PhotoState, frozenset[PhotoState]] = {
    PhotoState.PENDING: frozenset({PhotoState.APPROVED, PhotoState.REJECTED}),
    PhotoState.APPROVED: frozenset(),
    PhotoState.REJECTED: frozenset(),
}

MOST_BYTES = 5_000_000
"""Of a file that is sent."""
MOST_PIXELS = 20_000_000
"""A PNG of 9.9 kB took 407 MB once decoded: what is larger is not decoded at all."""
MOST_SCANS = 100
"""Of a progressive JPEG: cameras write about ten, and each one costs a pass over the whole picture."""
LONGEST_SIDE = 2_048
"""Pixels of what is kept: a full screen."""
MOST_PER_EVENT = 10
"""Photos of one person at one event, whatever became of them."""
MOST_FORM_BYTES = MOST_BYTES + 16 * 1024
"""Of the body that carries a file: the form's other fields and what divides them."""
