"""Several processes, one map: told, not told, told too late, killed; holds that end by time; viewers who are slow."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import text

from tests import factories
from tests.packages.making import make_season
from ticketing.foundation.db import Database
from ticketing.foundation.ids import new_id
from ticketing.inventory.claim import ClaimRequest
from ticketing.inventory.seat_copy import Code, Published, ReadAt, code_of
from ticketing.inventory.seat_feed import SECONDS_PER_CHECK
from ticketing.inventory.seat_news import CHANNEL, SeatNews, pack
from ticketing.inventory.seat_viewers import MOST_WAITING, SeatMaps, StreamsFull, TooManyStreams, Viewer
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel
from ticketing.orders.seat_changes import find_seats, noting

NEVER = 3_600.0
"""Seconds between checks, where being told is what must do it."""
SOON = 1.0
BOUND = 2.0
"""Seconds until what nobody told of is seen."""


@asynccontextmanager
async def processes(database: Database, count: int = 2, *, seconds_per_check: float = SECONDS_PER_CHECK) -> AsyncIterator[list[SeatMaps]]:
    """What `count` API processes have, each with connections of its own."""
    every = [SeatMaps(database, find_seats, per_address=3, per_process=4, seconds_per_check=seconds_per_check) for _ in range(count)]
    for maps in every:
        maps.start()
    yield every
    for maps in every:
        await maps.stop()


async def read(maps: SeatMaps, event_id: UUID) -> Published:
    found = await maps.find(event_id)
    assert found is not None
    return found


async def shows(maps: SeatMaps, event_id: UUID, codes: dict[int, Code], *, within: float = SOON) -> float:
    """Seconds until the map shows these."""
    started = time.monotonic()
    while True:
        published = await read(maps, event_id)
        if all(code_of(published.bitmap, seat) == code for seat, code in codes.items()):
            return time.monotonic() - started
        assert time.monotonic() - started < within, {seat: code_of(published.bitmap, seat) for seat in codes}
        await asyncio.sleep(0.01)


def write(database: Database, event_id: UUID, seats: list[int], change: str) -> None:
    """Change seats as something does that tells nobody."""
    with database.transaction() as session:
        session.execute(
            text(f"update event_seat set {change} where event_id = :event and seat_no = any(:seats)"), {"event": event_id, "seats": seats}
        )


HELD = "state = 'held', hold_id = uuidv7(), held_until = now() + interval '10 minutes'"
FREED = "state = 'free', hold_id = null, held_until = null"


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def test_every_process_shows_a_hold_and_its_release_when_one_of_them_made_it(
    database: Database, on_sale: factories.OnSale, buyers: list[UUID]
) -> None:
    async def test() -> None:
        async with processes(database, seconds_per_check=NEVER) as (here, there):
            booking = Booking(database, {}, after_commit=noting(here.note))
            booking.start()
            event_id = on_sale.event.id
            before = await read(here, event_id)
            assert (await read(there, event_id)).version == before.version
            hold = await booking.hold(event_id=event_id, buyer_id=buyers[0], key="k", digest=b"d", seats=[3, 4])
            for maps in (here, there):
                await shows(maps, event_id, {2: Code.FREE, 3: Code.HELD, 4: Code.HELD})
            held = await read(here, event_id)
            assert held.version == (await read(there, event_id)).version != before.version
            assert held.sections[0]["available"] == before.sections[0]["available"] - 2
            await booking.release_hold(hold_id=hold.id, buyer_id=buyers[0])
            for maps in (here, there):
                await shows(maps, event_id, {3: Code.FREE, 4: Code.FREE})
                assert (await read(maps, event_id)).version == before.version  # a state has one name
            booking.stop()

    run(test)


def test_every_process_shows_what_staff_gave_away_when_one_of_them_made_it(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database, seconds_per_check=NEVER) as (here, there):
            booking = Booking(database, {}, after_commit=noting(here.note))
            booking.start()
            event_id, staff = on_sale.event.id, on_sale.vendor.id
            for maps in (here, there):
                await read(maps, event_id)
            sale: dict[str, Any] = {"vendor_ids": [on_sale.vendor.id], "actor_id": staff, "person": None, "event_id": event_id}
            await booking.sell_by_staff(**sale, seats=[3, 4], key="k", digest=b"d", taken_with=None)
            for maps in (here, there):
                await shows(maps, event_id, {2: Code.FREE, 3: Code.TAKEN, 4: Code.TAKEN})
            booking.stop()

    run(test)


def test_every_process_shows_what_was_held_and_ordered_in_one_call(database: Database, buyers: list[UUID]) -> None:
    season = make_season(database)
    package = season.package()

    async def test() -> None:
        async with processes(database, seconds_per_check=NEVER) as (here, there):
            booking = Booking(database, {}, after_commit=noting(here.note))
            booking.start()
            events = [sale.event.id for sale in season.events]
            for event_id in events:
                await read(there, event_id)
            await booking.book(ClaimRequest(new_id(), events[0], buyers[0], "h", b"", (30,)), key="k", channel=Channel.API)
            await shows(there, events[0], {30: Code.HELD, 31: Code.FREE})
            order = await booking.order_package(package_id=package.id, buyer_id=buyers[1], quantity=1, key="k", digest=b"")
            for event_id in events:
                (line,) = [line for line in order.lines if line.event_id == event_id]
                seat = (ord(line.row_label or "") - ord("A")) * 10 + int(line.seat_label or "") - 1
                await shows(there, event_id, {seat: Code.HELD})
            booking.stop()

    run(test)


def test_event_is_told_once_a_slot_when_it_changes_all_the_time(database: Database, on_sale: factories.OnSale, buyers: list[UUID]) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            booking = Booking(database, {}, after_commit=noting(maps.note))
            booking.start()
            with database.connect(autocommit=True) as listener:
                listener.execute(f"listen {CHANNEL}".encode())
                started = time.monotonic()
                for seat in range(40):
                    await booking.hold(event_id=on_sale.event.id, buyer_id=buyers[seat], key="k", digest=b"d", seats=[seat])
                    await asyncio.sleep(0.02)
                took = time.monotonic() - started
                told = [notice.payload for notice in listener.notifies(timeout=0.5)]
            booking.stop()
            assert 2 <= len(told) <= took / 0.25 + 2

    run(test)


def test_map_is_read_again_when_a_notification_was_lost_or_says_to(database: Database, on_sale: factories.OnSale) -> None:
    event_id = on_sale.event.id

    def tell(number: int, seats: list[tuple[int, float]], sender: bytes = b"sndr") -> None:
        with database.connect(autocommit=True) as connection:
            xmax = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
            assert xmax is not None
            news = SeatNews(event_id, sender, number, ReadAt(xmax[0], 0), seats)
            connection.execute("select pg_notify(%s, %s)", [CHANNEL, pack(news)])

    async def test() -> None:
        async with processes(database, 1, seconds_per_check=NEVER) as (maps,):
            await read(maps, event_id)
            write(database, event_id, [1], HELD)
            tell(1, [(0, 0.0)])
            await asyncio.sleep(SOON)
            await shows(maps, event_id, {1: Code.FREE})  # the negative control: nothing was missed, so nothing was read
            tell(3, [(0, 0.0)])
            await shows(maps, event_id, {1: Code.HELD})
            write(database, event_id, [2], HELD)
            tell(1, [], sender=b"many")
            await shows(maps, event_id, {2: Code.HELD})
            write(database, event_id, [5], HELD)
            tell(1, [(9_999, 0.0)], sender=b"odd.")  # a seat that is not on the plan
            await shows(maps, event_id, {5: Code.HELD})

    run(test)


def test_change_is_seen_when_nobody_told_of_it(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database) as every:
            for maps in every:
                await read(maps, on_sale.event.id)
            for change, code in ((HELD, Code.HELD), (FREED, Code.FREE)):
                write(database, on_sale.event.id, [7, 8], change)
                await asyncio.gather(*(shows(maps, on_sale.event.id, {7: code, 8: code, 9: Code.FREE}, within=BOUND) for maps in every))

    run(test)


def test_change_of_an_older_transaction_is_seen_when_it_commits_late(database: Database, on_sale: factories.OnSale) -> None:
    """It began, and got its number, before the read that could not see it."""

    async def test() -> None:
        async with processes(database, 1) as (maps,):
            with database.connect() as late:
                late.execute("update event_seat set state = 'blocked' where event_id = %s and seat_no = 11", [on_sale.event.id])
                await read(maps, on_sale.event.id)
                write(database, on_sale.event.id, [12], HELD)
                await shows(maps, on_sale.event.id, {11: Code.FREE, 12: Code.HELD}, within=BOUND)
                late.commit()
            await shows(maps, on_sale.event.id, {11: Code.TAKEN, 12: Code.HELD}, within=BOUND)

    run(test)


def hold_and_die(database: Database, event_id: UUID, buyer_id: UUID) -> None:
    """A process that is killed between its COMMIT and its notification."""

    async def live() -> None:
        maps = SeatMaps(database, find_seats, per_address=1, per_process=1)
        maps.start()
        await read(maps, event_id)
        booking = Booking(database, {}, after_commit=noting(maps.note))
        booking.start()
        await asyncio.sleep(0.25 - time.time() % 0.25 + 0.05)  # just after a slot began
        await booking.hold(event_id=event_id, buyer_id=buyer_id, key="k", digest=b"d", seats=[20, 21])
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(live())


def test_hold_is_seen_when_its_process_was_killed_before_it_told(database: Database, on_sale: factories.OnSale, buyers: list[UUID]) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            await read(maps, on_sale.event.id)
            process = multiprocessing.get_context("spawn").Process(target=hold_and_die, args=(database, on_sale.event.id, buyers[0]))
            with database.connect(autocommit=True) as listener:
                listener.execute(f"listen {CHANNEL}".encode())
                process.start()
                await asyncio.to_thread(process.join)
                assert process.exitcode == -signal.SIGKILL
                await shows(maps, on_sale.event.id, {20: Code.HELD, 21: Code.HELD}, within=BOUND)
                assert list(listener.notifies(timeout=0)) == []  # it never told

    run(test)


def test_map_is_in_step_again_when_the_connection_was_cut(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database, 1, seconds_per_check=NEVER) as (maps,):
            await read(maps, on_sale.event.id)
            with database.connect(autocommit=True) as connection:
                cut = connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
                ).fetchall()
            assert (True,) in cut
            write(database, on_sale.event.id, [30], HELD)
            await shows(maps, on_sale.event.id, {30: Code.HELD}, within=BOUND)

    run(test)


def test_seat_is_free_when_its_hold_has_run_out_though_nothing_was_written(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database) as every:
            write(database, on_sale.event.id, [40], "state = 'held', hold_id = uuidv7(), held_until = now() + interval '1 s'")
            for maps in every:
                await shows(maps, on_sale.event.id, {40: Code.HELD}, within=0.9)
            for maps in every:
                await shows(maps, on_sale.event.id, {40: Code.FREE}, within=1.5)
        with database.transaction() as session:
            row = session.execute(text("select state from event_seat where event_id = :e and seat_no = 40"), {"e": on_sale.event.id})
            assert row.scalar_one() == "held"

    run(test)


def test_prices_and_standing_places_follow_when_they_change(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            before = await read(maps, on_sale.event.id)
            with database.transaction() as session:
                session.execute(text("update ticket_type set price_minor = price_minor + 100"))
                session.execute(text("update pool set sold = 60"))
            await asyncio.sleep(BOUND)
            after = await read(maps, on_sale.event.id)
            for old, new in zip(before.sections, after.sections, strict=True):
                assert new["price_from_minor"] == old["price_from_minor"] + 100
            assert [s["available"] for s in after.sections if s["pool_id"]] == [40]

    run(test)


def events_of(viewer: Viewer) -> list[tuple[str, dict[str, Any]]]:
    """(kind, data) of what waits for a viewer."""
    found = []
    for message in viewer.waiting:
        lines = dict(line.split(": ", 1) for line in message.decode().strip().splitlines())
        data = orjson.loads(lines["data"])
        assert lines["id"] == data["version"]
        found.append((lines["event"], data))
    return found


def test_viewer_gets_what_was_missed_when_coming_back(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            event_id = on_sale.event.id
            first = (await read(maps, event_id)).version
            watching = maps.join(event_id, "a", None)
            assert [kind for kind, _ in events_of(watching)] == ["map"]
            for seat in (1, 2):
                write(database, event_id, [seat], HELD)
                await shows(maps, event_id, {seat: Code.HELD}, within=BOUND)
            write(database, event_id, [1], FREED)
            await shows(maps, event_id, {1: Code.FREE}, within=BOUND)
            now = (await read(maps, event_id)).version
            deltas = events_of(watching)[1:]
            assert [(kind, data["free"], data["held"]) for kind, data in deltas] == [
                ("delta", [], [1]),
                ("delta", [], [2]),
                ("delta", [1], []),
            ]
            assert [data["since"] for _, data in deltas] == [first, *(data["version"] for _, data in deltas[:-1])]
            maps.leave(watching)
            ((kind, data),) = events_of(maps.join(event_id, "a", first))
            assert (kind, data["since"], data["version"], data["free"], data["held"]) == ("delta", first, now, [1], [2])
            assert events_of(maps.join(event_id, "a", now)) == []
            ((kind, data),) = events_of(maps.join(event_id, "a", "of another life"))
            assert (kind, data["version"]) == ("map", now)
            with pytest.raises(TooManyStreams):
                maps.join(event_id, "a", None)
            maps.join(event_id, "b", None)
            with pytest.raises(StreamsFull):
                maps.join(event_id, "c", None)

    run(test)


def test_slow_viewer_gets_the_whole_map_instead_of_a_growing_queue(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            await read(maps, on_sale.event.id)
            slow = maps.join(on_sale.event.id, "a", None)
            for number in range(3 * MOST_WAITING):
                slow.send(b"%d" % number)
                assert len(slow.waiting) <= MOST_WAITING
            assert slow.behind
            assert maps.catch_up(slow) == (await read(maps, on_sale.event.id)).map_event
            slow.send(b"next")
            assert list(slow.waiting) == [b"next"]

    run(test)


def test_viewers_share_one_message(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            await read(maps, on_sale.event.id)
            one, other = maps.join(on_sale.event.id, "a", None), maps.join(on_sale.event.id, "a", None)
            write(database, on_sale.event.id, [1], HELD)
            await shows(maps, on_sale.event.id, {1: Code.HELD}, within=BOUND)
            assert [id(message) for message in one.waiting] == [id(message) for message in other.waiting]
            assert len(one.waiting) == 2

    run(test)


def test_map_of_an_unknown_event_is_none(database: Database) -> None:
    async def test() -> None:
        async with processes(database, 1) as (maps,):
            assert await maps.find(new_id()) is None

    run(test)


def test_simulated_clock_ends_holds(database: Database, on_sale: factories.OnSale) -> None:
    async def test() -> None:
        write(database, on_sale.event.id, [5], HELD)
        database.clock = datetime.fromisoformat("2099-01-01T00:00:00+00:00")
        try:
            async with processes(database, 1) as (maps,):
                await shows(maps, on_sale.event.id, {5: Code.FREE})
        finally:
            database.clock = None

    run(test)
