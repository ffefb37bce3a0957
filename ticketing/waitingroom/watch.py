"""The one look at the database that all waiting buyers share: a thread per process that keeps the queues' counters.

One process leads (an advisory lock says which): once a second it advances each queue and tells the others in a notification,
so that ten thousand polls cost no read, and more processes cost none either. When the leader dies, its lock goes with its
connection, and another takes over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson
import psycopg

from ticketing.foundation.db import Connection, Database, named_cursor
from ticketing.foundation.errors import Misconfigured
from ticketing.waitingroom.admit import Counter, advance_queue
from ticketing.waitingroom.rules import Wait, estimate

log = logging.getLogger(__name__)

SECONDS_PER_STEP = 1.0
SECONDS_PER_LOOK = 5.0
"""How often queues are looked for that are new or have ended, and followers try to lead; a queue somebody asks for in vain is
looked for at the next step."""
PACE_SECONDS = 60.0
"""The pace of the last minute is what estimates are made from."""
CHANNEL = "ticketing_queues"
LEADER = "select pg_try_advisory_lock(hashtextextended('ticketing.queues', 0))"

QUEUES = """
select q.event_id, q.opens_at, q.opens_at <= app_now() as is_open, q.paused_at is not null as paused, q.drawn_at is not null as drawn,
  q.last_position, q.admitted_upto, 0 as inside, 0 as admitted_now, 0 as early
from queue q join event e on e.id = q.event_id
where e.status = 'published' and e.sales_close_at > app_now()
"""

SEED = "select seed from queue where event_id = %s"

DRAWN = """
select e.id, e.position from queue_entry e join queue q on q.event_id = e.event_id
where e.event_id = %s and e.arrived_at <= q.drawn_at and e.position is not null
"""


@dataclass(slots=True)
class Watched:
    """A queue as a process knows it."""

    counter: Counter
    seed: bytes
    """Of the lot. It is not told before the opening; when it is worth asking again hints at the outcome, which nobody can change."""
    drawn: Mapping[UUID, int] | None = None
    """Positions by entry of those who came before the draw; loaded when the first of them asks …"""
    loading: threading.Lock = field(default_factory=threading.Lock)
    """… once, however many ask at the opening."""
    past: deque[tuple[float, int]] = field(default_factory=deque)
    """(monotonic seconds, admitted_upto), of the last minute."""

    def note(self, counter: Counter, now: float) -> None:
        self.counter = counter
        self.past.append((now, counter.admitted_upto))
        while len(self.past) > 1 and now - self.past[0][0] > PACE_SECONDS:
            self.past.popleft()

    def likely_position(self, entry_id: UUID) -> int:
        """Where the lot will about put an early entry."""
        lot = int.from_bytes(sha256(self.seed + entry_id.bytes).digest()[:8], "big")
        return lot * self.counter.early >> 64

    def wait(self, position: int) -> Wait | None:
        """How long somebody at `position` will still wait; None while nobody can know."""
        if not self.past:
            return None
        (then, before), (now, after) = self.past[0], self.past[-1]
        return estimate(ahead=max(0, position - after - 1), admitted=after - before, seconds=now - then)


class QueueWatch:
    """Start it with `start()`, stop it with `stop()`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queues: dict[UUID, Watched] = {}
        self._stopping = False
        self._wake = threading.Event()
        self._looked = 0.0
        self._asked_in_vain = False
        self._leads = False
        self._thread = threading.Thread(target=self._loop, name="queues", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def queue(self, event_id: UUID) -> Watched | None:
        """The queue of an event, about a second old. None: it has none, its sales have ended, or it is new."""
        watched = self._queues.get(event_id)
        if watched is None:
            self._asked_in_vain = True
        return watched

    def has_queue(self, event_id: UUID) -> bool:
        """Whether the event has a waiting room, as far as this process knows."""
        return event_id in self._queues

    def knows_draw(self, event_id: UUID) -> bool:
        """Whether `drawn_position` answers without the database."""
        watched = self._queues.get(event_id)
        return watched is not None and watched.drawn is not None

    def drawn_position(self, event_id: UUID, entry_id: UUID) -> int | None:
        """What the draw gave to somebody who came before the opening; None before it. Reads the database once per queue, and then only
        looks it up: from an event loop, ask `knows_draw` whether it will wait."""
        watched = self._queues.get(event_id)
        if watched is None or not watched.counter.drawn:
            return None
        if watched.drawn is None:
            with watched.loading:
                if watched.drawn is None:
                    watched.drawn = self._read_drawn(event_id)
        return watched.drawn.get(entry_id)

    def _read_drawn(self, event_id: UUID) -> Mapping[UUID, int]:
        connection = self._database.connect(autocommit=True)
        try:
            return dict(connection.execute(DRAWN, [event_id]).fetchall())
        finally:
            connection.close()

    def _note(self, counter: Counter) -> None:
        watched = self._queues.get(counter.event_id)
        if watched is not None:
            watched.note(counter, time.monotonic())

    def _look(self, connection: Connection) -> None:
        """Which queues there are; and whether this process leads."""
        self._looked = time.monotonic()
        self._asked_in_vain = False
        with connection.transaction():
            self._database.set_clock(connection)
            with named_cursor(connection) as cursor:
                known = [Counter(*row) for row in cursor.execute(QUEUES)]
        for gone in self._queues.keys() - {counter.event_id for counter in known}:
            del self._queues[gone]
        for counter in known:
            if counter.event_id not in self._queues:
                row = connection.execute(SEED, [counter.event_id]).fetchone()
                assert row is not None  # queues are not deleted
                self._queues[counter.event_id] = Watched(counter, row[0])
                self._note(counter)
        if not self._leads and connection.execute(LEADER).fetchone() == (True,):
            self._leads = True
            connection.execute(f"unlisten {CHANNEL}".encode())

    def _lead(self, connection: Connection) -> None:
        """One step of every queue."""
        for event_id in list(self._queues):
            with connection.transaction():
                self._database.set_clock(connection)
                counter = advance_queue(connection, event_id=event_id)
                if counter is not None:
                    connection.execute("select pg_notify(%s, %s)", [CHANNEL, orjson.dumps(asdict(counter)).decode()])
            if counter is not None:
                self._note(counter)
        self._wake.wait(SECONDS_PER_STEP)
        self._wake.clear()

    def _follow(self, connection: Connection) -> None:
        """Hear what the leader did."""
        for notice in connection.notifies(timeout=SECONDS_PER_STEP / 2):
            told = orjson.loads(notice.payload)
            told |= {"event_id": UUID(told["event_id"]), "opens_at": datetime.fromisoformat(told["opens_at"])}
            self._note(Counter(**told))

    def _connect(self) -> Connection:
        self._leads = False
        self._looked = 0.0
        connection = self._database.connect(autocommit=True)
        connection.execute(f"listen {CHANNEL}".encode())
        return connection

    def _loop(self) -> None:
        connection: Connection | None = None
        while not self._stopping:
            try:
                if connection is None or connection.closed:
                    connection = self._connect()
                patience = SECONDS_PER_STEP if self._asked_in_vain else SECONDS_PER_LOOK
                if time.monotonic() - self._looked >= patience or not self._looked:
                    self._look(connection)
                (self._lead if self._leads else self._follow)(connection)
            except (psycopg.Error, Misconfigured) as error:
                log.warning("queues could not be watched: %s", type(error).__name__)
                if connection is not None:
                    connection.close()
                self._wake.wait(SECONDS_PER_STEP)
        if connection is not None:
            connection.close()
