"""What a buyer is told of their place: from the counter that all share, and at their turn from their own row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from ticketing.foundation.clock import utc_now
from ticketing.waitingroom.rules import EntryState
from ticketing.waitingroom.schemas import PlaceState, PlaceView
from ticketing.waitingroom.tokens import NOT_DRAWN, PlaceSigner, PlaceToken
from ticketing.waitingroom.turns import Turn
from ticketing.waitingroom.watch import QueueWatch, Watched

SOON, LATE = 2, 30
"""Seconds until the next poll, at the front and at the back."""
AHEAD_PER_SECOND = 2_000
"""So many in front make the next poll a second later: fifty thousand who wait do not crowd out those whose turn it is."""
STATES = {
    EntryState.WAITING: PlaceState.WAITING,
    EntryState.ADMITTED: PlaceState.YOUR_TURN,
    EntryState.SHOPPING: PlaceState.YOUR_TURN,
}


@dataclass(frozen=True, slots=True)
class Places:
    """One per process."""

    read_turn: Callable[[UUID], Awaitable[Turn | None]]
    """By entry, from the row that decides."""
    watch: QueueWatch
    signer: PlaceSigner

    async def look(self, place: PlaceToken) -> PlaceView:
        """How things stand for a place. Reads the database only when it may be its turn."""
        watched = self.watch.queue(place.event_id)
        position = place.position
        if watched is not None and position == NOT_DRAWN and watched.counter.drawn:
            position = await self._drawn(place) or NOT_DRAWN
        if watched is None or (watched.counter.drawn and position <= watched.counter.admitted_upto):
            return self._at_turn(place, watched, await self.read_turn(place.entry_id))
        return self._waiting(place, watched, position)

    async def _drawn(self, place: PlaceToken) -> int | None:
        if self.watch.knows_draw(place.event_id):
            return self.watch.drawn_position(place.event_id, place.entry_id)
        return await run_in_threadpool(self.watch.drawn_position, place.event_id, place.entry_id)

    def _waiting(self, place: PlaceToken, watched: Watched, position: int) -> PlaceView:
        counter = watched.counter
        ahead = max(0, position - counter.admitted_upto - 1) if position != NOT_DRAWN else None
        wait = watched.wait(position) if ahead is not None else None
        return PlaceView(
            event_id=place.event_id,
            token=self.signer.write(PlaceToken(place.event_id, place.entry_id, position)),
            state=PlaceState.WAITING if ahead is not None else PlaceState.BEFORE_OPENING,
            position=position or None,
            ahead=ahead,
            shortest_wait_seconds=wait.shortest if wait else None,
            longest_wait_seconds=wait.longest if wait else None,
            opens_at=counter.opens_at,
            turn_ends_at=None,
            paused=counter.paused,
            ask_again_seconds=_ask_again(ahead, wait.shortest if wait else None)
            if ahead is not None
            else _ask_at_opening((counter.opens_at - utc_now()).total_seconds(), watched.likely_position(place.entry_id)),
        )

    def _at_turn(self, place: PlaceToken, watched: Watched | None, turn: Turn | None) -> PlaceView:
        state = STATES.get(turn.state, PlaceState.OVER) if turn else PlaceState.OVER
        position = turn.position if turn else None
        if state is PlaceState.WAITING and position is None:
            state = PlaceState.BEFORE_OPENING
        return PlaceView(
            event_id=place.event_id,
            token=self.signer.write(PlaceToken(place.event_id, place.entry_id, position or NOT_DRAWN)),
            state=state,
            position=position,
            ahead=0 if state is PlaceState.YOUR_TURN else None,
            shortest_wait_seconds=None,
            longest_wait_seconds=None,
            opens_at=watched.counter.opens_at if watched else None,
            turn_ends_at=_when(turn, state),
            paused=watched.counter.paused if watched else False,
            ask_again_seconds=LATE if state is PlaceState.OVER else SOON,
        )


def _when(turn: Turn | None, state: PlaceState) -> datetime | None:
    return turn.turn_ends_at if turn is not None and state is PlaceState.YOUR_TURN else None


def _ask_again(ahead: int, shortest_seconds: int | None) -> int:
    """Half of the shortest wait, within bounds: nobody is late for their turn, and the back does not crowd the front."""
    if shortest_seconds is None:
        return min(LATE, max(SOON * 2, ahead // AHEAD_PER_SECOND))
    return min(LATE, max(SOON, shortest_seconds // 2, ahead // AHEAD_PER_SECOND))


def _ask_at_opening(opens_in_seconds: float, likely_position: int) -> int:
    """After the draw, in about the order that it will give: then the first of a crowd hear of their turn first."""
    return int(min(LATE, max(SOON * 2, opens_in_seconds + 1 + likely_position / AHEAD_PER_SECOND)))
