"""The fake provider's own promises: one effect per key, no acknowledged money lost, webhooks until they are taken."""

from __future__ import annotations

import ast
import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.foundation.clock import utc_now
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.payments import fake_provider
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import ProviderBusy, ProviderDenied, ProviderRefused, ProviderSession, ProviderUnknown

Result = TypeVar("Result")
WAIT_SECONDS = 10


def ask(process: FakeProviderProcess, work: Callable[[FakeClient], Awaitable[Result]], *, client: FakeClient | None = None) -> Result:
    """Run a coroutine with a client of its own."""

    async def run() -> Result:
        asked = client or process.client()
        try:
            return await work(asked)
        finally:
            await asked.close()

    return asyncio.run(run())


async def open_session(
    client: FakeClient,
    *,
    key: str | None = None,
    reference: UUID | None = None,
    amount_minor: int = 4_500,
    expires_at: datetime | None = None,
) -> ProviderSession:
    reference = reference or uuid4()
    return await client.open_session(
        key=key or f"{reference}:1",
        reference=reference,
        amount_minor=amount_minor,
        currency="EUR",
        account_ref="acct_1",
        order_code="K7WM2QXR",
        return_url="http://shop.test/orders/1?a=b",
        expires_at=expires_at or datetime(2100, 1, 1, tzinfo=UTC),
    )


async def capture(client: FakeClient) -> str:
    session = await open_session(client)
    assert (await client.pay(session.provider_ref)).state == "captured"
    return session.provider_ref


def test_a_repeated_key_gets_the_first_answer_and_makes_one_session(provider: FakeProviderProcess) -> None:
    async def work(client: FakeClient) -> None:
        key, reference = uuid4().hex, uuid4()
        answers = await asyncio.gather(*(open_session(client, key=key, reference=reference) for _ in range(20)))
        assert len({answer.provider_ref for answer in answers}) == 1
        assert [p.reference for p in await client.list_payments()].count(str(reference)) == 1
        with pytest.raises(ProviderRefused):
            await open_session(client, key=key, reference=reference, amount_minor=1)

    ask(provider, work)


def test_a_stored_failure_is_replayed_when_its_key_is_repeated(provider: FakeProviderProcess) -> None:
    async def work(client: FakeClient) -> None:
        session = await open_session(client)

        async def refund(key: str) -> str:
            return (await client.refund(key=key, payment_ref=session.provider_ref, amount_minor=100, currency="EUR")).state

        with pytest.raises(ProviderRefused):
            await refund("r:1" + session.provider_ref)  # nothing has been captured yet
        await client.pay(session.provider_ref)
        with pytest.raises(ProviderRefused):
            await refund("r:1" + session.provider_ref)
        assert await refund("r:2" + session.provider_ref) == "succeeded"

    ask(provider, work)


def test_refunds_never_pass_what_was_captured(provider: FakeProviderProcess) -> None:
    async def work(client: FakeClient) -> None:
        ref = await capture(client)

        async def refund(n: int) -> bool:
            try:
                await client.refund(key=f"{ref}:{n}", payment_ref=ref, amount_minor=1_000, currency="EUR")
            except ProviderRefused:
                return False
            return True

        assert sum(await asyncio.gather(*(refund(n) for n in range(10)))) == 4
        assert (await client.get_payment(ref)).refunded_minor == 4_000
        with pytest.raises(ProviderRefused):
            await client.refund(key=f"{ref}:usd", payment_ref=ref, amount_minor=1, currency="USD")

    ask(provider, work)


def test_calls_are_refused_when_the_key_of_the_api_is_wrong(provider: FakeProviderProcess) -> None:
    stranger = FakeClient(base_url=provider.base_url, api_key="guess", webhook_secrets=["s"])
    with pytest.raises(ProviderDenied):
        ask(provider, lambda client: client.list_payments(), client=stranger)


def test_an_expired_or_closed_page_takes_no_money(provider: FakeProviderProcess) -> None:
    async def work(client: FakeClient) -> None:
        late = await open_session(client, expires_at=utc_now() - timedelta(seconds=1))
        assert (await client.pay(late.provider_ref)).state == "expired"
        closed = await open_session(client)
        assert (await client.expire_session(closed.provider_ref)).state == "expired"
        assert (await client.pay(closed.provider_ref)).captured_minor == 0
        paid = await capture(client)
        assert (await client.expire_session(paid)).state == "captured"

    ask(provider, work)


