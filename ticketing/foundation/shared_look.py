"""One look at the database for all who ask the same at the same time: always made after they asked, so nobody is told old news.

Who asks while a look is being made gets the next one. Between two looks that somebody waits for there is a rest, by what the
last one cost: a crowd that asks what is free can't take the database from those who buy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Result = TypeVar("Result")
REST = 4.0
"""Times as long as the last look took."""


class SharedLook(Generic[Result]):
    """One per process and kind of look; use it from one event loop."""

    def __init__(self, *, rest: float = REST) -> None:
        self._rest = rest
        self._coming: dict[Hashable, asyncio.Task[Result]] = {}
        self._busy: dict[Hashable, asyncio.Future[Any]] = {}
        """The look that is being made, then the rest after it."""

    async def ask(self, subject: Hashable, look: Callable[[], Result]) -> Result:
        """What `look` finds, in a thread; raises its error. Those who share one ask about the same `subject`."""
        coming = self._coming.get(subject)
        if coming is None:
            coming = self._coming[subject] = asyncio.create_task(self._look(subject, look))
        return await asyncio.shield(coming)

    async def _look(self, subject: Hashable, look: Callable[[], Result]) -> Result:
        while (before := self._busy.get(subject)) is not None:
            await asyncio.wait([before])
        own = asyncio.current_task()
        assert own is not None
        self._busy[subject] = own
        del self._coming[subject]  # who asks from now on may miss what this look is too early for
        began = time.monotonic()
        try:
            return await run_in_threadpool(look)
        finally:
            resting = asyncio.create_task(asyncio.sleep(self._rest * (time.monotonic() - began)))
            self._busy[subject] = resting
            resting.add_done_callback(lambda done: self._rested(subject, done))

    def _rested(self, subject: Hashable, rest: asyncio.Task[None]) -> None:
        if self._busy.get(subject) is rest:
            del self._busy[subject]
