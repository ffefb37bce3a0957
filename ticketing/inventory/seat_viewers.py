"""Who looks at seat maps in this process: the newest state of each event, and streams that share one encoded message a change."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool

from ticketing.foundation.db import Database
from ticketing.foundation.draining import when_stopping
from ticketing.foundation.errors import Unavailable
from ticketing.foundation.limits import TooManyRequests
from ticketing.inventory.seat_copy import MOST_IN_DELTA, Change, Code, Published, code_of
from ticketing.inventory.seat_feed import SECONDS_PER_CHECK, FeedAway, FindSeats, SeatFeed

MOST_WAITING = 8
"""Messages of a viewer who is slow (two seconds of changes); then they get the whole map instead."""
MOST_REMEMBERED = 240
"""Changes of an event that a returning viewer can resume from: a minute of them."""
SECONDS_KEPT = 60.0
"""How long an event is kept in step that nobody asks for."""
SECONDS_PER_SWEEP = 10.0
MOST_EVENTS = 300
"""Kept at once; beyond it those that nobody streams and that were asked for least recently go."""
RETRY_SECONDS = 5


class TooManyStreams(TooManyRequests):
    """This address has as many streams as one may have."""


class StreamsFull(Unavailable):
    """This process has as many streams as it may have, or is stopping. The map itself can be asked for."""


@dataclass(eq=False, slots=True)
class Viewer:
    """One stream. Messages are shared, so that a thousand viewers cost a thousand references."""

    event_id: UUID
    address: str
    waiting: deque[bytes] = field(default_factory=deque)
    ended: bool = False
    behind: bool = False
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, message: bytes) -> None:
        """Queue a message; one too many, and all give way to the whole map."""
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.clear()
            self.behind = True
        elif not self.behind:
            self.waiting.append(message)
        self._awake.set()

    def end(self) -> None:
        self.ended = True
        self._awake.set()

    async def wait(self, seconds: float) -> bool:
        """Until there is something to do; False when there was nothing for so long."""
        self._awake.clear()
        try:
            async with asyncio.timeout(seconds):
                return await self._awake.wait()
        except TimeoutError:
            return False


@dataclass(slots=True)
class _Watched:
    now: Published
    asked_at: float
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=MOST_REMEMBERED))
    viewers: set[Viewer] = field(default_factory=set)


class SeatMaps:
    """One per process. `start` it on the event loop that serves; streams belong there, maps may be asked for on any."""

    def __init__(
        self,
        database: Database,
        find_seats: FindSeats,
        *,
        per_address: int,
        per_process: int,
        seconds_per_check: float = SECONDS_PER_CHECK,
    ) -> None:
        self._feed = SeatFeed(database, self, find_seats, seconds_per_check=seconds_per_check)
        self._per_address = per_address
        self._per_process = per_process
        self._watched: dict[UUID, _Watched] = {}
        self._asked: dict[UUID, list[Future[Published | None]]] = {}
        self._asking = threading.Lock()
        self._by_address: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._draining = False
        self.note = self._feed.note

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._feed.start()
        self._sweep()
        when_stopping(self.drain)

    async def stop(self) -> None:
        self.drain()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await run_in_threadpool(self._feed.stop)

    def drain(self) -> None:
        """End all streams, and take no more: viewers come back to another process, or to the next."""
        self._draining = True
        for watched in self._watched.values():
            for viewer in watched.viewers:
                viewer.end()

    def latest(self, event_id: UUID) -> Published | None:
        """The map, if it is kept here."""
        watched = self._watched.get(event_id)
        if watched is None or self._loop is None:
            return None
        watched.asked_at = self._loop.time()
        return watched.now

    async def find(self, event_id: UUID) -> Published | None:
        """The map, which is kept from now on; None: there is no such event. Raises `FeedAway`."""
        if (found := self.latest(event_id)) is not None:
            return found
        if self._draining:
            raise FeedAway("This process is stopping.")
        future: Future[Published | None] = Future()
        with self._asking:
            asked = self._asked.setdefault(event_id, [])
            asked.append(future)
            if len(asked) == 1:
                self._feed.keep(event_id)
        return await asyncio.wrap_future(future)

    def join(self, event_id: UUID, address: str, seen: str | None) -> Viewer:
        """A stream of an event that is kept, from the version `seen` on. Raises `TooManyStreams`, `StreamsFull`."""
        if self._draining or self._by_address.total() >= self._per_process:
            raise StreamsFull("No more live maps from this process now.", retry_after_seconds=RETRY_SECONDS)
        if self._by_address[address] >= self._per_address:
            raise TooManyStreams("Too many live maps from one address.", retry_after_seconds=RETRY_SECONDS)
        watched = self._watched[event_id]
        viewer = Viewer(event_id, address)
        if (message := _resume(watched, seen)) is not None:
            viewer.send(message)
        watched.viewers.add(viewer)
        self._by_address[address] += 1
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._by_address[viewer.address] -= 1
        if not self._by_address[viewer.address]:
            del self._by_address[viewer.address]
        watched = self._watched.get(viewer.event_id)
        if watched is not None:
            watched.viewers.discard(viewer)

    def catch_up(self, viewer: Viewer) -> bytes:
        """The whole map, for a viewer who was too slow."""
        viewer.behind = False
        viewer.waiting.clear()
        return self._watched[viewer.event_id].now.map_event

    def kept(self, event_id: UUID, published: Published | FeedAway | None) -> None:
        """From the feed's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._kept, event_id, published)

    def changed(self, changes: Sequence[Change]) -> None:
        """From the feed's thread, which also does the encoding."""
        messages = [delta_message(change) for change in changes]
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed, changes, messages)

    def _kept(self, event_id: UUID, published: Published | FeedAway | None) -> None:
        if isinstance(published, Published) and self._loop is not None:
            self._watched[event_id] = _Watched(published, self._loop.time())
            if len(self._watched) > MOST_EVENTS:
                self._let_go(idle_since=-math.inf)
        with self._asking:
            waiting = self._asked.pop(event_id, [])
        for future in waiting:
            if not future.set_running_or_notify_cancel():
                continue
            if isinstance(published, FeedAway):
                future.set_exception(published)
            else:
                future.set_result(published)

    def _changed(self, changes: Sequence[Change], messages: Sequence[bytes]) -> None:
        for change, message in zip(changes, messages, strict=True):
            watched = self._watched.get(change.now.event_id)
            if watched is None:
                continue
            watched.now = change.now
            if change.reshaped:
                watched.changes.clear()
            else:
                watched.changes.append(change)
            for viewer in watched.viewers:
                if change.now.public:
                    viewer.send(message)
                else:
                    viewer.end()  # who may still see it comes back and is asked who they are

    def _let_go(self, *, idle_since: float) -> None:
        """Of what nobody has asked for since then, and of the longest idle where there are too many."""
        idle = sorted((w.asked_at, event_id) for event_id, w in self._watched.items() if not w.viewers)
        surplus = len(self._watched) - MOST_EVENTS
        for place, (asked_at, event_id) in enumerate(idle):
            if place < surplus or asked_at < idle_since:
                del self._watched[event_id]
                self._feed.drop(event_id)

    def _sweep(self) -> None:
        assert self._loop is not None
        self._let_go(idle_since=self._loop.time() - SECONDS_KEPT)
        self._sweeper = self._loop.call_later(SECONDS_PER_SWEEP, self._sweep)


