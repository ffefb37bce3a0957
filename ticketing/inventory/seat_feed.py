"""Keeps this process's copies of seat maps in step with the database: a thread with one connection, which listens, reads and tells.

Time is cut into slots of a quarter of a second, by the wall clock, so that all processes have the same ones. At the beginning of
a slot each process reads the seats that its writer changed in the last one and tells the others, once per event. A moment later
each process publishes what it knows: to its viewers, once per event and slot. So nobody waits for two periods.

What nobody was told of (another kind of process, one that died before it could tell, a lost connection) is found by reading what
changed in the events that are looked at, every `SECONDS_PER_CHECK`. Holds end by time, here as everywhere: nothing is written.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import psycopg

from ticketing.foundation.db import Connection, Database
from ticketing.foundation.errors import Misconfigured, Unavailable, fault_report
from ticketing.inventory.seat_copy import Change, Published, SeatCopy
from ticketing.inventory.seat_news import CHANNEL, SeatNews, pack, unpack
from ticketing.inventory.seat_reads import (
    DatabaseState,
    EventFacts,
    Snapshot,
    load_copy,
    read_changes,
    read_facts,
    read_seats,
    read_state,
)

log = logging.getLogger(__name__)

SECONDS_PER_SLOT = 0.25
PUBLISH_AFTER = 0.02
"""From a slot's beginning: what others say then is usually there (*measured*: in 5 ms)."""
SECONDS_PER_CHECK = 1.25
"""With the waits for the slots to check and to publish in, less than two seconds until a change is seen that nobody told of."""
RETRY_SECONDS = 0.5
MOST_CHECKING = 0.08
"""Seconds of a slot: what does not fit waits for the next, so that what processes tell is not held up."""
MOST_NOTES = 50_000
"""What does not fit is found by checking."""
MOST_SENDERS = 10_000


class FeedAway(Unavailable):
    """Seat maps can't be read at the moment."""


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Audience(Protocol):
    """Who the feed publishes to. Called in the feed's thread, in the order of things."""

    def kept(self, event_id: UUID, published: Published | FeedAway | None) -> None:
        """The answer to `SeatFeed.keep`; None: there is no such event."""
        ...

    def changed(self, changes: Sequence[Change]) -> None:
        """New states of events that are kept, at most one of each a slot."""
        ...


FindSeats = Callable[[Connection, Sequence[Any]], Mapping[UUID, set[int]]]
"""From what was noted, the seats that may have changed, by event."""


@dataclass(slots=True)
class _Kept:
    copy: SeatCopy
    snapshot: Snapshot
    """What the copy was last read by: what changed since is read next."""
    seen: str
    """The database's snapshot at that time, as text."""
    stamp: str
    check_at: float
    published: Published