def test_callers_set_the_clock_only_where_it_is_simulated(settings: Settings, provider: FakeProviderProcess) -> None:
    past = datetime(2024, 5, 1, tzinfo=UTC)

    def client_of(process: FakeProviderProcess) -> FakeClient:
        return FakeClient(base_url=process.base_url, api_key=process.api_key, webhook_secrets=process.webhook_secrets, clock=lambda: past)

    async def pay_in_the_past(client: FakeClient) -> str:
        session = await open_session(client, expires_at=past + timedelta(minutes=30))
        return (await client.pay(session.provider_ref)).state

    with pytest.raises(ProviderRefused):
        ask(provider, pay_in_the_past, client=client_of(provider))
    with start_fake_provider(settings, options=["--simulated-clock"]) as process:
        assert ask(process, pay_in_the_past, client=client_of(process)) == "captured"


def test_no_acknowledged_money_is_lost_when_it_is_killed(settings: Settings) -> None:
    with start_fake_provider(settings) as process:

        async def sell_until_it_dies(client: FakeClient) -> set[str]:
            captured: set[str] = set()

            async def sell() -> None:
                while True:
                    try:
                        captured.add(await capture(client))
                    except (ProviderUnknown, ProviderBusy):
                        return
                    if len(captured) == 150:
                        process.stop(kill=True)

            await asyncio.gather(*(sell() for _ in range(8)))
            return captured

        captured = ask(process, sell_until_it_dies)
        with process.journal.open("ab") as journal:
            journal.write(b'{"kind":"state","ref":"ses_')  # a line that the crash cut off
        process.start()
        kept = {p.provider_ref for p in ask(process, lambda client: client.list_payments()) if p.captured_minor == 4_500}
        assert len(captured) >= 150
        assert captured <= kept
        process.stop(kill=True)
        process.start()  # the cut line is gone for good
        assert {p.provider_ref for p in ask(process, lambda client: client.list_payments()) if p.captured_minor == 4_500} == kept


@contextmanager
def webhook_receiver(answers: Callable[[], int], port: int = 0) -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    """Its address, and what it was sent: headers, body and the status it gave."""
    received: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = answers()
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()
            received.put({"headers": {name.lower(): value for name, value in self.headers.items()}, "body": body, "status": status})

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_webhook_is_signed_and_sent_again_until_it_is_taken(settings: Settings) -> None:
    statuses = iter([500, 503, 302, 200, 200])
    with (
        webhook_receiver(lambda: next(statuses)) as (url, received),
        start_fake_provider(settings, webhook_urls=[url]) as process,
    ):
        ref = ask(process, capture)
        tries = [received.get(timeout=WAIT_SECONDS) for _ in range(4)]
        assert [sent["status"] for sent in tries] == [500, 503, 302, 200]
        assert len({sent["body"] for sent in tries}) == 1
        notice = process.client().read_webhook(tries[0]["headers"], tries[0]["body"], now=utc_now())
        assert (notice.kind, notice.payment_ref, notice.amount_minor) == ("payment.captured", ref, 4_500)
        with pytest.raises(Empty):
            received.get(timeout=0.5)


def test_a_webhook_that_was_not_taken_is_sent_after_a_crash_and_one_that_was_is_not(settings: Settings) -> None:
    port = free_port()
    with start_fake_provider(settings, webhook_urls=[f"http://127.0.0.1:{port}/hook"]) as process:
        missed = ask(process, capture)
        process.stop(kill=True)
        with webhook_receiver(lambda: 200, port) as (_, received):
            process.start()
            assert json.loads(received.get(timeout=WAIT_SECONDS)["body"])["data"]["session"] == missed
            taken = ask(process, capture)
            assert json.loads(received.get(timeout=WAIT_SECONDS)["body"])["data"]["session"] == taken
            process.stop()
            process.start()
            with pytest.raises(Empty):
                received.get(timeout=0.5)


