"""Audit: recording commands in their transaction, sealing what was committed, checking the seals.

Entries are inserted unchained, because a chain inside the transaction would serialise all sales. A sealer takes committed
entries below the snapshot horizon (no running transaction can still add one there) and signs a Merkle root over them; each
seal names the hash of the one before. What is not sealed yet is some seconds old.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from ticketing.audit.rules import GENESIS, EntryFields, entry_bytes, merkle_root, seal_hash
from ticketing.audit.tables import AuditEntry, AuditSeal
from ticketing.foundation.settings import Secrets

SEALER_LOCK = 7_203_001
"""Advisory lock: one sealer at a time."""


def record(session: Session, *, actor_id: UUID | None, action: str, subject_id: UUID, digest: bytes | None = None) -> None:
    """One entry in the caller's transaction. `action` is `<subject>.<verb in the past>`; no personal data."""
    # inline: no id is asked back, for which the vendor role would need to read the audit
    session.execute(insert(AuditEntry).inline().values(actor_id=actor_id, action=action, subject_id=subject_id, digest=digest))


def record_many(session: Session, entries: Sequence[tuple[UUID | None, str, UUID]]) -> None:
    """Entries (actor, action, subject) in the caller's transaction, in one statement."""
    values = [{"actor_id": actor_id, "action": action, "subject_id": subject_id} for actor_id, action, subject_id in entries]
    session.execute(insert(AuditEntry), values)


@dataclass(frozen=True, slots=True)
class SealKey:
    """Signs and verifies seals: Ed25519, derived from the installation's signing key."""

    key_id: str
    private: Ed25519PrivateKey

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> SealKey:
        seed = hashlib.sha256(b"audit-seal" + secrets.bytes_of("ticket_signing_key")).digest()
        return cls(secrets.ticket_key_id, Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, content: bytes) -> bytes:
        return self.private.sign(content)

    def verifies(self, signature: bytes, content: bytes) -> bool:
        try:
            self.private.public_key().verify(signature, content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SealRun:
    entries: int
    seals: int


SEAL_ENTRIES = 20_000
"""Of one seal, more or less: the entries of a transaction stay together. Bounds the memory of sealing and checking."""

ENTRIES = """
select id, xid::text::bigint as xid, recorded_at, actor_id, action, subject_id, digest from audit_entry
where xid >= cast(cast(:low as text) as xid8) and xid < cast(cast(:high as text) as xid8)
order by audit_entry.xid, id
"""

XID_AT = """
select xid::text::bigint from audit_entry
where xid >= cast(cast(:low as text) as xid8) and xid < cast(cast(:high as text) as xid8)
order by audit_entry.xid offset :offset limit 1
"""

INSERT_SEAL = """
insert into audit_seal (seq, from_xid, to_xid, entries, merkle_root, prev_hash, seal_hash, key_id, signature, sealed_at)
values (:seq, cast(cast(:from_xid as text) as xid8), cast(cast(:to_xid as text) as xid8), :entries, :merkle_root, :prev_hash,
  :seal_hash, :key_id, :signature, :sealed_at)
"""


def seal(session: Session, *, key: SealKey, now: datetime, most_entries: int = SEAL_ENTRIES) -> SealRun:
    """Seal all committed entries below the horizon, some `most_entries` a seal. None to seal, or another sealer at work: no seal."""
    if not session.execute(text("select pg_try_advisory_xact_lock(:k)"), {"k": SEALER_LOCK}).scalar_one():
        return SealRun(entries=0, seals=0)
    horizon = int(session.execute(text("select pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one())
    sealed, seals = 0, 0
    while entries := _seal_next(session, horizon, key=key, now=now, most_entries=most_entries):
        sealed, seals = sealed + entries, seals + 1
    return SealRun(entries=sealed, seals=seals)


def _seal_next(session: Session, horizon: int, *, key: SealKey, now: datetime, most_entries: int) -> int:
    """One seal over what follows the last one; returns its entries, 0 when there are none."""
    last = session.query(AuditSeal).order_by(AuditSeal.seq.desc()).first()
    low = int(last.to_xid) if last else 0
    high = _bound(session, low, horizon, most_entries)
    entries = _entries(session, low, high)
    if not entries:
        return 0
    seq = last.seq + 1 if last else 1
    root = merkle_root([entry_bytes(entry) for entry in entries])
    previous = last.seal_hash if last else GENESIS
    digest = seal_hash(seq=seq, from_xid=low, to_xid=high, entries=len(entries), root=root, previous=previous)
    values = {
        "seq": seq,
        "from_xid": str(low),
        "to_xid": str(high),
        "entries": len(entries),
        "merkle_root": root,
        "prev_hash": previous,
        "seal_hash": digest,
        "key_id": key.key_id,
        "signature": key.sign(digest),
        "sealed_at": now,
    }
    session.execute(text(INSERT_SEAL), values)
    return len(entries)


def _bound(session: Session, low: int, horizon: int, most_entries: int) -> int:
    """Where the next seal ends: before the transaction that would make it too large, but after the first one in any case."""

    def xid_at(offset: int) -> int | None:
        return session.execute(text(XID_AT), {"low": str(low), "high": str(horizon), "offset": offset}).scalar_one_or_none()

    first, beyond = xid_at(0), xid_at(most_entries)
    if beyond is None:
        return horizon
    return beyond if beyond != first else beyond + 1


def _entries(session: Session, low: int, high: int) -> Sequence[EntryFields]:
    rows = session.execute(text(ENTRIES), {"low": str(low), "high": str(high)})
    return [EntryFields(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SealCheck:
    """`problems` names each broken seal; `entries` and `seals` were examined."""

    entries: int
    seals: int
    problems: tuple[str, ...]


def check_seals(session: Session, *, key: SealKey) -> SealCheck:
    """Recompute every seal: changed, removed or added entries, a broken chain, a wrong signature."""
    problems: list[str] = []
    previous, reached, examined, seals = GENESIS, 0, 0, 0
    for found in session.query(AuditSeal).order_by(AuditSeal.seq):
        seals += 1
        low, high = int(found.from_xid), int(found.to_xid)
        entries = _entries(session, low, high)
        examined += len(entries)
        root = merkle_root([entry_bytes(entry) for entry in entries])
        digest = seal_hash(seq=found.seq, from_xid=low, to_xid=high, entries=found.entries, root=root, previous=previous)
        if found.seq != seals or low != reached or found.prev_hash != previous:
            problems.append(f"seal {found.seq}: does not follow the one before")
        if len(entries) != found.entries or root != found.merkle_root:
            problems.append(f"seal {found.seq}: its entries were changed, added or removed")
        elif digest != found.seal_hash or not key.verifies(found.signature, found.seal_hash):
            problems.append(f"seal {found.seq}: hash or signature is wrong")
        previous, reached = found.seal_hash, high
    return SealCheck(entries=examined, seals=seals, problems=tuple(problems))
