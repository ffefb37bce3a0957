"""Work that one process at a time does, again and again: an advisory lock says which; when it dies, another takes over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import psycopg

from ticketing.foundation.db import Connection, Database
from ticketing.foundation.errors import Misconfigured

log = logging.getLogger(__name__)


class Leader:
    """A thread that runs `step` every `seconds` while this process leads in `name`. Start it with `start()`, stop it with `stop()`.

    `step` gets a connection in autocommit mode, opens its own transactions, and must leave nothing half done when it is killed.
    """

    def __init__(self, database: Database, *, name: str, step: Callable[[Connection], None], seconds: float = 1.0) -> None:
        self.name = name
        self._database = database
        self._step = step
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _loop(self) -> None:
        connection: Connection | None = None
        leads = False
        while not self._stopping.is_set():
            try:
                if connection is None or connection.closed:
                    connection, leads = self._database.connect(autocommit=True), False
                leads = leads or self._may_lead(connection)
                if leads:
                    self._step(connection)
            except (psycopg.Error, Misconfigured) as error:
                log.warning("%s: a step failed: %s", self.name, type(error).__name__)
                if connection is not None:
                    connection.close()
            self._stopping.wait(self._seconds)
        if connection is not None:
            connection.close()

    def _may_lead(self, connection: Connection) -> bool:
        row = connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [f"ticketing.{self.name}"]).fetchone()
        return row == (True,)
