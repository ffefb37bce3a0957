"""The same GET over and over, several at a time on each connection: what a server can answer when asking costs little."""

from __future__ import annotations

import asyncio
import time
from typing import cast

DEPTH = 8
"""Requests under way on a connection. Asked one by one, the client would need as much of the machine as the server."""


class Flood(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, status: bytes) -> None:
        self._request = request
        self._status = b"HTTP/1.1 " + status
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self.answers = 0
        self.bytes = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.write(self._request * DEPTH)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = answers = 0
        while (end := data.find(b"\r\n\r\n", at)) >= 0:
            if not data.startswith(self._status, at):
                self._fail(RuntimeError(data[at : at + 200].decode("latin-1")))
                return
            length_at = data.find(b"content-length: ", at, end)
            length = int(data[length_at + 16 : data.index(b"\r", length_at)]) if length_at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            at = end + 4 + length
            answers += 1
        self._rest = data[at:]
        self.answers += answers
        self.bytes += at
        if answers and self._transport is not None:
            self._transport.write(self._request * answers)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or RuntimeError("the server ended the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)

    def close(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.abort()


async def flood(port: int, path: str, *, seconds: float, clients: int, headers: dict[str, str], status: int = 200) -> float:
    """Answers per second."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    loop = asyncio.get_running_loop()
    floods = [(await loop.create_connection(lambda: Flood(request, str(status).encode()), "127.0.0.1", port))[1] for _ in range(clients)]
    started = time.perf_counter()
    await asyncio.wait([one.ended for one in floods], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    took = time.perf_counter() - started
    for one in floods:
        one.close()
    for one in floods:
        await one.ended  # raises what ended it
    return sum(one.answers for one in floods) / took
