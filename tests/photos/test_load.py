"""Many uploads at once: they wait for each other, some are asked to come again, and nobody else waits."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.app.test_api import problem
from tests.photos import pictures
from tests.photos.conftest import Hall
from ticketing.foundation.lanes import Lane
from ticketing.photos.encode import MOST_WAITING, PhotosBusy
from ticketing.photos.rules import MOST_PER_EVENT
from ticketing.photos.uploads import UPLOADS_PER_PERSON


def test_a_full_lane_says_so_and_what_is_in_it_is_done() -> None:
    async def storm() -> list[object]:
        lane, gate = Lane("test", 1, 3, lambda: PhotosBusy("Busy.")), threading.Event()
        inside = [asyncio.create_task(lane.run(gate.wait, 10)) for _ in range(5)]
        await asyncio.sleep(0.05)
        gate.set()
        results: list[object] = list(await asyncio.gather(*inside, return_exceptions=True))
        results.append(await lane.run(lambda: "again"))
        lane.close()
        return results

    results = asyncio.run(storm())
    assert [result for result in results if not isinstance(result, PhotosBusy)] == [True, True, True, "again"]
    assert len(results) == 6


def test_who_goes_away_keeps_the_lanes_place_until_the_work_is_done() -> None:
    async def leave() -> None:
        lane, gate = Lane("test", 1, 1, lambda: PhotosBusy("Busy.")), threading.Event()
        gone = asyncio.create_task(lane.run(gate.wait, 10))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0.05)
        with pytest.raises(PhotosBusy):
            await lane.run(gate.wait, 10)
        gate.set()
        lane.close()

    asyncio.run(leave())


def test_others_are_answered_while_large_photos_come_in(hall: Hall) -> None:
    large = pictures.jpeg(5_000, 3_900, quality=50)
    waits: list[float] = []
    with ThreadPoolExecutor(6) as pool:
        uploads = [pool.submit(hall.send, hall.guest, large) for _ in range(3)]
        while not all(upload.done() for upload in uploads):
            began = time.perf_counter()
            assert hall.ask("GET", "/health/live").status_code == 200
            waits.append(time.perf_counter() - began)
    assert [upload.result().status_code for upload in uploads] == [201] * 3
    assert len(waits) > 10
    assert sorted(waits)[len(waits) * 9 // 10] < 0.25


def test_more_at_once_than_the_lane_holds_are_asked_to_come_again(hall: Hall) -> None:
    lane, gate = hall.client.app.state.photo_lane, threading.Event()  # type: ignore[attr-defined]

    def fill() -> None:
        async def wait() -> None:
            await asyncio.gather(*(lane.run(gate.wait, 20) for _ in range(MOST_WAITING)))

        asyncio.run(wait())

    with ThreadPoolExecutor(1) as pool:
        filled = pool.submit(fill)
        time.sleep(0.2)
        answer = hall.send(hall.guest)
        gate.set()
        filled.result()
    problem(answer, 503, "photos-busy")
    assert int(answer.headers["retry-after"]) > 0
    assert hall.send(hall.guest).status_code == 201


def test_a_person_who_sends_too_often_waits(hall: Hall) -> None:
    allowed = int(UPLOADS_PER_PERSON.split()[0])
    assert allowed > MOST_PER_EVENT
    answers = [hall.send(hall.guest, b"x") for _ in range(allowed + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {422}
    problem(answers[-1], 429, "too-many-requests")
