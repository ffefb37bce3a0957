"""One event's seats as a process keeps them: two bits a seat, what is left of each section, and a name for every state.

Times are seconds since 1970 by the database's clock. Nothing here reads a clock or the database.
"""

from __future__ import annotations

import base64
import gzip
import heapq
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

FREE, TAKEN, NO_SEAT = 0.0, math.inf, -1.0
"""`until` of a seat: free, sold or blocked, no such number; everything else is when its hold ends."""
SEATS_PER_BYTE = 4
MOST_IN_DELTA = 1_000
"""Above it the whole map is the shorter message."""


class Code(IntEnum):
    """Two bits of the bitmap; seat n is in byte n // 4, its low bit is bit 2 * (n % 4)."""

    FREE = 0
    HELD = 1
    TAKEN = 2
    """Sold or blocked."""
    NO_SEAT = 3


@dataclass(frozen=True, slots=True, order=True)
class ReadAt:
    """How far the database was when it was read: of two reads the greater one saw all that the other saw.

    What a snapshot sees only grows. So its `xmax` never falls, and while it stays the same, fewer transactions are running.
    """

    xmax: int
    ended: int
    """Less by one for each transaction below `xmax` that was still running."""


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """What an overview says of a section; `places` of a standing one, else None: its seats are counted."""

    section_id: UUID
    name: str
    kind: str
    capacity: int
    price_from_minor: int | None
    pool_id: UUID | None
    places: int | None


@dataclass(frozen=True)
class Published:
    """A state of the map as it is served. Equal states have the same `version`, in whichever process."""

    event_id: UUID
    public: bool
    version: str
    seats: int
    bitmap: bytes
    sections: tuple[Mapping[str, Any], ...]

    @cached_property
    def json(self) -> bytes:
        return orjson.dumps(
            {
                "version": self.version,
                "seat_count": self.seats,
                "bitmap": base64.b64encode(self.bitmap).decode(),
                "sections": self.sections,
            }
        )

    @cached_property
    def map_event(self) -> bytes:
        """As a server-sent event, whose id is the version."""
        return b"id: %b\nevent: map\ndata: %b\n\n" % (self.version.encode(), self.json)

    @cached_property
    def zipped(self) -> bytes:
        return gzip.compress(self.json, compresslevel=6, mtime=0)


@dataclass(frozen=True, slots=True)
class Change:
    """From the state `since` to the state `now`."""

    since: str
    now: Published
    seats: tuple[int, ...]
    """Whose code is another one."""
    sections: tuple[int, ...]
    """Places in `now.sections` of those with another number left."""
    reshaped: bool
    """The plan itself is another one: whoever looks at it needs the whole map."""


