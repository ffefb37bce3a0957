"""Sending what is due: by one process when it is little, by several when it is much. Composing a mail is mostly computing."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from operator import add

from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.messages.outstanding import outstanding_messages
from ticketing.messages.render import Composer
from ticketing.messages.service import DeliveryRun, deliver_due
from ticketing.messages.smtp import Mailer

SENT_AT_ONCE = 100
"""A claim of so many is done in a few seconds."""


def send_due(settings: Settings, database: Database, *, senders: int, longest_seconds: float, at_once: int = SENT_AT_ONCE) -> DeliveryRun:
    """Send claim by claim until nothing is due or the time is over; no more `senders` than there are claims of `at_once` to make.

    Raises `Misconfigured` when no mail server is set, `MailServerDown` when it takes no mails.
    """
    with database.transaction() as session:
        due = outstanding_messages(session, now=database_now(session)).due
    senders = min(senders, -(-due // at_once))
    if senders <= 1:
        return send(settings, database, longest_seconds, at_once)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(senders, mp_context=context, initializer=_end_with_parent) as pool:
        runs = [pool.submit(send, settings, database, longest_seconds, at_once) for _ in range(senders)]
        return reduce(add, (run.result() for run in runs))


def send(settings: Settings, database: Database, longest_seconds: float, at_once: int) -> DeliveryRun:
    """One sender's work."""
    until = time.monotonic() + longest_seconds
    composer = Composer.from_settings(settings)
    sent = DeliveryRun()
    with Mailer.from_settings(settings) as mailer:
        while time.monotonic() < until:
            run = deliver_due(database, mailer, composer, limit=at_once)
            if run == DeliveryRun():
                break
            sent += run
    return sent


def _end_with_parent() -> None:
    """A killed flow leaves no sender behind: what one had claimed is free again after its lease."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("not in a process of a pool")

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
