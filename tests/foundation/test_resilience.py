"""Breakers and retries: what opens, what recovers, what is never repeated."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from ticketing.foundation.errors import Conflict, Unavailable
from ticketing.foundation.http import problem_of
from ticketing.foundation.resilience import Circuit, CircuitOpen, circuit_states


class Down(Unavailable):
    """What counts as a failure here."""


class Refused(Conflict):
    """An answer."""


class Dependency:
    """Fails while `failing`; counts what reaches it."""

    def __init__(self, *, failing: int = 10**9, error: type[Exception] = Down) -> None:
        self.asked = 0
        self.failing = failing
        self.error = error

    def work(self) -> str:
        self.asked += 1
        if self.asked <= self.failing:
            raise self.error("no")
        return "done"

    async def work_async(self) -> str:
        return self.work()


def circuit(**options: float) -> Circuit:
    chosen = {"threshold": 3, "rest_seconds": 0.2, "first_wait_seconds": 0.001} | options
    return Circuit("dependency", failures=(Down,), **chosen)  # type: ignore[arg-type]


def fail(circuit: Circuit, dependency: Dependency, times: int) -> None:
    for _ in range(times):
        with pytest.raises(dependency.error):
            circuit.call(dependency.work)


def test_the_circuit_opens_after_failures_in_a_row_and_then_nothing_reaches_the_dependency() -> None:
    breaker, dependency = circuit(), Dependency()
    fail(breaker, dependency, 3)
    with pytest.raises(CircuitOpen) as refused:
        breaker.call(dependency.work)
    assert dependency.asked == 3
    answer = problem_of(refused.value)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert [(state.name, state.state) for state in circuit_states() if state.name == "dependency"] == [("dependency", "opened")]


def test_the_circuit_closes_with_the_first_answer_after_its_rest() -> None:
    breaker, dependency = circuit(), Dependency(failing=3)
    fail(breaker, dependency, 3)
    time.sleep(0.25)
    assert breaker.call(dependency.work) == "done"
    assert breaker.state.state == "closed"


def test_the_circuit_opens_again_when_the_first_call_after_its_rest_fails() -> None:
    breaker, dependency = circuit(), Dependency()
    fail(breaker, dependency, 3)
    time.sleep(0.25)
    fail(breaker, dependency, 1)
    with pytest.raises(CircuitOpen):
        breaker.call(dependency.work)
    assert dependency.asked == 4


def test_an_answer_between_failures_keeps_the_circuit_closed() -> None:
    breaker, down, up = circuit(), Dependency(), Dependency(failing=0)
    for _ in range(3):
        fail(breaker, down, 2)
        breaker.call(up.work)
    assert breaker.state.state == "closed"


def test_a_refusal_is_an_answer_it_opens_nothing_and_is_not_repeated() -> None:
    breaker, dependency = circuit(), Dependency(error=Refused)
    for _ in range(10):
        with pytest.raises(Refused):
            breaker.repeat(dependency.work)
    assert dependency.asked == 10
    assert breaker.state.state == "closed"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_work_is_repeated_until_it_succeeds_or_was_tried_often_enough(asynchronous: bool) -> None:
    def repeat(dependency: Dependency) -> str:
        if asynchronous:
            return asyncio.run(circuit(threshold=10).repeat_async(dependency.work_async))
        return circuit(threshold=10).repeat(dependency.work)

    lucky, unlucky = Dependency(failing=2), Dependency()
    assert repeat(lucky) == "done"
    with pytest.raises(Down):
        repeat(unlucky)
    assert (lucky.asked, unlucky.asked) == (3, 3)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_single_call_is_never_repeated(asynchronous: bool) -> None:
    dependency = Dependency(failing=1)
    with pytest.raises(Down):
        asyncio.run(circuit().call_async(dependency.work_async)) if asynchronous else circuit().call(dependency.work)
    assert dependency.asked == 1


def test_repeating_stops_with_the_last_failure_when_the_circuit_opens() -> None:
    breaker, dependency = circuit(threshold=2), Dependency()
    with pytest.raises(Down):
        breaker.repeat(dependency.work)
    assert dependency.asked == 2
    with pytest.raises(CircuitOpen):
        breaker.repeat(dependency.work)
    assert dependency.asked == 2


def test_pauses_grow_between_repeats() -> None:
    asked: list[float] = []

    def work() -> None:
        asked.append(time.monotonic())
        raise Down("no")

    with pytest.raises(Down):
        circuit(first_wait_seconds=0.05).repeat(work)
    first, second, third = asked
    assert second - first >= 0.05
    assert third - second >= 0.1


def test_a_circuit_is_shared_by_threads_and_loops() -> None:
    breaker, dependency = circuit(threshold=50), Dependency()
    refusals: list[Exception] = []

    def many(call: Callable[[], object]) -> None:
        for _ in range(20):
            try:
                call()
            except Unavailable as error:
                refusals.append(error)

    threads = [threading.Thread(target=many, args=[lambda: breaker.call(dependency.work)]) for _ in range(3)]
    threads.append(threading.Thread(target=many, args=[lambda: asyncio.run(breaker.call_async(dependency.work_async))]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refusals) == 80
    assert 50 <= dependency.asked < 54  # those under way when it opened
    assert breaker.state.state == "opened"


def test_a_circuit_that_nobody_keeps_is_forgotten() -> None:
    name = "for a moment"
    kept = Circuit(name, failures=(Down,))
    assert name in {state.name for state in circuit_states()}
    del kept
    assert name not in {state.name for state in circuit_states()}
