"""Passwords: argon2id with OWASP's first-choice parameters. Slow by design: never inside a transaction."""

from __future__ import annotations

from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from ticketing.foundation.errors import Invalid

SHORTEST = 10
LONGEST = 200

_hasher = PasswordHash((Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1),))


class PasswordNotAcceptable(Invalid):
    """Too short or too long."""


def hash_password(password: str) -> str:
    """Raises `PasswordNotAcceptable`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordNotAcceptable(f"A password has {SHORTEST} to {LONGEST} characters.", fields={"password": "length"})
    return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Takes as long for an unknown account (`None`) as for a known one."""
    known = _hasher.verify(password[:LONGEST], password_hash or _nobody())
    return known and password_hash is not None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
