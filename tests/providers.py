"""The real fake provider, as a process of its own, for tests: started, killed and started again by its process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ticketing.foundation.ids import new_code
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.payments.fake import FakeClient

START_SECONDS = 30


class FakeProviderProcess:
    """`ticketing provider` on a port of its own. It keeps its journal and port over `kill` and `start`."""

    def __init__(self, settings: Settings, *, webhook_urls: Sequence[str], journal: Path, options: Sequence[str], port: int) -> None:
        self.journal = journal
        self.port = port
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.api_key = settings.secrets.fake_provider_api_key
        self.webhook_secrets = settings.secrets.fake_provider_webhook_secrets
        urls = [argument for url in webhook_urls for argument in ("--webhook-url", url)]
        command = [sys.executable, "-m", "ticketing.cli", "provider", "--port", str(self.port), "--journal", str(journal)]
        self._command = [*command, *urls, *options]
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
        self._environment["TICKETING_HOME"] = str(settings.home_path)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the provider is not running")
        return self._process.pid

    def start(self) -> None:
        """Return when it answers; raises `RuntimeError` when it ends instead."""
        self._process = subprocess.Popen(self._command, env=self._environment)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the provider ended with code {self._process.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return  # its port opens when its books are loaded
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the provider did not answer within {START_SECONDS} s")

    def stop(self, *, kill: bool = False) -> None:
        """End it; with `kill` by SIGKILL, as a crash would."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def client(self) -> FakeClient:
        """A client with the right keys; its calls are coroutines."""
        return FakeClient(base_url=self.base_url, api_key=self.api_key, webhook_secrets=self.webhook_secrets)


@contextmanager
def start_fake_provider(
    settings: Settings,
    *,
    webhook_urls: Sequence[str] = (),
    journal: Path | None = None,
    options: Sequence[str] = (),
    port: int | None = None,
) -> Iterator[FakeProviderProcess]:
    """A running provider with the installation's keys.

    `options` are those of `ticketing provider`: `("--seed", "7", "--unknown", "0.3")`. `journal` is a new file by default.
    """
    path = journal or settings.home_path / f"provider-{new_code()}.jsonl"
    process = FakeProviderProcess(settings, webhook_urls=webhook_urls, journal=path, options=options, port=port or free_port())
    process.start()
    try:
        yield process
    finally:
        process.stop()
