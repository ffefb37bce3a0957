"""The access log: a line of JSON for each answer, without anything that a caller could have put a secret into.

It names the route's template and never the address (links carry tokens, searches carry what people look for), no header, no body, no
client. `id` is the answer's `X-Request-Id`. Lines are written every second; what a killed process had not yet written is lost.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

EVERY_SECONDS = 1.0
MOST_LINES = 2_000
"""In memory; then they are written at once."""
LARGEST_BYTES = 64 * 1024 * 1024
"""Then the file is set aside as `<name>.1`, in place of the one before."""


class AccessLog:
    """Appends to a file that several processes share; to be used from one event loop."""

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self._path = path
        self._largest_bytes = largest_bytes
        self._lines: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def note(self, *, request_id: str, method: str, route: str, status: int, seconds: float) -> None:
        """One answer. `request_id` and `method` must be free of quotes and control characters."""
        if not self._lines:
            asyncio.get_running_loop().call_later(EVERY_SECONDS, self.flush)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._lines.append(
            f'{{"at":"{at}","id":"{request_id}","method":"{method}","route":"{route}","status":{status},"ms":{seconds * 1000:.1f}}}\n'
        )

        if len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, in one piece."""
        if not self._lines:
            return
        content = "".join(self._lines).encode()
        self._lines.clear()
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, content)
            if os.fstat(file).st_size > self._largest_bytes:
                self._set_aside(file)
        finally:
            os.close(file)

    def _set_aside(self, file: int) -> None:
        """Of the processes that find it full at once, one does it."""
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            still_there = os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return
        if still_there:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
