"""The client: what it believes of webhooks, and what it makes of answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from ticketing.foundation.errors import Malformed
from ticketing.foundation.ports import free_port
from ticketing.payments.fake import FAILURES_BEFORE_REST, REST_SECONDS, FakeClient
from ticketing.payments.fake_provider.webhooks import sign
from ticketing.payments.providers import (
    BadSignature,
    ProviderBusy,
    ProviderDenied,
    ProviderPayment,
    ProviderRefused,
    ProviderUnknown,
    polled_notice,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLIENT = FakeClient(base_url="http://127.0.0.1:9", api_key="key", webhook_secrets=["new", "old"])


def event(**overrides: Any) -> dict[str, Any]:
    data = {"session": "ses_1", "reference": str(uuid4()), "amount_minor": 4_500, "currency": "EUR", "account": "acct"} | overrides
    return {"id": "evt_1", "type": "payment.captured", "created": int(NOW.timestamp()), "data": data}


def signed(body: bytes, *, by: str = "new", at: datetime = NOW) -> dict[str, str]:
    return {"fake-signature": sign(by, int(at.timestamp()), body)}


@pytest.mark.parametrize("secret", ["new", "old"])
def test_a_webhook_is_read_when_either_secret_signed_it(secret: str) -> None:
    body = orjson.dumps(event())
    notice = CLIENT.read_webhook(signed(body, by=secret), body, now=NOW + timedelta(minutes=4))
    assert (notice.event_key, notice.kind, notice.amount_minor, notice.currency) == ("evt_1", "payment.captured", 4_500, "EUR")
    assert str(notice.reference) == orjson.loads(body)["data"]["reference"]
    assert notice.body == body


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_webhook_is_refused_when_it_was_signed_too_long_ago_or_ahead(minutes: int) -> None:
    body = orjson.dumps(event())
    with pytest.raises(BadSignature):
        CLIENT.read_webhook(signed(body), body, now=NOW + timedelta(minutes=minutes))


def test_a_webhook_is_refused_when_another_secret_signed_it() -> None:
    body = orjson.dumps(event())
    with pytest.raises(BadSignature):
        CLIENT.read_webhook(signed(body, by="stolen"), body, now=NOW)


def test_a_webhook_is_refused_when_its_body_was_changed() -> None:
    body = orjson.dumps(event())
    with pytest.raises(BadSignature):
        CLIENT.read_webhook(signed(body), body.replace(b"4500", b"4501"), now=NOW)


def test_a_webhook_is_refused_when_its_time_was_changed() -> None:
    body = orjson.dumps(event())
    stamp = int(NOW.timestamp())
    header = {"fake-signature": sign("new", stamp, body).replace(str(stamp), str(stamp + 1))}
    with pytest.raises(BadSignature):
        CLIENT.read_webhook(header, body, now=NOW)


@pytest.mark.parametrize("header", ["", "t=", "v1=00", "t=²,v1=00", f"t={'9' * 5_000},v1=00", "t=1772366400,v1=é", ",,=,"])
def test_a_webhook_is_refused_when_its_signature_is_no_signature(header: str) -> None:
    with pytest.raises(BadSignature):
        CLIENT.read_webhook({"fake-signature": header}, b"{}", now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        orjson.dumps(event())[:-5],
        orjson.dumps(event(amount_minor=-1)),
        orjson.dumps(event(amount_minor=45.5)),
        orjson.dumps(event(amount_minor=True)),
        orjson.dumps(event(amount_minor="4500")),
        orjson.dumps(event(amount_minor=2**63)),
        orjson.dumps(event(reference="not an id")),
        orjson.dumps(event(reference=None)),
        orjson.dumps(event(currency="E\x00R")),
        orjson.dumps(event(session="s" * 201)),
        orjson.dumps(event() | {"data": None}),
    ],
)
def test_a_webhook_is_malformed_when_it_is_signed_and_can_not_be_read(body: bytes) -> None:
    with pytest.raises(Malformed):
        CLIENT.read_webhook(signed(body), body, now=NOW)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[FakeClient]:
    """A client of a server that says the same to everything; nothing at all when `answer` is empty."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = FakeClient(base_url=f"http://127.0.0.1:{port}", api_key="key", webhook_secrets=["s"], timeout_seconds=0.3)
    try:
        yield client
    finally:
        await client.close()
        server.close()


def refund_against(answer: bytes) -> Exception:
    async def ask() -> None:
        async with answering(answer) as client:
            await client.refund(key="k:1", payment_ref="ses_1", amount_minor=100, currency="EUR")

    with pytest.raises((ProviderUnknown, ProviderBusy, ProviderDenied, ProviderRefused)) as caught:
        asyncio.run(ask())
    return caught.value


