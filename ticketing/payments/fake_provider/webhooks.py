"""Signed webhooks, sent over kept-alive connections until they are taken, with what real networks add to them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp
import orjson

from ticketing.payments.fake_provider.ledger import Session

SENDERS = 128
"""Sent at once; a receiver that commits in batches answers several together, and takes longer for each when it is busy."""

RETRY_SECONDS = (0.2, 0.5, 1, 2, 5, 10, 30)
"""Waits between tries; the last is repeated until the webhook is taken."""


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


@dataclass(slots=True)
class _Webhook:
    body: bytes
    ref: str
    tries: int = 0


class WebhookSender:
    """`on_taken` hears the session of each webhook that has been taken, or that nobody waits for."""

    def __init__(self, urls: Sequence[str], secret: str, faults: Faults, *, on_taken: Callable[[str], None]) -> None:
        self._urls = itertools.cycle(urls) if urls else None
        self._secret = secret
        self._faults = faults
        self._random = random.Random(faults.seed + 1)  # noqa: S311 - faults, not secrets
        self._queue: asyncio.Queue[_Webhook] = asyncio.Queue()
        self._on_taken = on_taken

    def announce(self, session: Session) -> None:
        """Queue the event `payment.captured`, `payment.failed` or `payment.expired` of a session that has ended.

        The event's id comes from the session, so that what is sent again after a restart is the same event.
        """
        if self._urls is None or self._random.random() < self._faults.drop:
            self._on_taken(session.ref)
            return
        event = {
            "id": f"evt_{session.ref.removeprefix('ses_')}_{session.state}",
            "type": f"payment.{session.state}",
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
        for _ in range(2 if self._random.random() < self._faults.duplicate else 1):
            self._queue.put_nowait(_Webhook(body, session.ref))

    async def run(self) -> None:
        """Send until cancelled."""
        connector = aiohttp.TCPConnector(limit=SENDERS, keepalive_timeout=60)
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=30), connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(SENDERS):
                group.create_task(self._send_queued(client))

    async def _send_queued(self, client: aiohttp.ClientSession) -> None:
        loop = asyncio.get_running_loop()
        while True:
            webhook = await self._queue.get()
            if await self._taken(client, webhook.body):
                self._on_taken(webhook.ref)
            else:
                # Put back later, rather than waited for here: one receiver that is down must not stop the senders.
                wait = RETRY_SECONDS[min(webhook.tries, len(RETRY_SECONDS) - 1)]
                webhook.tries += 1
                loop.call_later(wait, self._queue.put_nowait, webhook)

    async def _taken(self, client: aiohttp.ClientSession, body: bytes) -> bool:
        if self._urls is None:
            return True
        headers = {"Content-Type": "application/json", "Fake-Signature": sign(self._secret, int(time.time()), body)}
        try:
            async with client.post(next(self._urls), data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                return answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False
