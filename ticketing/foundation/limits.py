"""Rate limits: how often somebody may do what costs us, or what is worth guessing at.

Counted in this process, or for all processes in Redis when `TICKETING_REDIS_URL` is set; while Redis does not answer, in this
process again: a limit that is a little too wide is better than nobody being able to sign in.
"""

from __future__ import annotations

import logging
import time

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from ticketing.foundation.errors import TicketingError

log = logging.getLogger(__name__)
REDIS_SECONDS = 0.5
REDIS_REST_SECONDS = 10.0
"""How long Redis is left alone after it did not answer."""


class TooManyRequests(TicketingError):
    """More often than is allowed; `details["retry_after_seconds"]` says when it is allowed again. Nothing was done."""

    status = 429


class Limits:
    """The counters of one process."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._here = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        self._rests_until = 0.0
        if redis_url is not None:
            options = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
            self._shared = MovingWindowRateLimiter(storage_from_string(redis_url, **options))

    def spend(self, lane: str, limit: str, *who: str) -> None:
        """Count one more of `lane` for `who`; `limit` as in "10 per 5 minutes". Raises `TooManyRequests`. May wait for Redis."""
        item = parse(limit)
        limiter = self._limiter()
        try:
            allowed, resets_at = _hit(limiter, item, (lane, *who))
        except (RedisError, StorageError, OSError) as error:
            if limiter is self._here:
                raise
            log.warning("Redis does not answer (%s): limits are counted per process", type(error).__name__)
            self._rests_until = time.monotonic() + REDIS_REST_SECONDS
            allowed, resets_at = _hit(self._here, item, (lane, *who))
        if not allowed:
            wait = max(1, round(resets_at - time.time()))
            raise TooManyRequests(f"Too many attempts: try again in {wait} seconds.", retry_after_seconds=wait)

    def _limiter(self) -> MovingWindowRateLimiter:
        return self._here if self._shared is None or time.monotonic() < self._rests_until else self._shared


def _hit(limiter: MovingWindowRateLimiter, item: RateLimitItem, who: tuple[str, ...]) -> tuple[bool, float]:
    """(whether it is allowed, when the window has room again)."""
    if limiter.hit(item, *who):
        return True, 0.0
    return False, limiter.get_window_stats(item, *who).reset_time