class SeatFeed:
    """Start it with `start()`, stop it with `stop()`."""

    def __init__(
        self, database: Database, audience: Audience, find_seats: FindSeats, *, seconds_per_check: float = SECONDS_PER_CHECK
    ) -> None:
        self._database = database
        self._audience = audience
        self._find_seats = find_seats
        self._seconds_per_check = seconds_per_check
        self._name = os.urandom(4)
        self._notes: deque[Any] = deque(maxlen=MOST_NOTES)
        self._asked: deque[tuple[UUID, bool]] = deque()
        self._kept: dict[UUID, _Kept] = {}
        self._told: dict[UUID, int] = {}
        self._heard: dict[tuple[bytes, UUID], int] = {}
        self._offset = 0.0
        self._clock: object = None
        self._stopping = False
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._loop, name="seats", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was noted is told first."""
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        self._refuse("This process is stopping.")

    def note(self, what: Any) -> None:
        """After a COMMIT, from any thread: something that `find_seats` understands. Costs next to nothing."""
        self._notes.append(what)

    def keep(self, event_id: UUID) -> None:
        """Keep the event's map in step from now on; `Audience.kept` is told when it is there."""
        self._asked.append((event_id, True))
        self._wake()

    def drop(self, event_id: UUID) -> None:
        """Nobody asks for the event's map any more."""
        self._asked.append((event_id, False))

    def _refuse(self, why: str) -> None:
        for _ in range(len(self._asked)):
            event_id, wanted = self._asked.popleft()
            if wanted:
                self._audience.kept(event_id, FeedAway(why))
            else:
                self._kept.pop(event_id, None)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full: it will wake up anyway
            self._waker.send(b".")

    def _loop(self) -> None:
        connection: Connection | None = None
        while not self._stopping:
            try:
                connection = self._connect()
                self._follow(connection)
            except (psycopg.Error, Misconfigured) as error:
                log.warning("seat maps are not in step: %s", type(error).__name__)
                self._rest()
            except Exception as error:  # noqa: BLE001 - without this thread maps would go on being served, ever older
                log.error("seat maps are read anew: %s", fault_report(error))
                for kept in self._kept.values():
                    kept.stamp = ""
                self._rest()
            finally:
                if connection is not None:
                    connection.close()

    def _rest(self) -> None:
        self._refuse("The seat map can't be read now.")
        self._wait(RETRY_SECONDS)

    def _connect(self) -> Connection:
        """A new connection has heard nothing of what was said before: all copies are due."""
        connection = self._database.connect(autocommit=True)
        connection.prepare_threshold = 0
        connection.execute(f"listen {CHANNEL}".encode())
        self._clock = None
        self._heard.clear()
        for kept in self._kept.values():
            kept.check_at = 0.0
        return connection

    def _follow(self, connection: Connection) -> None:
        """Slot after slot, until the process stops."""
        tell_at = publish_at = 0.0
        while not self._stopping:
            now = time.time()
            if now >= tell_at or tell_at - now > SECONDS_PER_SLOT:
                tell_at = (now // SECONDS_PER_SLOT + 1) * SECONDS_PER_SLOT
                publish_at = publish_at or now + PUBLISH_AFTER
                self._tell(connection)
            elif publish_at and now >= publish_at:
                publish_at = 0.0
                self._hear(connection)
                self._publish()
                self._check(connection)
            self._serve(connection)
            self._wait((publish_at or tell_at) - time.time(), connection)
            self._hear(connection)
        self._tell(connection)

    def _wait(self, seconds: float, *others: Connection) -> None:
        """Until then, or somebody wants something, or one of `others` has news."""
        sources: list[HasFileno] = [self._woken, *others]
        ready, _, _ = select.select(sources, [], [], max(0.0, seconds))
        if self._woken in ready:
            self._woken.recv(4096)

    def _now(self) -> float:
        """The database's clock."""
        return self._database.clock.timestamp() if self._database.clock else time.monotonic() + self._offset

    def _tell(self, connection: Connection) -> None:
        """Read what this process's writer changed, and tell it."""
        notes = [self._notes.popleft() for _ in range(len(self._notes))]
        if not notes:
            return
        payloads = []
        for event_id, numbers in self._find_seats(connection, notes).items():
            snapshot, seats = read_seats(connection, event_id, numbers)
            number = self._told[event_id] = self._told.get(event_id, 0) + 1
            payloads.append(pack(SeatNews(event_id, self._name, number, snapshot.read_at, seats)))
            if event_id in self._kept:
                self._kept[event_id].copy.apply(snapshot.read_at, seats)
        if payloads:
            connection.execute("select pg_notify(%s, payload) from unnest(%s::text[]) as payload", [CHANNEL, payloads])

    def _hear(self, connection: Connection) -> None:
        """Apply what other processes say; after a gap the event is read."""
        for notice in connection.notifies(timeout=0):
            try:
                news = unpack(notice.payload)
            except ValueError:
                log.warning("a notification of seats that can't be read")
                continue
            kept = self._kept.get(news.event_id)
            if news.sender == self._name or kept is None:
                continue
            heard = self._heard.get((news.sender, news.event_id))
            if len(self._heard) > MOST_SENDERS:
                self._heard.clear()
            self._heard[news.sender, news.event_id] = news.number
            whole = kept.copy.apply(news.read_at, news.seats) and bool(news.seats)
            if not whole or (heard is not None and heard + 1 != news.number):
                kept.check_at = 0.0

    def _check(self, connection: Connection) -> None:
        """Read what changed in the events whose turn it is, those first that wait longest, as many as fit in a slot."""
        moment = time.monotonic()
        due = sorted((kept.check_at, event_id) for event_id, kept in self._kept.items() if kept.check_at <= moment)
        if not due:
            return
        state = self._state(connection)
        for _, event_id in due:
            if time.monotonic() > moment + MOST_CHECKING:
                break
            self._check_event(connection, event_id, state)
            self._kept[event_id].check_at = moment + self._seconds_per_check

    def _check_event(self, connection: Connection, event_id: UUID, state: DatabaseState) -> None:
        kept, facts = self._kept[event_id], read_facts(connection, event_id)
        if facts is None or facts.stamp != kept.stamp:
            self._read(connection, event_id, facts, state)
            return
        kept.copy.set_public(public=facts.public)
        kept.copy.set_places(facts.places)
        if kept.seen != state.snapshot:  # else nobody has changed anything, anywhere
            kept.seen = state.snapshot
            kept.snapshot, seats = read_changes(connection, event_id, kept.snapshot)
            if not kept.copy.refresh(kept.snapshot.read_at, seats):
                self._read(connection, event_id, facts, state)

    def _state(self, connection: Connection) -> DatabaseState:
        if self._clock != self._database.clock:
            self._clock = self._database.clock
            connection.execute("select set_config('ticketing.now', %s, false)", [self._clock.isoformat() if self._clock else ""])
        state = read_state(connection)
        self._offset = state.now - time.monotonic()
        return state

    def _read(self, connection: Connection, event_id: UUID, facts: EventFacts | None, state: DatabaseState) -> None:
        """The whole event, for the first time or anew."""
        if facts is None:
            self._kept.pop(event_id, None)
            return
        copy, snapshot = load_copy(connection, event_id, facts)
        check_at = time.monotonic() + self._seconds_per_check
        if (kept := self._kept.get(event_id)) is not None:
            kept.copy, kept.snapshot, kept.seen, kept.stamp = copy, snapshot, state.snapshot, facts.stamp
        else:
            copy.expire(self._now())
            published, _ = copy.publish()
            self._kept[event_id] = _Kept(copy, snapshot, state.snapshot, facts.stamp, check_at, published)

    def _serve(self, connection: Connection) -> None:
        """Begin and end to keep events, in the order in which that was asked for."""
        while self._asked:
            event_id, wanted = self._asked[0]
            if not wanted:
                self._kept.pop(event_id, None)
            elif event_id not in self._kept:
                state = self._state(connection)
                self._read(connection, event_id, read_facts(connection, event_id), state)
            if wanted:
                kept = self._kept.get(event_id)
                self._audience.kept(event_id, None if kept is None else kept.published)
            self._asked.popleft()

    def _publish(self) -> None:
        now, changes = self._now(), []
        for kept in self._kept.values():
            kept.copy.expire(now)
            kept.published, change = kept.copy.publish(kept.published)
            if change is not None:
                changes.append(change)
        if changes:
            self._audience.changed(changes)
