"""Answers that are kept for a moment: in this process, or for all processes in Redis when `TICKETING_REDIS_URL` is set.

An entry is found under the *stamp* of what it was made from, read in the same transaction as the answer would be: after a change
the stamp is another, so nothing old is answered, in whichever process. While Redis does not answer, each process keeps its own.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
MOST_BYTES = 32 * 1024 * 1024
REDIS_SECONDS = 0.2
REDIS_REST_SECONDS = 10.0
"""How long Redis is left alone after it did not answer."""
PREFIX = "ticketing:answers:"


class AnswerCache:
    """Bytes by stamp and question; each for at most `seconds`, because time changes answers, too."""

    def __init__(self, redis_url: str | None = None, *, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._redis: Redis | None = None
        if redis_url is not None:
            self._redis = Redis.from_url(redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)

    def answer(self, stamp: str, question: str, make: Callable[[], bytes]) -> bytes:
        """What is kept, or what `make` makes now."""
        key = hashlib.sha256(f"{stamp}\n{question}".encode()).hexdigest()
        kept = self._get(key)
        if kept is not None:
            return kept
        made = make()
        self._put(key, made)
        return made

    def _get(self, key: str) -> bytes | None:
        redis = self._shared()
        if redis is not None:
            try:
                found = redis.get(PREFIX + key)
            except (RedisError, OSError) as error:
                self._rest(error)
            else:
                return found if isinstance(found, bytes) else None
        with self._lock:
            until, kept = self._entries.get(key, (0.0, b""))
            return kept if time.monotonic() < until else None

    def _put(self, key: str, value: bytes) -> None:
        redis = self._shared()
        if redis is not None:
            try:
                redis.set(PREFIX + key, value, px=int(self._seconds * 1000))
            except (RedisError, OSError) as error:
                self._rest(error)
            else:
                return
        with self._lock:
            self._bytes += len(value) - len(self._entries.pop(key, (0.0, b""))[1])
            self._entries[key] = time.monotonic() + self._seconds, value
            while self._bytes > self._most_bytes:
                _, (_, oldest) = self._entries.popitem(last=False)
                self._bytes -= len(oldest)

    def _shared(self) -> Redis | None:
        return None if time.monotonic() < self._rests_until else self._redis

    def _rest(self, error: Exception) -> None:
        log.warning("Redis does not answer (%s): each process keeps its own answers", type(error).__name__)
        self._rests_until = time.monotonic() + REDIS_REST_SECONDS
