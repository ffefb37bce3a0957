"""The real mail sink, as a process of its own, for tests."""

from __future__ import annotations

import email
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from ticketing.foundation.ports import free_port
from ticketing.messages.smtp import Mailer, MailServerDown

START_SECONDS = 30


@dataclass(frozen=True)
class Sink:
    """`ticketing sink` on a port of its own."""

    port: int
    directory: Path

    def mailer(self) -> Mailer:
        """Sends to it."""
        return Mailer(host="127.0.0.1", port=self.port, sender="tickets@example.org")

    def mails(self) -> list[EmailMessage]:
        """What it has kept, oldest first."""
        files = sorted(self.directory.glob("*.eml"), key=lambda path: int(path.stem))
        return [email.message_from_bytes(path.read_bytes(), policy=default) for path in files]


@contextmanager
def start_sink(directory: Path) -> Iterator[Sink]:
    """A running sink that keeps its mails in `directory`; raises `MailServerDown` when it does not come up."""
    sink = Sink(port=free_port(), directory=directory)
    command = [sys.executable, "-m", "ticketing.cli", "sink", "--port", str(sink.port), "--directory", str(directory)]
    process = subprocess.Popen(command)
    try:
        _wait_until_it_answers(sink)
        yield sink
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_answers(sink: Sink) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with sink.mailer() as mailer:
                mailer.connect()
            return
        except MailServerDown:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
