"""Signed webhooks, sent over kept-alive connections until they are taken, with what real networks add to them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import orjson

from ticketing.payments.fake_provider.ledger import Session

SENDERS = 16
RETRY_SECONDS = (0.2, 0.5, 1, 2, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, as shares of 1; seeded, so that a run can be repeated."""

    seed: int = 0
    decline: float = 0.0
    unknown: float = 0.0
    """The work is done, and the answer never comes."""
    busy: float = 0.0
    """429, and nothing is done."""
    duplicate: float = 0.0
    """A webhook is sent twice."""
    drop: float = 0.0
    """A webhook is never sent."""
    delay_ms: int = 0


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The header `Fake-Signature`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class WebhookSender:
    def __init__(self, urls: Sequence[str], secret: str, faults: Faults) -> None:
        self._urls = itertools.cycle(urls) if urls else None
        self._secret = secret
        self._faults = faults
        self._random = random.Random(faults.seed + 1)  # noqa: S311 - faults, not secrets
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    def announce(self, kind: str, session: Session) -> None:
        """Queue the event `payment.captured`, `payment.failed` or `payment.expired` of a session."""
        if self._urls is None or self._random.random() < self._faults.drop:
            return
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "type": kind,
            "created": int(time.time()),
            "data": {
                "session": session.ref,
                "reference": session.reference,
                "amount_minor": session.amount_minor,
                "currency": session.currency,
                "account": session.account,
            },
        }
        body = orjson.dumps(event)
        self._queue.put_nowait(body)
        if self._random.random() < self._faults.duplicate:
            self._queue.put_nowait(body)

    async def run(self) -> None:
        """Send until cancelled."""
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as client, asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_queued(client))

    async def _send_queued(self, client: aiohttp.ClientSession) -> None:
        while True:
            body = await self._queue.get()
            for wait in (*RETRY_SECONDS, None):
                if await self._delivered(client, body) or wait is None:
                    break
                await asyncio.sleep(wait)

    async def _delivered(self, client: aiohttp.ClientSession, body: bytes) -> bool:
        if self._urls is None:
            return True
        headers = {"Content-Type": "application/json", "Fake-Signature": sign(self._secret, int(time.time()), body)}
        try:
            async with client.post(next(self._urls), data=body, headers=headers) as answer:
                await answer.read()
                return answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False
