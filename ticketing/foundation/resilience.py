"""One way to call the outside: a circuit breaker per dependency, and retries where a repeat can do no harm.

    circuit = Circuit("sign-in-google", failures=(NoAnswer,))
    answer = circuit.call(lambda: outside.request("POST", url, body=body))        # once
    answer = circuit.repeat(lambda: outside.request("GET", url))                  # up to three times: only what is safe to repeat
    answer = await circuit.call_async(lambda: outside.send("POST", url, body=body))
    answer = await circuit.repeat_async(lambda: outside.send("GET", url))

`failures` are the errors that mean "it is down"; any other error is an answer, is passed on, and is never retried. After
`threshold` failures in a row the circuit is open: for `rest_seconds` every call raises `CircuitOpen` at once (a 503 problem with
`Retry-After`), then calls are let through again, and the first answer closes it. Make one circuit per dependency and process, and
keep it; `circuit_states()` is what /metrics reads. What each feature does while its circuit is open: docs/operations.md.
Timeouts are the callers': every client bounds its own calls.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar
from weakref import WeakValueDictionary

import stamina
from purgatory import SyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from ticketing.foundation.errors import Unavailable

Result = TypeVar("Result")
THRESHOLD = 5
REST_SECONDS = 30.0
ATTEMPTS = 3
RETRY_SECONDS = 5.0
"""No retry begins later than this after the first attempt: a caller is waiting."""
FIRST_WAIT_SECONDS = 0.1
"""Doubles with each retry; up to `JITTER_SECONDS` by chance are added, so that many callers don't return at one instant."""
JITTER_SECONDS = 0.2

_circuits: WeakValueDictionary[str, Circuit] = WeakValueDictionary()


class CircuitOpen(Unavailable):
    """It has failed several times in a row, so it was not asked. Nothing was done."""


@dataclass(frozen=True, slots=True)
class CircuitState:
    name: str
    state: str
    """closed, opened or half-opened"""
    failures: int
    """In a row; 0 while it is open."""


class Circuit:
    """The breaker of one dependency in this process. Safe to share between threads and event loops."""

    def __init__(
        self,
        name: str,
        *,
        failures: tuple[type[Exception], ...],
        threshold: int = THRESHOLD,
        rest_seconds: float = REST_SECONDS,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
    ) -> None:
        self.name = name
        self.rest_seconds = rest_seconds
        self._failures = failures
        self._first_wait = first_wait_seconds
        self._lock = Lock()
        self._breaker = SyncCircuitBreakerFactory().get_breaker(
            name, threshold=threshold, ttl=rest_seconds, exclude=[(BaseException, lambda error: not isinstance(error, failures))]
        )
        _circuits[name] = self

    def call(self, work: Callable[[], Result]) -> Result:
        """Once; raises `CircuitOpen` or what `work` raises."""
        with self._guarded():
            return work()

    async def call_async(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Once; raises `CircuitOpen` or what `work` raises."""
        with self._guarded():
            return await work()

    def repeat(self, work: Callable[[], Result], *, attempts: int = ATTEMPTS) -> Result:
        """Again after a failure, with growing pauses; the last failure is raised. Only for work that may be done twice."""
        failed: list[Exception] = []
        try:
            for attempt in self._attempts(attempts):
                with attempt, self._remembered(failed):
                    return self.call(work)
        except CircuitOpen as refused:
            raise (failed[-1] if failed else refused) from None  # after a failure it can't be said that nothing was done
        raise RuntimeError("unreachable: the last attempt returns or raises")

    async def repeat_async(self, work: Callable[[], Awaitable[Result]], *, attempts: int = ATTEMPTS) -> Result:
        """Again after a failure, with growing pauses; the last failure is raised. Only for work that may be done twice."""
        failed: list[Exception] = []
        try:
            async for attempt in self._attempts(attempts):
                with attempt, self._remembered(failed):
                    return await self.call_async(work)
        except CircuitOpen as refused:
            raise (failed[-1] if failed else refused) from None  # after a failure it can't be said that nothing was done
        raise RuntimeError("unreachable: the last attempt returns or raises")

    @property
    def state(self) -> CircuitState:
        with self._lock:
            context = self._breaker.context
            return CircuitState(self.name, context.state, context.failure_count or 0)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with self._lock:
                self._breaker.__enter__()
        except OpenedState as opened:
            wait = math.ceil(max(1.0, (opened.opened_at or 0) + self.rest_seconds - time.time()))
            opened.__traceback__ = None  # the breaker raises one and the same object: it must not collect every caller's frames
            raise CircuitOpen(f"{self.name} does not answer at present.", circuit=self.name, retry_after_seconds=wait) from None
        try:
            yield
        except BaseException as error:
            with self._lock:
                self._breaker.__exit__(type(error), error, None)
            raise
        with self._lock:
            self._breaker.__exit__(None, None, None)

    @contextmanager
    def _remembered(self, failed: list[Exception]) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            failed.append(error)
            raise

    def _attempts(self, attempts: int) -> stamina._core._RetryContextIterator:
        return stamina.retry_context(
            on=self._failures,
            attempts=attempts,
            timeout=RETRY_SECONDS,
            wait_initial=self._first_wait,
            wait_jitter=min(JITTER_SECONDS, 2 * self._first_wait),
        )


def circuit_states() -> list[CircuitState]:
    """Every dependency that this process has called or may call, by name."""
    return [circuit.state for _, circuit in sorted(_circuits.items())]
