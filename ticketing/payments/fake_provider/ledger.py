"""The provider's own books: sessions and refunds in memory, rebuilt from an append-only journal."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO


@dataclass(slots=True)
class Session:
    """A hosted page and what became of it. `state`: open, captured, failed, expired."""

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


@dataclass(slots=True)
class Refund:
    ref: str
    key: str
    session: str
    amount_minor: int
    currency: str
    state: str
    reason: str | None = None


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
            case "refund":
                refund = Refund(**record["refund"])
                self.refunds[refund.key] = refund
                if refund.state == "succeeded":
                    self.sessions[refund.session].refunded_minor += refund.amount_minor
            case "answer":
                self.answers[record["key"]] = (record["hash"], record["status"], record["answer"])
            case other:
                raise ValueError(f"unknown journal record {other!r}")


class Journal:
    """Append-only JSON lines; many waiting writers share one fsync."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: BinaryIO | None = None
        self._pending: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()

    def load(self) -> Ledger:
        """Rebuild the books; a last line cut off by a crash was never acknowledged, and is dropped."""
        ledger = Ledger()
        if self._path.exists():
            content = self._path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            for line in whole.splitlines():
                ledger.apply(json.loads(line))
            if len(whole) < len(content):
                os.truncate(self._path, len(whole))
        self._file = self._path.open("ab", buffering=0)
        return ledger

    async def write(self, *records: dict[str, Any]) -> None:
        """Return when the records are on disk."""
        self._pending.extend(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        await future

    async def flush_forever(self) -> None:
        """The one task that touches the file."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            lines, self._pending = self._pending, []
            waiting, self._waiting = self._waiting, []
            await loop.run_in_executor(None, self._append, b"".join(lines))
            for future in waiting:
                if not future.cancelled():
                    future.set_result(None)

    def _append(self, content: bytes) -> None:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        self._file.write(content)
        os.fdatasync(self._file.fileno())


def session_record(session: Session) -> dict[str, Any]:
    return {"kind": "session", "session": asdict(session)}


def refund_record(refund: Refund) -> dict[str, Any]:
    return {"kind": "refund", "refund": asdict(refund)}
