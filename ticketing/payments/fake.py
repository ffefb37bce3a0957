"""The client of the fake provider: one kept-alive connection pool per event loop."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from ticketing.foundation.errors import Malformed
from ticketing.payments.providers import (
    BadSignature,
    ProviderBusy,
    ProviderNotice,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    ProviderSession,
    ProviderUnknown,
)

TIMEOUT_SECONDS = 10
SIGNATURE_TOLERANCE = timedelta(minutes=5)
CONNECTIONS = 64


class FakeClient:
    """Implements `payments.providers.PaymentProvider`."""

    name = "fake"

    def __init__(self, *, base_url: str, api_key: str, webhook_secrets: Sequence[str]) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._webhook_secrets = [secret.encode() for secret in webhook_secrets]
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
        answer = await self._call("POST", "/v1/sessions", values, key=key)
        return ProviderSession(provider_ref=answer["ref"], redirect_url=answer["url"])

    async def expire_session(self, provider_ref: str) -> ProviderPayment:
        return _payment(await self._call("POST", f"/v1/sessions/{provider_ref}/expire"))

    async def pay(self, provider_ref: str) -> ProviderPayment:
        """What a buyer does on the provider's page; for simulated buyers."""
        return _payment(await self._call("POST", f"/v1/sessions/{provider_ref}/pay"))

    async def get_payment(self, provider_ref: str) -> ProviderPayment:
        return _payment(await self._call("GET", f"/v1/sessions/{provider_ref}"))

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        values = {"payment": payment_ref, "amount_minor": amount_minor, "currency": currency}
        return _refund(await self._call("POST", "/v1/refunds", values, key=key))

    async def find_refund(self, key: str) -> ProviderRefund | None:
        found = (await self._call("GET", f"/v1/refunds?key={key}"))["refunds"]
        return _refund(found[0]) if found else None

    async def list_payments(self) -> list[ProviderPayment]:
        return [_payment(item) for item in (await self._call("GET", "/v1/payments"))["payments"]]

    async def list_refunds(self) -> list[ProviderRefund]:
        return [_refund(item) for item in (await self._call("GET", "/v1/refunds"))["refunds"]]

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderNotice:
        self._verify(headers.get("fake-signature", ""), body, now)
        try:
            event = orjson.loads(body)
            data = event["data"]
            return ProviderNotice(
                provider=self.name,
                event_key=str(event["id"]),
                kind=str(event["type"]),
                payment_ref=str(data["session"]),
                reference=UUID(data["reference"]),
                amount_minor=int(data["amount_minor"]),
                currency=str(data["currency"]),
                body=body,
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed("The webhook's body can't be read.") from error

    def _verify(self, header: str, body: bytes, now: datetime) -> None:
        parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
        timestamp, signature = parts.get("t", ""), parts.get("v1", "")
        if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
            raise BadSignature("The webhook is not signed.")
        if abs(now.timestamp() - int(timestamp)) > SIGNATURE_TOLERANCE.total_seconds():
            raise BadSignature("The webhook was signed too long ago.")
        signed = timestamp.encode() + b"." + body
        if not any(hmac.compare_digest(hmac.new(s, signed, hashlib.sha256).hexdigest(), signature) for s in self._webhook_secrets):
            raise BadSignature("The webhook's signature is wrong.")

    async def _call(self, method: str, path: str, values: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else None
        body = None if values is None else orjson.dumps(values)
        try:
            async with self._client().request(method, self._base_url + path, data=body, headers=headers) as answer:
                content = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnknown("The payment provider did not answer.", provider=self.name) from error
        if status == 429:
            raise ProviderBusy("The payment provider is busy.", provider=self.name, retry_after_seconds=1)
        if status >= 500:
            raise ProviderUnknown("The payment provider did not answer.", provider=self.name)
        if status >= 400:
            raise ProviderRefused("The payment provider refused.", provider=self.name, status=status)
        return orjson.loads(content)

    def _client(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None or client.closed:
            client = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
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
