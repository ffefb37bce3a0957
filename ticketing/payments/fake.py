"""The client of the fake provider: one kept-alive connection pool per event loop.

aiohttp costs 0.15 ms CPU a call, a tenth of httpx: docs/decisions/0007-provider-client.md. A circuit breaker is round all calls.
What asks only, and what opens a page under a key, is repeated at once when no answer comes: somebody waits. Refunds are not: their
worker looks up what became of a lost answer before it asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from ticketing.foundation.errors import Malformed
from ticketing.foundation.resilience import Circuit, CircuitOpen
from ticketing.payments.providers import (
    BadSignature,
    ProviderBusy,
    ProviderDenied,
    ProviderNotice,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    ProviderSession,
    ProviderUnknown,
)

Result = TypeVar("Result")
TIMEOUT_SECONDS = 10
SIGNATURE_TOLERANCE = timedelta(minutes=5)
FAILURES_BEFORE_REST = 10
"""In a row: more than chance makes of a provider that loses one answer in three."""
REST_SECONDS = 5
"""Then it is asked again: buyers wait for it."""
CONNECTIONS = 512
"""When the provider takes two seconds for an answer, so many connections let 256 buyers a second pay; those that are not needed are
not opened."""
LONGEST_TEXT = 200
MOST_MINOR = 2**63 - 1
"""Amounts are PostgreSQL bigints."""


class FakeClient:
    """Implements `payments.providers.PaymentProvider`.

    With a `clock` each call says when it happens, for simulated time: the provider must run with `--simulated-clock`.
    """

    name = "fake"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        webhook_secrets: Sequence[str],
        clock: Callable[[], datetime] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._webhook_secrets = [secret.encode() for secret in webhook_secrets]
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._circuit = Circuit(
            f"payments-{self.name}", failures=(ProviderUnknown,), threshold=FAILURES_BEFORE_REST, rest_seconds=REST_SECONDS
        )
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def open_session(
        self,
        *,
        key: str,
        reference: UUID,
        amount_minor: int,
        currency: str,
        account_ref: str,
        order_code: str,
        return_url: str,
        expires_at: datetime,
    ) -> ProviderSession:
        values = {
            "reference": str(reference),
            "amount_minor": amount_minor,
            "currency": currency,
            "account": account_ref,
            "order_code": order_code,
            "return_url": return_url,
            "expires_at": expires_at.timestamp(),
        }
        return await self._call("POST", "/v1/sessions", _session, values, key=key, repeat=True)

    async def expire_session(self, provider_ref: str) -> ProviderPayment:
        return await self._call("POST", f"/v1/sessions/{provider_ref}/expire", _payment)

    async def pay(self, provider_ref: str) -> ProviderPayment:
        """What a buyer does on the provider's page; for simulated buyers."""
        return await self._call("POST", f"/v1/sessions/{provider_ref}/pay", _payment)

    async def get_payment(self, provider_ref: str) -> ProviderPayment:
        return await self._call("GET", f"/v1/sessions/{provider_ref}", _payment, repeat=True)

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        values = {"payment": payment_ref, "amount_minor": amount_minor, "currency": currency}
        return await self._call("POST", "/v1/refunds", _refund, values, key=key)

    async def find_refund(self, key: str) -> ProviderRefund | None:
        found = await self._call("GET", f"/v1/refunds?key={quote(key, safe=':')}", _refunds, repeat=True)
        return found[0] if found else None

    async def list_payments(self) -> list[ProviderPayment]:
        return await self._call("GET", "/v1/payments", lambda answer: [_payment(item) for item in answer["payments"]], repeat=True)

    async def list_refunds(self) -> list[ProviderRefund]:
        return await self._call("GET", "/v1/refunds", _refunds, repeat=True)

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderNotice:
        self._verify(headers.get("fake-signature", ""), body, now)
        try:
            event = orjson.loads(body)
            data = event["data"]
            return ProviderNotice(
                provider=self.name,
                event_key=_text(event["id"]),
                kind=_text(event["type"]),
                payment_ref=_text(data["session"]),
                reference=UUID(_text(data["reference"])),
                amount_minor=_amount(data["amount_minor"]),
                currency=_text(data["currency"]),
                body=body,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed("The webhook's body can't be read.") from error

    def _verify(self, header: str, body: bytes, now: datetime) -> None:
        parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
        timestamp, signature = parts.get("t", ""), parts.get("v1", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 and signature.isascii()):
            raise BadSignature("The webhook is not signed.")
        if abs(now.timestamp() - int(timestamp)) > SIGNATURE_TOLERANCE.total_seconds():
            raise BadSignature("The webhook was signed too long ago.")
        signed = timestamp.encode() + b"." + body
        if not any(hmac.compare_digest(hmac.new(s, signed, hashlib.sha256).hexdigest(), signature) for s in self._webhook_secrets):
            raise BadSignature("The webhook's signature is wrong.")

    async def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Any], Result],
        values: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        repeat: bool = False,
    ) -> Result:
        """With an open circuit it is `ProviderBusy`: nothing was done."""
        call = self._circuit.repeat_async if repeat else self._circuit.call_async
        try:
            return await call(lambda: self._ask(method, path, read, values, key=key))
        except CircuitOpen as open_:
            wait = open_.details["retry_after_seconds"]
            raise ProviderBusy("The payment provider does not answer.", provider=self.name, retry_after_seconds=wait) from None

    async def _ask(
        self, method: str, path: str, read: Callable[[Any], Result], values: dict[str, Any] | None, *, key: str | None
    ) -> Result:
        headers = {"Idempotency-Key": key} if key else {}
        if self._clock is not None:
            headers["Fake-Now"] = str(self._clock().timestamp())
        body = None if values is None else orjson.dumps(values)
        try:
            async with self._client().request(method, self._base_url + path, data=body, headers=headers, allow_redirects=False) as answer:
                content, status = await answer.read(), answer.status
                retry_after = answer.headers.get("Retry-After", "1")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnknown("The payment provider did not answer.", provider=self.name) from error
        if 200 <= status < 300:
            try:
                return read(orjson.loads(content))
            except (KeyError, TypeError, ValueError) as error:
                raise ProviderUnknown("The payment provider's answer can't be read.", provider=self.name) from error
        if status == 429:
            wait = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 1
            raise ProviderBusy("The payment provider is busy.", provider=self.name, retry_after_seconds=wait)
        if status in (401, 403):
            raise ProviderDenied("The payment provider does not accept our key.", provider=self.name)
        if 400 <= status < 500 and status != 408:
            raise ProviderRefused("The payment provider refused.", provider=self.name, status=status)
        raise ProviderUnknown("The payment provider did not answer.", provider=self.name, status=status)

    def _client(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None or client.closed:
            client = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=60),
                skip_auto_headers=("User-Agent", "Accept"),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._clients[loop] = client
        return client

    async def close(self) -> None:
        """Close the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()


def _text(value: Any) -> str:
    """Text that PostgreSQL can keep."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\x00" in value:
        raise TypeError("not a short text")
    return value


def _amount(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_MINOR:
        raise TypeError("not an amount in minor units")
    return value


def _session(item: dict[str, Any]) -> ProviderSession:
    return ProviderSession(provider_ref=item["ref"], redirect_url=item["url"])


def _payment(item: dict[str, Any]) -> ProviderPayment:
    return ProviderPayment(
        provider_ref=item["ref"],
        reference=item["reference"],
        state=item["state"],
        amount_minor=item["amount_minor"],
        currency=item["currency"],
        captured_minor=item["captured_minor"],
        refunded_minor=item["refunded_minor"],
    )


def _refund(item: dict[str, Any]) -> ProviderRefund:
    return ProviderRefund(
        provider_ref=item["ref"],
        key=item["key"],
        state=item["state"],
        payment_ref=item["payment"],
        amount_minor=item["amount_minor"],
        currency=item["currency"],
    )


def _refunds(answer: dict[str, Any]) -> list[ProviderRefund]:
    return [_refund(item) for item in answer["refunds"]]
