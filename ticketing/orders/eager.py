"""Who keeps asking for seats of an event with a waiting room before their turn: refused without asking the database.

A buyer who was told in a poll that it is their turn is never refused like this; robots that hammer are. Counted per process.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from ticketing.foundation.limits import TooManyRequests
from ticketing.orders.admission import NotYourTurn

PATIENCE = 5
"""So many times in `WINDOW_SECONDS` a buyer is told that it is not their turn; then they are told to wait."""
WINDOW_SECONDS = 10.0
MOST_REMEMBERED = 100_000


class Eager:
    """One per process; used from its event loop."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: OrderedDict[tuple[UUID, UUID], tuple[float, int]] = OrderedDict()
        """(when the window began, refusals since) by event and buyer; the oldest windows first."""

    @contextmanager
    def watching(self, event_id: UUID, buyer_id: UUID) -> Iterator[None]:
        """Round the making of a hold; raises `TooManyRequests` before it when it was tried too often out of turn."""
        who = event_id, buyer_id
        began, times = self._refused.get(who, (0.0, 0))
        ends_in = began + WINDOW_SECONDS - self._clock()
        if times >= PATIENCE and ends_in > 0:
            wait = max(1, round(ends_in))
            raise TooManyRequests(f"It is not your turn, and you ask too often: try again in {wait} seconds.", retry_after_seconds=wait)
        try:
            yield
        except NotYourTurn:
            self._note(who)
            raise

    def _note(self, who: tuple[UUID, UUID]) -> None:
        now = self._clock()
        began, times = self._refused.get(who, (now, 0))
        if now - began >= WINDOW_SECONDS:
            del self._refused[who]
            began, times = now, 0
        self._refused[who] = began, times + 1
        if len(self._refused) > MOST_REMEMBERED:
            self._refused.popitem(last=False)
