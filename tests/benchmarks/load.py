"""A lean HTTP client for load: it shares two cores with what it measures, so it does little."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

IDLE_SECONDS = 4.0
"""The server closes a connection that is silent for five."""


class Client:
    """One kept-alive connection; requests one after another. `source` is the loopback address it comes from: to a limit, a person."""

    def __init__(self, port: int, *, source: str | None = None) -> None:
        self._port = port
        self._source = (source, 0) if source else None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used = 0.0

    async def post(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        """(status, decoded JSON)."""
        return await self.ask("POST", path, body, headers)

    async def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        """(status, decoded JSON, or bytes where the answer is none); `body` None: none is sent."""
        content = b"" if body is None else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=self._source)
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        head = await self._reader.readuntil(b"\r\n\r\n")
        self._used = time.monotonic()
        status = int(head[9:12])
        if status == 204:
            return status, None
        head = head.lower()
        length_at = head.index(b"content-length:") + 15
        length = int(head[length_at : head.index(b"\r", length_at)])
        answer = await self._reader.readexactly(length) if length else b"null"
        return status, orjson.loads(answer) if b"json" in head or not length else answer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None
