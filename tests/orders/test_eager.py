"""Out of turn again and again: refused at the door for a while, and let through when it is over."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID, uuid4

import pytest

from ticketing.foundation.limits import TooManyRequests
from ticketing.orders.admission import NotYourTurn
from ticketing.orders.eager import PATIENCE, WINDOW_SECONDS, Eager

EVENT, ROBOT = uuid4(), uuid4()


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def out_of_turn(eager: Eager, *, event: UUID = EVENT, buyer: UUID = ROBOT) -> None:
    with suppress(NotYourTurn), eager.watching(event, buyer):
        raise NotYourTurn("Wait.")


def test_who_asks_out_of_turn_too_often_is_told_to_wait_and_only_they() -> None:
    clock = Clock()
    eager = Eager(clock=clock)
    for _ in range(PATIENCE):
        out_of_turn(eager)
    with pytest.raises(TooManyRequests) as refused, eager.watching(EVENT, ROBOT):
        pass
    assert refused.value.details["retry_after_seconds"] == round(WINDOW_SECONDS)
    for event, buyer in ((EVENT, uuid4()), (uuid4(), ROBOT)):
        with eager.watching(event, buyer):
            pass


def test_the_count_begins_anew_when_the_window_is_over() -> None:
    clock = Clock()
    eager = Eager(clock=clock)
    for _ in range(PATIENCE):
        out_of_turn(eager)
    clock.now += WINDOW_SECONDS
    for _ in range(PATIENCE):
        out_of_turn(eager)
    with pytest.raises(TooManyRequests), eager.watching(EVENT, ROBOT):
        pass


def test_holds_that_succeed_or_fail_otherwise_are_not_counted() -> None:
    eager = Eager(clock=Clock())
    for _ in range(PATIENCE * 3):
        with suppress(LookupError), eager.watching(EVENT, ROBOT):
            raise LookupError
        with eager.watching(EVENT, ROBOT):
            pass