def http(status: str, body: bytes = b"{}", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", ProviderUnknown),
        (b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{", ProviderUnknown),
        (http("500 Oops"), ProviderUnknown),
        (http("504 Gateway Timeout"), ProviderUnknown),
        (http("408 Request Timeout"), ProviderUnknown),
        (http("302 Found", headers="location: /elsewhere\r\n"), ProviderUnknown),
        (http("200 OK", b"<html>"), ProviderUnknown),
        (http("200 OK", b"{}"), ProviderUnknown),
        (http("401 Unauthorized"), ProviderDenied),
        (http("403 Forbidden"), ProviderDenied),
        (http("402 Payment Required"), ProviderRefused),
        (http("409 Conflict"), ProviderRefused),
    ],
)
def test_an_answer_counts_as_unknown_unless_the_provider_was_definite(answer: bytes, kind: type[Exception]) -> None:
    assert type(refund_against(answer)) is kind


@pytest.mark.parametrize(("header", "seconds"), [("retry-after: 7\r\n", 7), ("", 1), ("retry-after: soon\r\n", 1)])
def test_a_busy_provider_says_how_long_to_wait(header: str, seconds: int) -> None:
    busy = refund_against(http("429 Too Many Requests", headers=header))
    assert isinstance(busy, ProviderBusy)
    assert busy.details["retry_after_seconds"] == seconds


def test_the_outcome_is_unknown_when_nobody_listens() -> None:
    async def ask() -> None:
        client = FakeClient(base_url=f"http://127.0.0.1:{free_port()}", api_key="key", webhook_secrets=["s"])
        try:
            await client.list_payments()
        finally:
            await client.close()

    with pytest.raises(ProviderUnknown):
        asyncio.run(ask())


def test_polling_says_nothing_while_the_page_is_open_and_what_a_webhook_would_have_said_after() -> None:
    reference = uuid4()
    still_open = ProviderPayment("ses_1", str(reference), "open", 4_500, "EUR", 0, 0)
    assert polled_notice("fake", still_open) is None
    notice = polled_notice("fake", ProviderPayment("ses_1", str(reference), "captured", 4_500, "EUR", 4_500, 0))
    assert notice is not None
    assert (notice.kind, notice.reference, notice.amount_minor) == ("payment.captured", reference, 4_500)


class Unreliable:
    """A server that loses its first `lost` answers, and counts what it was asked under which key."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.keys: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.keys.append(head.split("idempotency-key: ")[1].split("\r\n")[0] if "idempotency-key" in head else "")
        if len(self.keys) > self.lost:
            writer.write(http("200 OK", b'{"ref":"ses_1","url":"http://pay.test/1"}', "connection: close\r\n"))
        writer.close()

    def run(self, ask: Callable[[FakeClient], Awaitable[None]]) -> None:
        async def whole() -> None:
            server = await asyncio.start_server(self.talk, "127.0.0.1", 0)
            client = FakeClient(
                base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", api_key="key", webhook_secrets=["s"], timeout_seconds=2
            )
            try:
                await ask(client)
            finally:
                await client.close()
                server.close()

        asyncio.run(whole())


async def open_page(client: FakeClient) -> None:
    session = await client.open_session(
        key="p:1",
        reference=uuid4(),
        amount_minor=100,
        currency="EUR",
        account_ref="a",
        order_code="K7WM2QXR",
        return_url="http://shop.test/",
        expires_at=NOW,
    )
    assert session.provider_ref == "ses_1"


def test_a_page_is_asked_for_again_under_the_same_key_when_no_answer_comes() -> None:
    server = Unreliable(lost=2)
    server.run(open_page)
    assert server.keys == ["p:1"] * 3


def test_a_refund_is_asked_for_once_since_its_worker_looks_up_what_became_of_it() -> None:
    async def refund(client: FakeClient) -> None:
        with pytest.raises(ProviderUnknown):
            await client.refund(key="r:1", payment_ref="ses_1", amount_minor=100, currency="EUR")

    server = Unreliable(lost=1)
    server.run(refund)
    assert server.keys == ["r:1"]


def test_nothing_is_asked_for_some_seconds_when_the_provider_is_down() -> None:
    server = Unreliable(lost=10**6)

    async def insist(client: FakeClient) -> None:
        for _ in range(FAILURES_BEFORE_REST):
            with pytest.raises(ProviderUnknown):
                await client.refund(key="r:1", payment_ref="ses_1", amount_minor=100, currency="EUR")
        with pytest.raises(ProviderBusy) as refused:
            await open_page(client)
        assert 0 < refused.value.details["retry_after_seconds"] <= REST_SECONDS

    server.run(insist)
    assert len(server.keys) == FAILURES_BEFORE_REST