def test_faults_come_as_asked(settings: Settings) -> None:
    with (
        webhook_receiver(lambda: 200) as (url, received),
        start_fake_provider(settings, webhook_urls=[url], options=["--duplicate", "1", "--unknown", "1", "--decline", "1"]) as process,
    ):

        async def work(client: FakeClient) -> None:
            session = await open_session(client, key="one")  # its answer is lost, and it is asked for again under the same key
            assert (await client.pay(session.provider_ref)).state == "failed"
            assert len(await client.list_payments()) == 1

        ask(process, work)
        first, second = (json.loads(received.get(timeout=WAIT_SECONDS)["body"]) for _ in range(2))
        assert (first["id"], first["type"]) == (second["id"], "payment.failed")


def test_a_busy_provider_does_nothing_and_a_dropped_webhook_never_comes(settings: Settings) -> None:
    with (
        webhook_receiver(lambda: 200) as (url, received),
        start_fake_provider(settings, webhook_urls=[url], options=["--drop", "1", "--busy", "0.5", "--seed", "3"]) as process,
    ):

        async def work(client: FakeClient) -> int:
            busy = 0
            for _ in range(40):
                try:
                    await capture(client)
                except ProviderBusy:
                    busy += 1
            assert len(await client.list_payments()) == 40 - busy
            return busy

        assert 5 < ask(process, work) < 35
        with pytest.raises(Empty):
            received.get(timeout=0.3)


def browse(process: FakeProviderProcess, method: str, path: str, form: str = "") -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection("127.0.0.1", process.port, timeout=WAIT_SECONDS)
    try:
        connection.request(method, path, body=form, headers={"content-type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(("button", "state"), [("pay", "captured"), ("decline", "failed")])
def test_a_buyer_pays_or_declines_on_its_page_and_comes_back(provider: FakeProviderProcess, button: str, state: str) -> None:
    session = ask(provider, open_session)
    path = session.redirect_url.removeprefix(f"http://localhost:{provider.port}")
    status, _, page = browse(provider, "GET", path)
    assert status == 200
    assert "€45.00" in page
    assert "K7WM2QXR" in page
    for form in (f"action={button}", "action=pay"):  # the second press changes nothing
        status, headers, _ = browse(provider, "POST", path, form)
        assert (status, headers["location"]) == (303, "http://shop.test/orders/1?a=b")
    assert ask(provider, lambda client: client.get_payment(session.provider_ref)).state == state
    assert "<form" not in browse(provider, "GET", path)[2]
    assert browse(provider, "GET", "/pay/ses_unknown")[0] == 404


def run_provider(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ticketing.cli", "provider", "--port", str(free_port()), *arguments]
    return subprocess.run(command, env={"TICKETING_HOME": str(settings.home_path)}, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("line", "number"), [("{}", 2), ("not json", 2), ('{"kind":"state","ref":"ses_x","state":"captured"}', 2)])
def test_one_sentence_is_said_when_the_journal_is_damaged(settings: Settings, tmp_path: Path, line: str, number: int) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"kind":"answer","key":"k","hash":"h","status":201,"answer":{}}\n' + line + "\n")
    before = journal.read_bytes()
    ended = run_provider(settings, "--journal", str(journal))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert f"damaged at line {number}" in ended.stderr
    assert journal.read_bytes() == before


def test_one_sentence_is_said_when_another_provider_has_the_journal(settings: Settings, provider: FakeProviderProcess) -> None:
    ended = run_provider(settings, "--journal", str(provider.journal))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "in use by another provider" in ended.stderr


def test_one_sentence_is_said_when_a_webhook_address_is_none(settings: Settings, tmp_path: Path) -> None:
    ended = run_provider(settings, "--journal", str(tmp_path / "j"), "--webhook-url", "localhost:8000")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "j").exists()


def test_it_shares_no_code_with_the_core() -> None:
    package = Path(fake_provider.__file__).parent
    imported = {
        node.module
        for file in package.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    ours = {name for name in imported if name.startswith("ticketing.")}
    assert ours
    assert {name for name in ours if not name.startswith(fake_provider.__name__)} == set()
