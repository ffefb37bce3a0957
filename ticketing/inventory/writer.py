"""The writer thread: one per process, in front of the database, for holds, orders, payment intents and settling alike.

Requests queue while a transaction runs; the next turn takes what is waiting (no timer), one transaction per kind, and
answers after COMMIT. Batching is what makes durable commits cheap; one thread for all kinds beats a thread per kind.

A kind's handler gets requests that share no conflict key, so nothing in a batch competes with itself. A batch that fails
is rerun one by one. A request may ask to be run again alone, in a transaction of its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from ticketing.foundation.db import Connection, Database, Role
from ticketing.foundation.errors import Misconfigured, TicketingError, Unavailable, fault_report

log = logging.getLogger(__name__)

LARGEST_BATCH = 64
RERUNS_AFTER_DEADLOCK = 5
RECONNECT_SECONDS = 30.0
"""How long requests wait for a database that went away before they are told to try again."""


PLANNER = (
    "set plan_cache_mode = force_generic_plan",  # planning costs more than running
    "set enable_seqscan = off",
    "set enable_mergejoin = off",
    "set enable_bitmapscan = off",
)
"""Every statement here finds few rows by key. Plans made while tables were small went bad as they grew: a merge join walked
all open orders, a sequential scan all seats. So only nested loops over indexes are left to choose from. The statements
themselves hide conditions on states from the planner (`state || '' = …`), so that no partial index but the key's serves."""


class WriterBusy(Unavailable):
    """The database did not answer in time; the same request with the same key may be sent again."""


class RunAlone(Exception):
    """An outcome: this request must be run again in a transaction of its own."""


class Handler(Protocol):
    """How one kind of work is done. Every request must be safe to run twice (an idempotency key, or a monotone step)."""

    def conflict_keys(self, request: Any) -> Iterable[Hashable]:
        """Two requests that share one are not put into the same batch."""
        ...

    def run(self, connection: Connection, requests: Sequence[Any], *, alone: bool) -> Sequence[Any]:
        """One outcome per request, in order: a result or an exception. Runs inside a transaction."""
        ...


AfterCommit = Callable[[str, Sequence[Any], Sequence[Any]], None]
"""Told the kind, the requests and the outcomes of every turn, in the writer's thread: it may do no more than note them."""


@dataclass(slots=True)
class _Job:
    request: Any
    deliver: Callable[[Any], None] | None
    future: asyncio.Future[Any] | None
    loop: asyncio.AbstractEventLoop | None


class Writer:
    """Start it with `start()`, stop it with `stop()`; requests in flight are finished first."""

    def __init__(self, database: Database, handlers: Mapping[str, Handler], *, after_commit: AfterCommit | None = None) -> None:
        self._database = database
        self._handlers = handlers
        self._after_commit = after_commit
        self._queues: dict[str, deque[_Job]] = {kind: deque() for kind in handlers}
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)
        self._connection: Connection | None = None
        self._clock: object = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)

    def submit(self, kind: str, request: Any) -> Future[Any]:
        """Queue a request from any thread."""
        future: Future[Any] = Future()

        def deliver(outcome: Any) -> None:
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self._put(kind, _Job(request, deliver, None, None))
        return future

    def call(self, kind: str, request: Any) -> asyncio.Future[Any]:
        """Queue a request from an event loop; answers of one turn reach a loop in one wake-up."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._put(kind, _Job(request, None, future, loop))
        return future

    def _put(self, kind: str, job: _Job) -> None:
        if self._stopping:
            raise WriterBusy("This process is stopping.")
        self._queues[kind].append(job)
        self._wake.set()

    def _loop(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            worked = True
            while worked:
                worked = False
                for kind in self._queues:
                    if batch := self._take(kind):
                        worked = True
                        self._turn(kind, batch)
            if self._stopping:
                break
        if self._connection is not None:
            self._connection.close()

    def _take(self, kind: str) -> list[_Job]:
        """What is waiting, at most `LARGEST_BATCH`, without two that share a conflict key."""
        queue, handler = self._queues[kind], self._handlers[kind]
        batch: list[_Job] = []
        later: list[_Job] = []
        seen: set[Hashable] = set()
        while queue and len(batch) < LARGEST_BATCH:
            job = queue.popleft()
            keys = set(handler.conflict_keys(job.request))
            if seen.isdisjoint(keys):
                batch.append(job)
            else:
                later.append(job)
            seen |= keys  # also for those put off, so that order per key is kept
        queue.extendleft(reversed(later))
        return batch

    def _turn(self, kind: str, batch: list[_Job]) -> None:
        try:
            outcomes = self._run(kind, [job.request for job in batch], alone=False)
        except Exception as error:  # noqa: BLE001 - each request gets an answer of its own
            log.info("batch of %d %s requests failed (%s): running them one by one", len(batch), kind, type(error).__name__)
            outcomes = [self._alone(kind, job.request) for job in batch]
        answers = [self._alone(kind, job.request) if isinstance(o, RunAlone) else o for job, o in zip(batch, outcomes, strict=True)]
        self._deliver(batch, answers)
        if self._after_commit is not None:
            self._after_commit(kind, [job.request for job in batch], answers)

    def _alone(self, kind: str, request: Any) -> Any:
        """One request in its own transaction, again after a deadlock, a lost race for a key, or a lost connection."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        reruns = 0
        while True:
            try:
                (outcome,) = self._run(kind, [request], alone=True)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation, psycopg.errors.SerializationFailure) as error:
                reruns += 1
                if reruns > RERUNS_AFTER_DEADLOCK:
                    return error
            except (psycopg.OperationalError, Misconfigured):
                if time.monotonic() > deadline:
                    return WriterBusy("The database does not answer.")
                time.sleep(0.1)
            except Exception as error:  # noqa: BLE001 - becomes this request's answer
                return error
            else:
                return RuntimeError("a request run alone asked to be run alone") if isinstance(outcome, RunAlone) else outcome

    def _run(self, kind: str, requests: list[Any], *, alone: bool) -> Sequence[Any]:
        connection = self._connect()
        with connection.transaction():
            return self._handlers[kind].run(connection, requests, alone=alone)

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            connection = self._database.connect(Role.CORE, autocommit=True)
            connection.prepare_threshold = 0
            for setting in PLANNER:
                connection.execute(setting)
            self._connection = connection
            self._clock = None
        if self._clock != self._database.clock:
            self._clock = self._database.clock
            self._connection.execute(
                "select set_config('ticketing.now', %s, false)", [self._database.clock.isoformat() if self._database.clock else ""]
            )
        return self._connection

    @staticmethod
    def _deliver(batch: list[_Job], outcomes: list[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for job, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, TicketingError):
                log.error("request failed: %s", fault_report(outcome))
            if job.deliver is not None:
                job.deliver(outcome)
            elif job.loop is not None and job.future is not None:
                by_loop.setdefault(job.loop, []).append((job.future, outcome))
        for loop, answers in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_answer, answers)


def _answer(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in answers:
        if future.cancelled():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
