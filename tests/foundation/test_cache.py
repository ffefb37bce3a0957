"""Kept answers: never older than what they were made from, in this process, in Redis, and while Redis is away."""

from __future__ import annotations

import subprocess
import time
from itertools import count

from ticketing.foundation.cache import AnswerCache
from ticketing.foundation.ports import free_port


class Maker:
    """Makes another answer each time."""

    def __init__(self) -> None:
        self.numbers = count(1)

    def __call__(self) -> bytes:
        return b"answer %d" % next(self.numbers)


def test_an_answer_is_kept_until_its_stamp_changes() -> None:
    cache, make = AnswerCache(seconds=60), Maker()
    assert [cache.answer("1", "all", make) for _ in range(3)] == [b"answer 1"] * 3
    assert cache.answer("1", "others", make) == b"answer 2"
    assert cache.answer("2", "all", make) == b"answer 3"


def test_an_answer_is_forgotten_after_its_time() -> None:
    cache, make = AnswerCache(seconds=0.05), Maker()
    assert cache.answer("1", "all", make) == b"answer 1"
    time.sleep(0.06)
    assert cache.answer("1", "all", make) == b"answer 2"


def test_the_oldest_answers_make_room() -> None:
    cache, make = AnswerCache(seconds=60, most_bytes=25), Maker()
    for question in "abcd":
        cache.answer("1", question, make)
    assert cache.answer("1", "d", make) == b"answer 4"
    assert cache.answer("1", "a", make) == b"answer 5"


def test_processes_share_answers_in_redis(redis_server: tuple[str, subprocess.Popen[bytes]]) -> None:
    make = Maker()
    one, other = (AnswerCache(redis_server[0], seconds=0.5) for _ in range(2))
    assert one.answer("1", "all", make) == other.answer("1", "all", make) == b"answer 1"
    assert other.answer("2", "all", make) == b"answer 2"
    time.sleep(0.6)
    assert one.answer("2", "all", make) == b"answer 3"


def test_while_redis_is_away_each_process_keeps_its_own(redis_server: tuple[str, subprocess.Popen[bytes]]) -> None:
    make = Maker()
    cache = AnswerCache(redis_server[0], seconds=60)
    cache.answer("1", "all", make)
    redis_server[1].kill()
    redis_server[1].wait()
    assert [cache.answer("1", "all", make) for _ in range(2)] == [b"answer 2"] * 2


def test_a_redis_that_was_never_there_is_no_fault() -> None:
    cache, make = AnswerCache(f"redis://127.0.0.1:{free_port()}/0", seconds=60), Maker()
    assert [cache.answer("1", "all", make) for _ in range(2)] == [b"answer 1"] * 2
