"""How processes tell each other of seats that changed: one notification per event, packed to PostgreSQL's 8,000 bytes."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ticketing.inventory.seat_copy import FREE, TAKEN, ReadAt

CHANNEL = "ticketing_seats"
MOST_BYTES = 7_900
HEAD = struct.Struct("<16s4sIQid")
SEAT = struct.Struct("<Ii")
FREE_CODE, TAKEN_CODE = 0, -1


@dataclass(frozen=True, slots=True)
class SeatNews:
    """Seats of an event as `sender` read them. Without seats: they were too many, read them yourself."""

    event_id: UUID
    sender: bytes
    """Four bytes that name a process."""
    number: int
    """Of the sender's notifications for this event: one that is missing was lost."""
    read_at: ReadAt
    seats: Sequence[tuple[int, float]]


def pack(news: SeatNews) -> str:
    """The payload. Ends of holds are kept to a tenth of a second, upwards."""
    base = min((until for _, until in news.seats if FREE < until < TAKEN), default=0.0)
    head = HEAD.pack(news.event_id.bytes, news.sender, news.number, news.read_at.xmax, news.read_at.ended, base)
    body = b"".join(SEAT.pack(number, _code(until, base)) for number, until in news.seats)
    payload = base64.b85encode(head + zlib.compress(body, 1)).decode()
    return payload if len(payload) <= MOST_BYTES else base64.b85encode(head).decode()


def unpack(payload: str) -> SeatNews:
    """Raises `ValueError` for what is none."""
    try:
        raw = base64.b85decode(payload)
        event, sender, number, xmax, ended, base = HEAD.unpack_from(raw)
        body = zlib.decompress(raw[HEAD.size :]) if len(raw) > HEAD.size else b""
        seats = [(seat, _until(code, base)) for seat, code in SEAT.iter_unpack(body)]
    except (struct.error, zlib.error) as error:
        raise ValueError("no news of seats") from error
    return SeatNews(UUID(bytes=event), sender, number, ReadAt(xmax, ended), seats)


def _code(until: float, base: float) -> int:
    if until in (FREE, TAKEN):
        return FREE_CODE if until == FREE else TAKEN_CODE
    return 1 + math.ceil((until - base) * 10)


def _until(code: int, base: float) -> float:
    if code in (FREE_CODE, TAKEN_CODE):
        return FREE if code == FREE_CODE else TAKEN
    return base + (code - 1) / 10
