"""Identifiers: UUIDv7 for rows, short codes for people, keyed digests for requests."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

import uuid_utils.compat

CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 characters without 0, O, 1 and I."""

ORDER_CODE_LENGTH = 8
"""32^8 ≈ 1.1e12 codes: at ten million orders a new code collides once in 110,000; the unique index decides."""


def new_id() -> UUID:
    """A time-ordered UUIDv7."""
    return uuid_utils.compat.uuid7()


def new_code(length: int = ORDER_CODE_LENGTH) -> str:
    """A random code that people can read out."""
    raw = secrets.token_bytes(length)
    return "".join(CODE_ALPHABET[byte & 31] for byte in raw)


def new_token() -> str:
    """An unguessable opaque token (256 bits)."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """What is stored of an opaque token: its SHA-256. The token has 256 bits of entropy, so no salt is needed."""
    return hashlib.sha256(token.encode()).digest()


def request_digest(salt: bytes, *parts: bytes) -> bytes:
    """Keyed digest of a request (16 bytes): compares bodies under an idempotency key and stands in audit entries.

    Keyed, so that a body with personal data can't be guessed from the digest.
    """
    digest = hashlib.blake2b(key=salt, digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
