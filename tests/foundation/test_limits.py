"""Rate limits: in this process, in a real Redis for several processes, and while Redis is away."""

from __future__ import annotations

import subprocess
import time

import pytest

from ticketing.foundation.limits import Limits, TooManyRequests


def spend(limits: Limits, who: str, times: int) -> int:
    """How often it was allowed."""
    allowed = 0
    for _ in range(times):
        try:
            limits.spend("sign-in", "3 per minute", who)
        except TooManyRequests:
            continue
        allowed += 1
    return allowed


def test_more_than_the_limit_is_refused_and_told_when_to_come_again() -> None:
    limits = Limits()
    assert spend(limits, "ada", 3) == 3
    with pytest.raises(TooManyRequests) as refused:
        limits.spend("sign-in", "3 per minute", "ada")
    assert 1 <= refused.value.details["retry_after_seconds"] <= 60
    assert refused.value.status == 429


def test_one_persons_attempts_do_not_count_for_another() -> None:
    limits = Limits()
    spend(limits, "ada", 5)
    assert spend(limits, "eve", 5) == 3


def test_it_is_allowed_again_when_the_window_has_passed() -> None:
    limits = Limits()
    limits.spend("lane", "1 per second", "ada")
    with pytest.raises(TooManyRequests):
        limits.spend("lane", "1 per second", "ada")
    time.sleep(1.1)
    limits.spend("lane", "1 per second", "ada")


def test_processes_count_together_when_they_share_redis(redis_server: tuple[str, subprocess.Popen[bytes]]) -> None:
    url, _ = redis_server
    one, other = Limits(url), Limits(url)
    assert spend(one, "ada", 2) == 2
    assert spend(other, "ada", 2) == 1


def test_each_process_counts_for_itself_while_redis_is_away(redis_server: tuple[str, subprocess.Popen[bytes]]) -> None:
    url, server = redis_server
    limits = Limits(url)
    assert spend(limits, "ada", 4) == 3
    server.kill()
    server.wait()
    started = time.monotonic()
    assert spend(limits, "ada", 5) == 3  # counted anew, and limited again
    assert time.monotonic() - started < 5
