"""The provider's own books: sessions and refunds in memory, rebuilt from an append-only journal."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

log = logging.getLogger(__name__)


class JournalUnusable(Exception):
    """Another provider writes to it, or it is not a journal; the message says which."""


@dataclass(slots=True)
class Session:
    """A hosted page and what became of it. `state`: open, captured, failed, expired. Times are seconds since 1970."""

    ref: str
    reference: str
    amount_minor: int
    currency: str
    account: str
    order_code: str
    return_url: str
    expires_at: float
    state: str = "open"
    captured_minor: int = 0
    refunded_minor: int = 0
    told: bool = False
    """Its webhook has been taken, or is not to be sent."""


@dataclass(slots=True)
class Refund:
    ref: str
    key: str
    session: str
    amount_minor: int
    currency: str
    state: str


@dataclass(slots=True)
class Ledger:
    sessions: dict[str, Session] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    """By idempotency key."""
    answers: dict[str, tuple[str, int, dict[str, Any]]] = field(default_factory=dict)
    """Idempotency key → (hash of the request, status, answer): stored failures are replayed too."""

    def apply(self, record: dict[str, Any]) -> None:
        """Take one journal record into the books."""
        match record["kind"]:
            case "session":
                session = Session(**record["session"])
                self.sessions[session.ref] = session
            case "state":
                session = self.sessions[record["ref"]]
                session.state = record["state"]
                if session.state == "captured":
                    session.captured_minor = session.amount_minor
            case "told":
                self.sessions[record["ref"]].told = True
            case "refund":
                refund = Refund(**record["refund"])
                self.refunds[refund.key] = refund
                if refund.state == "succeeded":
                    self.sessions[refund.session].refunded_minor += refund.amount_minor
            case "answer":
                self.answers[record["key"]] = (record["hash"], record["status"], record["answer"])
            case other:
                raise ValueError(f"unknown record {other!r}")

    def untold(self) -> list[Session]:
        """Sessions whose end nobody has been told."""
        return [session for session in self.sessions.values() if session.state != "open" and not session.told]


class Journal:
    """Append-only JSON lines; many waiting writers share one fsync. One process at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: BinaryIO = path.open("ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalUnusable(f"{path} is in use by another provider.") from None
        self._pending: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing = False
        self._wake = asyncio.Event()

    def load(self) -> Ledger:
        """Rebuild the books; a last line cut off by a crash was never acknowledged, and is dropped."""
        ledger = Ledger()
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                ledger.apply(orjson.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise JournalUnusable(f"{self._path} is damaged at line {number}.") from error
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        return ledger

    def note(self, record: dict[str, Any]) -> None:
        """Write a record soon; losing it in a crash does no harm."""
        self._pending.append(orjson.dumps(record) + b"\n")
        self._wake.set()

    async def write(self, *records: dict[str, Any]) -> None:
        """Return when the records, and all before them, are on disk."""
        self._pending.extend(orjson.dumps(record) + b"\n" for record in records)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        await future

    async def settled(self) -> None:
        """Return when everything in the books is on disk: nothing may be told that a crash could undo."""
        if self._pending or self._flushing:
            await self.write()

    async def flush_forever(self) -> None:
        """The one task that touches the file. Books that can't be written end the process."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            lines, self._pending = self._pending, []
            waiting, self._waiting = self._waiting, []
            self._flushing = True
            try:
                await loop.run_in_executor(None, self._append, b"".join(lines))
            except OSError as error:
                log.critical("the journal %s can't be written: %s", self._path, error)
                signal.raise_signal(signal.SIGTERM)
                return
            self._flushing = False
            for future in waiting:
                if not future.cancelled():
                    future.set_result(None)

    def _append(self, content: bytes) -> None:
        written = 0
        while written < len(content):
            written += self._file.write(content[written:])
        os.fdatasync(self._file.fileno())
