"""Child processes of one command: started with a log each, awaited, watched, and stopped in reverse order.

Each child leads a session of its own, so Ctrl-C reaches the command only, and whatever a child starts can be ended with it.
A command that is killed itself can't stop its children: their process ids stand in a directory, and the next command with
the same directory ends them first. A lock on that directory keeps two commands from sharing it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ticketing.foundation.errors import Conflict, Unavailable

STOP_SECONDS = 10
"""What a child gets between SIGTERM and SIGKILL. Prefect's worker needs some seconds for its runs."""

POLL_SECONDS = 0.1
LAST_LINES = 5


class ChildFailed(Unavailable):
    """A child process ended, or was not ready in time."""


class AlreadyRunning(Conflict):
    """Another command runs its children from this directory."""


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    is_task: bool
    """Meant to end by itself: whoever runs it looks at how it ended."""


class Children:
    """The children of one command. Use as a context: leaving it stops them, however it is left.

    `logs` takes a log per child; `records` takes a file per child while it runs. Entering raises `AlreadyRunning` when a
    living command has `records`, and ends what a dead one left.
    """

    def __init__(self, *, logs: Path, records: Path, stop_seconds: float = STOP_SECONDS) -> None:
        self._logs = logs
        self._records = records
        self._stop_seconds = stop_seconds
        self._children: list[Child] = []
        self._lock: int | None = None
        self._closing = False
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(self._records)
        stop_leftovers(self._records)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        try:
            self.stop()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path | None = None,
        is_task: bool = False,
    ) -> None:
        """Start a child; its output goes to `<logs>/<name>.log`, anew each time. Does not wait. Any thread may call it."""
        log = self._logs / f"{name}.log"
        with self._starting, log.open("wb") as output:
            if self._closing:
                raise ChildFailed(f"{name} was not started: everything is being stopped.")
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._children.append(Child(name, process, log, is_task))
            record = self._records / f"{name}.json"
            record.write_text(json.dumps({"pid": process.pid, "born": _birth_of(process.pid)}))

    def wait_ready(self, name: str, ready: Callable[[], bool], *, timeout_seconds: float = 60) -> None:
        """Wait until `ready` says so; raises `ChildFailed` with the log's last lines when the child ends or time is over."""
        child = self._named(name)
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if child.process.poll() is not None:
                raise ChildFailed(f"{name} ended at its start (exit code {child.process.returncode}). {_last_lines(child.log)}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{name} was not ready after {timeout_seconds:.0f} s. {_last_lines(child.log)}")
            time.sleep(POLL_SECONDS)

    def run(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path | None = None,
        timeout_seconds: float = 60,
    ) -> None:
        """Run a child to its end; raises `ChildFailed` when it fails or takes too long."""
        self.start(name, command, environment=environment, directory=directory, is_task=True)
        child = self._named(name)
        try:
            code = child.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise ChildFailed(f"{name} was not done after {timeout_seconds:.0f} s. {_last_lines(child.log)}") from None
        self._end(child)
        if code != 0:
            raise ChildFailed(f"{name} failed (exit code {code}). {_last_lines(child.log)}")

    def require_alive(self) -> None:
        """Raises `ChildFailed` when one of the children that should stay has ended."""
        for child in list(self._children):  # another thread may be running a task
            if not child.is_task and child.process.poll() is not None:
                raise ChildFailed(f"{child.name} ended (exit code {child.process.returncode}). {_last_lines(child.log)}")

    def watch(self) -> None:
        """Stay until interrupted; raises `ChildFailed` when a child ends before that."""
        while True:
            self.require_alive()
            time.sleep(1)

    def stop(self) -> None:
        """Stop all, the last started first. A second Ctrl-C while this waits does not leave any behind."""
        interrupted = False
        with self._starting:
            self._closing = True
        while self._children:
            try:
                self._end(self._children[-1])
            except KeyboardInterrupt:
                interrupted = True
                with suppress(ProcessLookupError):
                    os.killpg(self._children[-1].process.pid, signal.SIGKILL)
        if interrupted:
            raise KeyboardInterrupt

    def _named(self, name: str) -> Child:
        return next(child for child in reversed(self._children) if child.name == name)

    def _end(self, child: Child) -> None:
        if child.process.poll() is None:
            child.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(self._stop_seconds)
        with suppress(ProcessLookupError, PermissionError):  # what it started may outlive it
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        (self._records / f"{child.name}.json").unlink(missing_ok=True)
        with suppress(ValueError):  # the thread that ran it may have been first
            self._children.remove(child)


def stop_leftovers(records: Path) -> list[str]:
    """End the recorded children of a command that was killed; returns their names. A process id used anew is left alone."""
    stopped = []
    for record in sorted(records.glob("*.json")):
        known = _read_record(record)
        if known is not None and _birth_of(known[0]) == known[1]:
            _end_group(known[0])
            stopped.append(record.stem)
        record.unlink(missing_ok=True)
    return stopped


def interrupt_owner(records: Path, *, timeout_seconds: float = 90) -> bool:
    """Ask the command that has `records` to stop, and wait for it; False when there was none."""
    lock = records / "lock"
    if not lock.exists() or (pid := _lock_owner(lock)) is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while _lock_owner(lock) is not None:
        if time.monotonic() > deadline:
            raise ChildFailed(f"Process {pid} did not stop within {timeout_seconds:.0f} s.", pid=pid)
        time.sleep(POLL_SECONDS)
    return True


def answers(url: str, *, auth: str | None = None) -> bool:
    """Whether an HTTP GET of `url` is answered with 2xx; `auth` is `user:password`."""
    request = urllib.request.Request(url)  # noqa: S310 - addresses of our own children
    if auth is not None:
        request.add_header("Authorization", "Basic " + b64encode(auth.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _take_lock(records: Path) -> int:
    records.mkdir(parents=True, exist_ok=True)
    lock = os.open(records / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        pid = (records / "lock").read_text().strip()
        raise AlreadyRunning(f"This already runs as process {pid}: stop it there with Ctrl-C first.", pid=pid) from None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


def _lock_owner(lock: Path) -> int | None:
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(lock.read_text() or 0) or None
    finally:
        os.close(descriptor)
    return None


def _read_record(record: Path) -> tuple[int, str] | None:
    try:
        values = json.loads(record.read_text())
        return int(values["pid"]), str(values["born"])
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return None  # killed while it was written: its child was not recorded


def _end_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _birth_of(pid) is not None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _birth_of(pid: int) -> str | None:
    """When the process was started, in the system's own terms; None when there is none. Tells a reused id from the old one."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip() or None


def _last_lines(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-LAST_LINES:]
    said = "It said nothing." if not lines else "Its last words: " + " / ".join(line.strip() for line in lines)
    return f"{said} (log: {log})"
