"""Seals: canonical bytes of an entry, the Merkle root over entries (RFC 9162's hashing), the chained hash of a seal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

GENESIS = bytes(32)
"""The previous hash of the first seal."""


class EntryFields(NamedTuple):
    """An entry as it is hashed."""

    id: int
    xid: int
    recorded_at: datetime
    actor_id: UUID | None
    action: str
    subject_id: UUID
    digest: bytes | None


def entry_bytes(entry: EntryFields) -> bytes:
    """Every field, each with its length, so that no two entries have the same bytes."""
    parts = (
        str(entry.id).encode(),
        str(entry.xid).encode(),
        entry.recorded_at.astimezone(UTC).isoformat(timespec="microseconds").encode(),
        entry.actor_id.bytes if entry.actor_id else b"",
        entry.action.encode(),
        entry.subject_id.bytes,
        bytes(entry.digest) if entry.digest else b"",
    )
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """SHA-256; leaves and nodes are hashed with different prefixes, an odd node moves up unchanged."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def seal_hash(*, seq: int, from_xid: int, to_xid: int, entries: int, root: bytes, previous: bytes) -> bytes:
    """SHA-256 over number, range, count, root and the hash of the seal before."""
    return hashlib.sha256(f"{seq}|{from_xid}|{to_xid}|{entries}|".encode() + root + previous).digest()
