"""Work that costs much of the machine's time, in a lane of its own: a few threads of low priority, with a bounded queue before them.

A storm of it waits there, and neither starves other requests nor piles up.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ticketing.foundation.errors import Unavailable

Result = TypeVar("Result")


NICENESS = 5
"""A thread of a lane gets a third of the share of one that answers, wherever both want a core."""


def _step_back() -> None:
    """Lower this thread's priority; only Linux has one per thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class Lane:
    """`threads` at work, and no more than `most_inside` at work or waiting; `busy` makes the error for whoever comes then."""

    def __init__(self, name: str, threads: int, most_inside: int, busy: Callable[[], Unavailable]) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_step_back)
        self._room = threading.Semaphore(most_inside)
        self._busy = busy

    def check_room(self) -> None:
        """Raises what `busy` makes when too many wait: asked first, a refusal costs nothing else."""
        if not self._room.acquire(blocking=False):
            raise self._busy()
        self._room.release()

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """`work(*arguments)` when its turn comes; raises what `busy` makes when too many wait, and what `work` raises."""
        if not self._room.acquire(blocking=False):
            raise self._busy()
        task = self._pool.submit(work, *arguments)
        task.add_done_callback(lambda _: self._room.release())  # not when its caller goes away: the thread works on
        return await asyncio.wrap_future(task)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
