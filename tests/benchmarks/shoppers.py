"""Buyers of an on-sale: each waits for their turn, holds seats for a party, orders, pays, and is asked to look at their tickets.

What is cut off or refused for now is asked again under the same key, as an application on somebody's phone would.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from tests.benchmarks.load import Client
from tests.world import World

PARTIES = (1, 2, 2, 2, 3, 4, 4, 5, 6)
"""Sizes of parties, as often as they come."""
WAITING_CONNECTIONS = 256
"""For those who enter and poll; who shops has one of their own."""
LOOKS_AT_TICKETS = 0.05
"""So many read their order until it is confirmed: it costs a read of the database, and the rest trust in their mail."""
LOST = (OSError, asyncio.IncompleteReadError, ValueError)
"""The process at the other end is gone."""


class Connections:
    """Kept-alive connections; the one used last is used next, so that few are in use when few are needed."""

    def __init__(self, port: int, most: int) -> None:
        self._free: asyncio.LifoQueue[Client] = asyncio.LifoQueue()
        for _ in range(most):
            self._free.put_nowait(Client(port))

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Client]:
        client = await self._free.get()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        finally:
            self._free.put_nowait(client)

    def close(self) -> None:
        while not self._free.empty():
            self._free.get_nowait().close()


@dataclass
class Crowd:
    """All buyers of one event; `shopping_requests` are those that hold, order and pay."""

    world: World
    event_id: UUID
    buyers: int
    shoppers: int
    chance: random.Random
    ends: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    """Why something was asked again."""
    polls: int = 0
    shopping_requests: int = 0
    bookings: list[float] = field(default_factory=list)
    """Seconds from the hold's request to the paid page."""
    looks: list[float] = field(default_factory=list)
    """Seconds from there to the confirmed order, of those who look."""
    entered: int = 0

    def __post_init__(self) -> None:
        self.waiting = Connections(self.world.api_port, WAITING_CONNECTIONS)
        self.shopping = Connections(self.world.api_port, self.shoppers)
        self.provider = Connections(self.world.provider_port, self.shoppers)
        self.sold_out = asyncio.Event()
        self._pays = {"Authorization": f"Bearer {self.world.settings.secrets.fake_provider_api_key}"}

    def close(self) -> None:
        for connections in (self.waiting, self.shopping, self.provider):
            connections.close()

    async def ask(self, through: Connections, number: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask until there is an answer; a process that is gone, and "too busy", are asked again with the same key."""
        headers = {"Authorization": f"Bearer {self.world.tokens[number]}", "Idempotency-Key": uuid4().hex}
        if through is self.provider:
            headers = self._pays
        while True:
            if through is not self.waiting:
                self.shopping_requests += 1
            try:
                async with through.one() as client:
                    status, answer = await client.ask(method, path, body, headers)
            except LOST as error:
                self.again[type(error).__name__] += 1
                await asyncio.sleep(0.2 * self.chance.uniform(0.5, 1.5))
                continue
            if status not in (429, 500, 502, 503):
                return status, answer
            self.again[f"{status} {answer.get('type') if isinstance(answer, dict) else ''}"] += 1
            await asyncio.sleep(self.chance.uniform(0.5, 1.5))

    async def enter(self, number: int) -> Any:
        """A place in the queue."""
        status, place = await self.ask(self.waiting, number, "POST", f"/api/events/{self.event_id}/queue", {})
        if status != 201:
            raise RuntimeError(f"enter: {status} {place}")
        self.entered += 1
        return place

    async def live(self, number: int, comes_after: float) -> None:
        """Enter, poll as often as told, buy at their turn. Ends when they have bought, or nothing is left."""
        await asyncio.sleep(comes_after)
        place = await self.enter(number)
        while not self.sold_out.is_set():
            if place["state"] == "your_turn":
                if await self._shop(number):
                    return
            elif place["state"] == "over":
                self.ends["turn missed"] += 1
                return
            await asyncio.sleep(place["ask_again_seconds"] * self.chance.uniform(0.8, 1.2))
            self.polls += 1
            status, place = await self.ask(self.waiting, number, "GET", f"/api/queue/{place['token']}")
            if status != 200:
                self.ends[f"poll {status}"] += 1
                return
        self.ends["went home"] += 1

    async def _shop(self, number: int) -> bool:
        """Hold for the party, or for fewer when so many are nowhere free; order; pay. False: nothing was to be had just now."""
        started = time.perf_counter()
        for quantity in range(self.chance.choice(PARTIES), 0, -1):
            body = {"best": {"quantity": quantity}}
            status, hold = await self.ask(self.shopping, number, "POST", f"/api/events/{self.event_id}/holds", body)
            if status == 201:
                break
            if status not in (409, 410):
                raise RuntimeError(f"hold: {status} {hold}")
            self.again[str(hold["type"])] += 1
        else:
            return False
        order = await self._must(self.shopping, number, "/api/orders", {"hold_ids": [hold["id"]]})
        payment = await self._must(self.shopping, number, "/api/payments", {"order_id": order["id"]})
        await self._must(self.provider, number, f"/v1/sessions/{payment['provider_ref']}/pay", {})
        paid = time.perf_counter()
        self.bookings.append(paid - started)
        if self.chance.random() < LOOKS_AT_TICKETS:
            while order["state"] != "confirmed":
                await asyncio.sleep(0.5)
                _, order = await self.ask(self.shopping, number, "GET", f"/api/orders/{order['id']}")
            self.looks.append(time.perf_counter() - paid)
        self.ends["bought"] += 1
        return True

    async def _must(self, through: Connections, number: int, path: str, body: Any) -> Any:
        status, answer = await self.ask(through, number, "POST", path, body)
        if status not in (200, 201):
            raise RuntimeError(f"{path}: {status} {answer}")
        return answer
