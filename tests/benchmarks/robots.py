"""Robots of an on-sale: signed in, without a turn, and asking for seats and what is free as fast as they are allowed to.

Several requests are under way on each connection, so that they cost the load generator little.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle

import orjson

from tests.world import World

CONNECTIONS = 256
DEPTH = 4
"""Requests sent together."""


class Robots:
    """`due` says how many requests they may have made by now."""

    def __init__(self, world: World, event: str, tokens: list[str], due: Callable[[], float]) -> None:
        self._world = world
        self._requests = cycle([request for token in tokens for request in _requests(event, token)])
        self._due = due
        self.asked = 0
        self.answers: Counter[int] = Counter()
        self.stopping = False
        """What is under way is finished."""
        self.lost = 0
        """Connections that ended under them."""

    async def run(self) -> None:
        """Until `stopping`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._one())

    async def _one(self) -> None:
        while not self.stopping:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._world.api_port)
                try:
                    await self._talk(reader, writer)
                finally:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError):
                self.lost += 1
                await asyncio.sleep(0.2)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self.stopping:
            if self.asked >= self._due():
                await asyncio.sleep(0.02)
                continue
            self.asked += DEPTH
            writer.write(b"".join(next(self._requests) for _ in range(DEPTH)))
            for _ in range(DEPTH):
                self.answers[await _status(reader)] += 1


async def _status(reader: asyncio.StreamReader) -> int:
    """Of the next answer, which is read and thrown away."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    with suppress(ValueError):
        at = head.index(b"content-length:") + 15
        await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return int(head[9:12])


def _requests(event: str, token: str) -> list[bytes]:
    """Three tries to hold the best seats, and a look at what is free."""
    body = orjson.dumps({"best": {"quantity": 4}})
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    hold = (
        f"POST /api/events/{event}/holds HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
        f"Idempotency-Key: robot-{token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    look = f"HEAD /api/events/{event}/tickets HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n"
    return [hold.encode() + body] * 3 + [look.encode()]
