"""A mail server that keeps what it gets as .eml files: for the demo, and for tests that must not reach anybody.

A recipient whose local part is the name of a fault gets that fault.
"""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

REFUSED_RECIPIENTS = {
    "unknown-user": "550 5.1.1 no such mailbox",
    "later": "451 4.3.0 try again later",
    "relay": "550 5.7.1 relaying denied",
}
REFUSED_MAILS = {"spam": "554 5.7.1 this mail is not wanted", "full": "452 4.2.2 mailbox full"}
"""Refused after the final dot, and so not kept."""

HANG_UP = "hang-up"
"""The connection breaks before the mail was sent."""

DROP = "drop"
"""The connection breaks after the final dot: the mail is kept, and its sender can't know."""


class SinkHandler:
    """Stores each mail under the next number."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._numbers = itertools.count(1 + max((int(p.stem) for p in directory.glob("*.eml") if p.stem.isdecimal()), default=0))

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        fault = address.partition("@")[0]
        if fault in REFUSED_RECIPIENTS:
            return REFUSED_RECIPIENTS[fault]
        if fault == HANG_UP:
            _break_off(server)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        faults = {address.partition("@")[0] for address in envelope.rcpt_tos}
        for fault in faults & REFUSED_MAILS.keys():
            return REFUSED_MAILS[fault]
        self._keep(envelope.content or b"")
        if DROP in faults:
            _break_off(server)
        return "250 OK"

    def _keep(self, content: str | bytes) -> None:
        number = next(self._numbers)
        draft = self._directory / f".{number}"
        draft.write_bytes(content if isinstance(content, bytes) else content.encode())
        draft.rename(self._directory / f"{number}.eml")


def _break_off(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


async def serve(host: str, port: int, directory: Path) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    handler = SinkHandler(directory)
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True), host, port)
    async with server:
        await server.serve_forever()