def _resume(watched: _Watched, seen: str | None) -> bytes | None:
    """What leads from the version `seen` to the present one: nothing, a delta, or the whole map."""
    if seen == watched.now.version:
        return None
    changes = list(watched.changes)
    for place in range(len(changes) - 1, -1, -1):
        if changes[place].since == seen:
            missed = changes[place:]
            seats = tuple(sorted({seat for change in missed for seat in change.seats}))
            sections = tuple(sorted({section for change in missed for section in change.sections}))
            return delta_message(Change(changes[place].since, watched.now, seats, sections, reshaped=False))
    return watched.now.map_event


def delta_message(change: Change) -> bytes:
    """A server-sent event with what changed since another version; where that is much, with the whole map."""
    if change.reshaped or len(change.seats) > MOST_IN_DELTA:
        return change.now.map_event
    seats: dict[int, list[int]] = {Code.FREE: [], Code.HELD: [], Code.TAKEN: []}
    for seat in change.seats:
        seats[code_of(change.now.bitmap, seat)].append(seat)
    data = {
        "version": change.now.version,
        "since": change.since,
        "free": seats[Code.FREE],
        "held": seats[Code.HELD],
        "taken": seats[Code.TAKEN],
        "sections": [
            {"section_id": change.now.sections[place]["section_id"], "available": change.now.sections[place]["available"]}
            for place in change.sections
        ],
    }
    return b"id: %b\nevent: delta\ndata: %b\n\n" % (change.now.version.encode(), orjson.dumps(data))
