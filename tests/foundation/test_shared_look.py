"""One look for all who ask at the same time, and never one that was made before they asked."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from ticketing.foundation.shared_look import SharedLook


def test_a_crowd_costs_one_look_and_everybody_hears_what_was_true_after_they_asked() -> None:
    news = 0
    looks: list[int] = []
    going_on = threading.Event()

    def look() -> int:
        seen = news
        looks.append(seen)
        going_on.set()
        time.sleep(0.05)
        return seen

    async def crowd() -> None:
        nonlocal news
        shared: SharedLook[int] = SharedLook(rest=0.1)
        early = [asyncio.create_task(shared.ask("event", look)) for _ in range(50)]
        await asyncio.to_thread(going_on.wait)
        news = 1
        late = [asyncio.create_task(shared.ask("event", look)) for _ in range(50)]
        assert set(await asyncio.gather(*early)) == {0}
        assert set(await asyncio.gather(*late)) == {1}

    asyncio.run(crowd())
    assert looks == [0, 1]


def test_looks_rest_by_what_they_cost_and_other_subjects_do_not_wait() -> None:
    async def ask() -> tuple[float, float]:
        shared: SharedLook[None] = SharedLook(rest=4)
        await shared.ask("one", lambda: time.sleep(0.05))
        began = time.monotonic()
        await shared.ask("other", lambda: None)
        other = time.monotonic() - began
        await shared.ask("one", lambda: None)
        return other, time.monotonic() - began

    other, again = asyncio.run(ask())
    assert other < 0.1
    assert again >= 0.15


def test_an_error_reaches_all_who_asked_and_the_next_look_is_a_new_one() -> None:
    def fail() -> int:
        raise LookupError("nothing there")

    async def ask() -> int:
        shared: SharedLook[int] = SharedLook(rest=0)
        for told in await asyncio.gather(*(shared.ask("event", fail) for _ in range(3)), return_exceptions=True):
            assert isinstance(told, LookupError)
        with pytest.raises(LookupError):
            await shared.ask("event", fail)
        return await shared.ask("event", lambda: 7)

    assert asyncio.run(ask()) == 7
