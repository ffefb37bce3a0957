"""Figures of a serving process for Prometheus: how often each endpoint is called, how it ends, how long it takes; circuit breakers.

With one serving process they are kept in its memory. With several, each writes to a file of its own in `PROMETHEUS_MULTIPROC_DIR`
(`ticketing serve` sets it), and whichever process is asked answers for all of them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from ticketing.foundation.resilience import circuit_states

SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own name, which it reads when it is imported."""
CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""With a bound at half a second, which 99 % of calls must stay below, and at one, for booking."""
CIRCUIT_LEVELS = {"closed": 0, "half-opened": 1, "opened": 2}
CIRCUITS_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that waits for a flow."""

    name: str
    rows: int
    oldest_seconds: float
    """Since the oldest of them was due; 0 when none waits."""


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self._directory = os.environ.get(SHARED_DIRECTORY)
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "ticketing_http_requests", "Answers; status 0: the caller left first.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "ticketing_http_request_seconds",
            "From the request's first byte to the answer's last.",
            ["method", "route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._circuits = Gauge(
            "ticketing_circuit_state",
            "Breaker of a dependency: 0 closed, 1 trying again, 2 open. Of several processes the worst.",
            ["circuit"],
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._circuits_due = 0.0

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer. `method` and `route` are of a bounded set: a caller must not be able to make up series."""
        key = method, route, status
        counted = self._children.get(key)
        if counted is None:
            counted = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._children[key] = counted
        counted[0].inc()
        counted[1].observe(seconds)
        if (now := time.monotonic()) >= self._circuits_due:
            self._circuits_due = now + CIRCUITS_EVERY_SECONDS
            self._note_circuits()

    def text(self, queues: Iterable[Queue]) -> bytes:
        """Everything in Prometheus' text format."""
        self._note_circuits()
        registry = self._registry
        if self._directory is not None:
            registry = CollectorRegistry()
            forget_ended_processes(Path(self._directory))
            MultiProcessCollector(registry, self._directory)  # type: ignore[no-untyped-call]
        waiting = CollectorRegistry()
        waiting.register(_Queues(tuple(queues)))
        return generate_latest(registry) + generate_latest(waiting)

    def _note_circuits(self) -> None:
        for circuit in circuit_states():
            self._circuits.labels(circuit.name).set(CIRCUIT_LEVELS[circuit.state])


class _Queues(Collector):
    def __init__(self, queues: tuple[Queue, ...]) -> None:
        self._queues = queues

    def collect(self) -> Iterator[Metric]:
        """Two gauges for each queue."""
        rows = GaugeMetricFamily("ticketing_queue_rows", "Work that waits for a flow.", labels=["queue"])
        oldest = GaugeMetricFamily("ticketing_queue_oldest_seconds", "Since the oldest of it was due.", labels=["queue"])
        for queue in self._queues:
            rows.add_metric([queue.name], queue.rows)
            oldest.add_metric([queue.name], queue.oldest_seconds)
        yield rows
        yield oldest


def forget_ended_processes(directory: Path) -> None:
    """Breakers of processes that have ended say nothing any more; what they counted stays."""
    for file in directory.glob("gauge_live*.db"):
        pid = int(re.sub(r"\D", "", file.stem.rpartition("_")[2]))
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
