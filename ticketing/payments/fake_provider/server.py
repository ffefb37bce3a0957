"""The provider's HTTP interface, as a plain ASGI application."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

import orjson

from ticketing.payments.fake_provider.ledger import Journal, Ledger, Refund, Session
from ticketing.payments.fake_provider.page import render
from ticketing.payments.fake_provider.webhooks import Faults, WebhookSender

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, dict[str, Any]]
SESSION = re.compile(r"^/v1/sessions/([\w-]+)(/pay|/expire)?$")
PAGE = re.compile(r"^/pay/([\w-]+)$")
MOST_BODY = 64 * 1024


class NoAnswer(Exception):
    """The work is done, and the caller is left waiting."""


class BadRequest(Exception):
    """The caller's mistake, in words."""


class FakeProvider:
    """One per process. `public_url` is where buyers reach its page.

    With `simulated_clock` a caller may say in the header `Fake-Now` (seconds since 1970) when its call happens.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        journal: Journal,
        webhook_urls: Sequence[str],
        webhook_secret: str,
        api_key: str,
        public_url: str,
        faults: Faults,
        simulated_clock: bool = False,
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._simulated_clock = simulated_clock
        self._webhooks = WebhookSender(webhook_urls, webhook_secret, faults, on_taken=self._note_told)
        self._authorization = f"Bearer {api_key}".encode()
        self._public_url = public_url
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - faults, not secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > MOST_BODY:
                break
        if page := PAGE.match(scope["path"]):
            await self._page(page[1], scope["method"], body, send)
            return
        headers = dict(scope["headers"])
        try:
            status, answer = await self._api(scope, headers, body)
        except NoAnswer:
            status, answer = 504, {"error": "timeout"}
        except BadRequest as error:
            status, answer = 400, {"error": str(error)}
        extra = [(b"retry-after", b"1")] if status == 429 else []
        await _send(send, status, orjson.dumps(answer), b"application/json", extra)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        flushing = asyncio.create_task(self._journal.flush_forever())
        sending = asyncio.create_task(self._webhooks.run())
        for session in self._ledger.untold():
            self._webhooks.announce(session)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in (sending, flushing):
            if not flushing.done():
                await self._journal.settled()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await send({"type": "lifespan.shutdown.complete"})

    def _note_told(self, ref: str) -> None:
        if not self._ledger.sessions[ref].told:
            record = {"kind": "told", "ref": ref}
            self._ledger.apply(record)
            self._journal.note(record)

    async def _api(self, scope: Scope, headers: dict[bytes, bytes], body: bytes) -> Answer:
        method, path = scope["method"], scope["path"]
        if path == "/health":
            return 200, {"status": "ok"}
        if headers.get(b"authorization") != self._authorization:
            return 401, {"error": "unauthorised"}
        if self._faults.delay_ms:
            await asyncio.sleep(self._faults.delay_ms / 1000)
        query = parse_qs(scope.get("query_string", b"").decode())
        if method == "POST" and path in ("/v1/sessions", "/v1/refunds"):
            return await self._once(path, headers, body)
        if session := SESSION.match(path):
            return await self._session(session[1], session[2], method, self._now(headers))
        await self._journal.settled()
        if method == "GET" and path == "/v1/payments":
            return 200, {"payments": [_payment(s) for s in self._ledger.sessions.values()]}
        if method == "GET" and path == "/v1/refunds":
            keys = query.get("key")
            refunds = [r for r in self._ledger.refunds.values() if keys is None or r.key in keys]
            return 200, {"refunds": [_refund(r) for r in refunds]}
        return 404, {"error": "no such resource"}

    async def _once(self, path: str, headers: dict[bytes, bytes], body: bytes) -> Answer:
        """POSTs under an Idempotency-Key: the same key replays the stored answer, failures included."""
        key = headers.get(b"idempotency-key", b"").decode()
        if not key:
            return 400, {"error": "Idempotency-Key missing"}
        if self._random.random() < self._faults.busy:
            return 429, {"error": "too many requests"}
        digest = hashlib.sha256(path.encode() + body).hexdigest()
        known = self._ledger.answers.get(key)
        if known is not None:
            await self._journal.settled()
            return (known[1], known[2]) if known[0] == digest else (409, {"error": "key used with another body"})
        try:
            values = orjson.loads(body)
            answer, records = self._open(values) if path == "/v1/sessions" else self._give_back(key, values)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise BadRequest(f"malformed: {error}") from error
        stored = {"kind": "answer", "key": key, "hash": digest, "status": answer[0], "answer": answer[1]}
        for record in (*records, stored):
            self._ledger.apply(record)
        await self._journal.write(*records, stored)
        if self._random.random() < self._faults.unknown:
            raise NoAnswer
        return answer

    def _now(self, headers: dict[bytes, bytes]) -> float:
        said = headers.get(b"fake-now")
        if said is None:
            return time.time()
        if not self._simulated_clock:
            raise BadRequest("this provider runs on the real clock")
        try:
            return float(said)
        except ValueError:
            raise BadRequest("Fake-Now is not a number") from None

    def _open(self, values: dict[str, Any]) -> tuple[Answer, list[dict[str, Any]]]:
        if (amount := int(values["amount_minor"])) < 0:
            raise ValueError("a negative amount")
        session = Session(
            ref=f"ses_{secrets.token_hex(12)}",
            reference=str(values["reference"]),
            amount_minor=amount,
            currency=str(values["currency"]),
            account=str(values["account"]),
            order_code=str(values["order_code"]),
            return_url=str(values["return_url"]),
            expires_at=float(values["expires_at"]),
        )
        return (201, {"ref": session.ref, "url": f"{self._public_url}/pay/{session.ref}"}), [
            {"kind": "session", "session": asdict(session)}
        ]

    def _give_back(self, key: str, values: dict[str, Any]) -> tuple[Answer, list[dict[str, Any]]]:
        session = self._ledger.sessions.get(str(values["payment"]))
        amount, currency = int(values["amount_minor"]), str(values["currency"])
        if session is None:
            return (404, {"error": "no such payment"}), []
        if currency != session.currency or amount <= 0 or session.refunded_minor + amount > session.captured_minor:
            return (409, {"error": "more than is left of the payment"}), []
        refund = Refund(f"ref_{secrets.token_hex(12)}", key, session.ref, amount, currency, "succeeded")
        return (201, _refund(refund)), [{"kind": "refund", "refund": asdict(refund)}]

    async def _session(self, ref: str, action: str | None, method: str, now: float) -> Answer:
        session = self._ledger.sessions.get(ref)
        if session is None:
            return 404, {"error": "no such payment"}
        if method != ("POST" if action else "GET"):
            return 405, {"error": "method not allowed"}
        if action == "/expire":
            await self._end(session, "expired", now)
        elif action == "/pay":
            await self._end(session, "failed" if self._random.random() < self._faults.decline else "captured", now)
        await self._journal.settled()
        return 200, _payment(session)

    async def _end(self, session: Session, state: str, now: float) -> None:
        """Move an open session on; a session that has ended stays as it is."""
        if session.state != "open":
            return
        if session.expires_at < now:
            state = "expired"
        record = {"kind": "state", "ref": session.ref, "state": state}
        self._ledger.apply(record)
        await self._journal.write(record)
        self._webhooks.announce(session)

    async def _page(self, ref: str, method: str, body: bytes, send: Send) -> None:
        session = self._ledger.sessions.get(ref)
        if session is None:
            await _send(send, 404, b"No such payment.", b"text/plain")
        elif method == "POST":
            action = parse_qs(body.decode(errors="replace")).get("action", ["decline"])[0]
            await self._end(session, "captured" if action == "pay" else "failed", time.time())
            await self._journal.settled()
            await _send(send, 303, b"", b"text/plain", [(b"location", session.return_url.encode())])
        else:
            await _send(send, 200, render(session), b"text/html; charset=utf-8")


def _payment(session: Session) -> dict[str, Any]:
    return {
        "ref": session.ref,
        "reference": session.reference,
        "state": session.state,
        "amount_minor": session.amount_minor,
        "currency": session.currency,
        "captured_minor": session.captured_minor,
        "refunded_minor": session.refunded_minor,
    }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "ref": refund.ref,
        "key": refund.key,
        "payment": refund.session,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "state": refund.state,
    }


async def _send(send: Send, status: int, body: bytes, kind: bytes, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