class SeatCopy:
    """Kept by one thread; what `publish` hands out may be read by any."""

    def __init__(
        self, event_id: UUID, *, public: bool, sections: Sequence[SectionFacts], seats: Iterable[tuple[int, float, int]], read_at: ReadAt
    ) -> None:
        """`seats`: number, until, place in `sections`."""
        rows = list(seats)
        self.event_id = event_id
        self.public = public
        self.read_at = read_at
        self.count = max((number for number, _, _ in rows), default=-1) + 1
        self._sections = list(sections)
        self._until = array("d", [NO_SEAT]) * self.count
        self._section_of = array("H", [0]) * self.count
        self._bits = bytearray(b"\xff" * -(-self.count // SEATS_PER_BYTE))
        self._left = [0] * len(self._sections)
        self._ends: list[tuple[float, int]] = []
        self._changed_at: dict[int, ReadAt] = {}
        self._touched: set[int] = set()
        for number, until, section in rows:
            self._section_of[number] = section
            self._set(number, until)
        self._stale = True
        self._published: Published | None = None

    def apply(self, read_at: ReadAt, seats: Iterable[tuple[int, float]]) -> bool:
        """Take in what another reader saw, except where something newer is known. False: a seat is not on this plan."""
        known = True
        for number, until in seats:
            if not 0 <= number < self.count or self._until[number] == NO_SEAT:
                known = False
            elif read_at > self.read_at and read_at > self._changed_at.get(number, self.read_at):
                self._changed_at[number] = read_at
                self._set(number, until)
        return known

    def refresh(self, read_at: ReadAt, seats: Iterable[tuple[int, float]]) -> bool:
        """Take in all that changed since `self.read_at`, as this process read it. False: a seat is not on this plan."""
        known = self.apply(read_at, seats)
        self.read_at = max(self.read_at, read_at)
        self._changed_at = {number: at for number, at in self._changed_at.items() if at > self.read_at}
        return known

    def set_places(self, places: Mapping[UUID, int]) -> None:
        """What is left of standing sections, by pool."""
        for index, section in enumerate(self._sections):
            if section.pool_id is not None and section.places != (left := places.get(section.pool_id, 0)):
                self._sections[index] = replace(section, places=left)
                self._stale = True

    def set_public(self, *, public: bool) -> None:
        self._stale = self._stale or public != self.public
        self.public = public

    def expire(self, now: float) -> None:
        """Holds that have run out: their seats are free, though nobody has written that."""
        while self._ends and self._ends[0][0] <= now:
            until, number = heapq.heappop(self._ends)
            if self._until[number] == until:
                self._put(number, Code.FREE)

    def publish(self, before: Published | None = None) -> tuple[Published, Change | None]:
        """The present state, and how it came from the last one (of `before`, when this copy replaces the one that published it)."""
        before = self._published or before
        if not (self._stale or self._touched) and before is not None:
            return before, None
        bitmap = bytes(self._bits)
        sections = tuple(self._overview(index) for index in range(len(self._sections)))
        digest = blake2b(bitmap, digest_size=9, key=self.event_id.bytes)
        digest.update(orjson.dumps(sections))
        now = Published(self.event_id, self.public, base64.urlsafe_b64encode(digest.digest()).decode(), self.count, bitmap, sections)
        touched = sorted(self._touched) if self._published is not None else range(self.count)
        self._touched, self._stale, self._published = set(), False, now
        if before is None or (before.version == now.version and before.public == now.public):
            return now, None
        if before.seats != now.seats or [_shape(s) for s in before.sections] != [_shape(s) for s in now.sections]:
            return now, Change(before.version, now, (), (), reshaped=True)
        seats = tuple(n for n in touched if code_of(before.bitmap, n) != code_of(bitmap, n))
        changed = tuple(i for i, (old, new) in enumerate(zip(before.sections, sections, strict=True)) if old != new)
        return now, Change(before.version, now, seats, changed, reshaped=False)

    def _set(self, number: int, until: float) -> None:
        self._until[number] = until
        if until == TAKEN:
            self._put(number, Code.TAKEN)
        elif until == FREE:
            self._put(number, Code.FREE)
        else:
            self._put(number, Code.HELD)
            heapq.heappush(self._ends, (until, number))

    def _put(self, number: int, code: Code) -> None:
        byte, shift = number // SEATS_PER_BYTE, 2 * (number % SEATS_PER_BYTE)
        old = (self._bits[byte] >> shift) & 3
        if old == code:
            return
        self._bits[byte] ^= (old ^ code) << shift
        self._left[self._section_of[number]] += (code == Code.FREE) - (old == Code.FREE)
        self._touched.add(number)

    def _overview(self, index: int) -> Mapping[str, Any]:
        section = self._sections[index]
        available = self._left[index] if section.places is None else section.places
        return {
            "section_id": section.section_id,
            "name": section.name,
            "kind": section.kind,
            "capacity": section.capacity,
            "available": available,
            "price_from_minor": section.price_from_minor,
            "pool_id": section.pool_id,
        }


def code_of(bitmap: bytes, number: int) -> int:
    """The two bits of a seat."""
    return (bitmap[number // SEATS_PER_BYTE] >> 2 * (number % SEATS_PER_BYTE)) & 3


def _shape(section: Mapping[str, Any]) -> tuple[Any, ...]:
    return section["section_id"], section["name"], section["capacity"], section["price_from_minor"], section["pool_id"]
