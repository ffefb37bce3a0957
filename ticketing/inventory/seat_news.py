"""How processes tell each other of seats that changed: one notification per event, packed to PostgreSQL's 8,000 bytes."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from ticketing.inventory.seat_copy import FREE, TAKEN, ReadAt

CHANNEL = "ticketing_seats"
MOST_BYTES = 7_900
HEAD = struct.Struct("<16s4sIQid")
BYTES_PER_SEAT = 8
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
    numbers, untils = zip(*news.seats, strict=True) if news.seats else ((), ())
    base = min((until for until in untils if FREE < until < TAKEN), default=0.0)
    codes = [FREE_CODE if u == FREE else TAKEN_CODE if u == TAKEN else 1 + ceil((u - base) * 10) for u in untils]
    head = HEAD.pack(news.event_id.bytes, news.sender, news.number, news.read_at.xmax, news.read_at.ended, base)
    body = struct.pack(f"<{len(numbers)}I{len(codes)}i", *numbers, *codes)
    payload = base64.b85encode(head + zlib.compress(body, 1)).decode()
    return payload if len(payload) <= MOST_BYTES else base64.b85encode(head).decode()


def unpack(payload: str) -> SeatNews:
    """Raises `ValueError` for what is none."""
    try:
        raw = base64.b85decode(payload)
        event, sender, number, xmax, ended, base = HEAD.unpack_from(raw)
        body = zlib.decompress(raw[HEAD.size :]) if len(raw) > HEAD.size else b""
        count = len(body) // BYTES_PER_SEAT
        values = struct.unpack(f"<{count}I{count}i", body)
        seats = [(seat, _until(code, base)) for seat, code in zip(values[:count], values[count:], strict=True)]
    except (struct.error, zlib.error) as error:
        raise ValueError("no news of seats") from error
    return SeatNews(UUID(bytes=event), sender, number, ReadAt(xmax, ended), seats)


def _until(code: int, base: float) -> float:
    if code in (FREE_CODE, TAKEN_CODE):
        return FREE if code == FREE_CODE else TAKEN
    return base + (code - 1) / 10
