"""How soon it is worth asking again: the first in the lot come first after the opening, and the back does not crowd the front."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.waitingroom.conftest import Room
from ticketing.waitingroom.places import LATE, SOON, Places
from ticketing.waitingroom.tokens import NOT_DRAWN, PlaceSigner, PlaceToken
from ticketing.waitingroom.turns import Turn
from ticketing.waitingroom.watch import QueueWatch, Watched


def test_likely_positions_are_in_the_order_of_the_draw(room: Room, buyers: list[UUID]) -> None:
    room.open()
    room.at(-60)
    places = [room.enter(buyer) for buyer in buyers]
    (seed,) = room.connection.execute("select seed from queue").fetchone() or (b"",)
    watched = Watched(room.advance(), seed)
    assert watched.counter.early == len(buyers)
    likely = {place.entry_id: watched.likely_position(place.entry_id) for place in places}
    room.at(0)
    assert room.advance().early == 0
    drawn = dict(room.connection.execute("select id, position from queue_entry").fetchall())
    in_order = sorted(likely, key=lambda entry: drawn[entry])
    assert [likely[entry] for entry in in_order] == sorted(likely.values())
    assert all(0 <= position < len(buyers) for position in likely.values())


class Standing(QueueWatch):
    """A watch that was told of one queue, and looks at no database."""

    def __init__(self, watched: Watched) -> None:
        self._queues = {watched.counter.event_id: watched}
        self._asked_in_vain = False


async def no_turn(entry_id: UUID) -> Turn | None:
    return None


@pytest.mark.parametrize(
    ("opens_in", "early", "soonest", "latest"),
    [(3600, 50_000, LATE, LATE), (3, 10, SOON * 2, SOON * 2), (3, 50_000, SOON * 2, LATE), (10, 10, 10, 11)],
)
def test_early_buyers_ask_again_after_the_opening_and_the_more_the_further_apart(
    room: Room, opens_in: int, early: int, soonest: int, latest: int
) -> None:
    room.open()
    counter = replace(room.advance(), opens_at=datetime.now(UTC) + timedelta(seconds=opens_in), early=early)
    places = Places(no_turn, Standing(Watched(counter, b"seed")), PlaceSigner(b"key"))
    asked = [asyncio.run(places.look(PlaceToken(counter.event_id, uuid4(), NOT_DRAWN))).ask_again_seconds for _ in range(200)]
    assert soonest <= min(asked)
    assert max(asked) <= latest
    assert (max(asked) - min(asked) > 15) == (soonest + 15 < latest)
