"""A mail server that keeps what it gets as .eml files: for the demo, and for tests that must not reach anybody."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class SinkHandler:
    """Stores each message under a number. Recipients whose local part is a fault's name get that fault."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._numbers = itertools.count(1 + max((int(p.stem) for p in directory.glob("*.eml") if p.stem.isdecimal()), default=0))

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        local = address.partition("@")[0]
        if local == "unknown-user":
            return "550 no such mailbox"
        if local == "later":
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        number = next(self._numbers)
        content = envelope.content or b""
        draft = self._directory / f".{number}"
        draft.write_bytes(content if isinstance(content, bytes) else content.encode())
        draft.rename(self._directory / f"{number}.eml")
        dropped = any(address.startswith("drop@") for address in envelope.rcpt_tos)
        if dropped and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()  # after the final dot: the sender can't know
        return "250 OK"


async def serve(host: str, port: int, directory: Path) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    handler = SinkHandler(directory)
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True), host, port)
    async with server:
        await server.serve_forever()
