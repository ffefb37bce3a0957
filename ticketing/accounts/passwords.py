"""Passwords: argon2id with OWASP's first-choice parameters. Slow by design: never inside a transaction.

Imported bcrypt hashes are verified, and replaced by ours at the first sign-in. In a serving process the work is done in a lane of
its own, a thread for every two cores, at low priority, with a bounded queue: a storm of sign-ins waits there, and neither starves
other requests nor piles up.
"""

from __future__ import annotations

import os
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from ticketing.foundation.errors import Invalid, Unavailable
from ticketing.foundation.lanes import Lane

SHORTEST = 12
LONGEST = 128
BCRYPT_BYTES = 72
"""bcrypt never looked at more; the library refuses it now."""

MOST_WAITING = 50
"""At some 30 ms a hash, the last of them waits one or two seconds."""

_hasher = PasswordHash((Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1), BcryptHasher()))


class PasswordNotAcceptable(Invalid):
    """Too short or too long."""


class SignInsBusy(Unavailable):
    """More people sign in at once than can be served: the same request may be sent again."""


def hash_password(password: str) -> str:
    """Raises `PasswordNotAcceptable`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordNotAcceptable(f"A password has {SHORTEST} to {LONGEST} characters.", fields={"password": "length"})
    return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """(whether it is right, the hash to store from now on if the old one is weaker than today's).

    Takes as long for an unknown account (`None`) as for a known one.
    """
    stored = password_hash or _nobody()
    given = password[:LONGEST]
    can_be = password_hash is not None and given == password
    if stored.startswith("$2"):
        try:
            right = BcryptHasher().verify(given.encode()[:BCRYPT_BYTES], stored) and can_be
        except ValueError:  # a damaged hash
            right = False
        return right, _hasher.hash(given) if right else None
    try:
        right, better_hash = _hasher.verify_and_update(given, stored)
    except UnknownHashError:
        return False, None
    return right and can_be, better_hash if right and can_be else None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


class HashingLane(Lane):
    """Where a serving process hashes: a thread for every two cores, which steps back for those that answer."""

    def __init__(self, threads: int | None = None, most_waiting: int = MOST_WAITING) -> None:
        busy = "Too many people sign in just now: try again in a moment."
        super().__init__("hashing", threads or max(1, (os.cpu_count() or 1) // 2), most_waiting, lambda: SignInsBusy(busy))
        self._pool.submit(_nobody)  # now, so that not even the first unknown address takes longer
