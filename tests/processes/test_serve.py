"""`ticketing serve`: several processes, one killed, a port in use, a database that was not prepared."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketing.foundation import schema
from ticketing.foundation.db import DATABASE_NAME
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.processes.children import Children, answers
from ticketing.processes.environment import environment_of, program


@pytest.fixture
def prepared(settings: Settings, socket_directory: str) -> Settings:
    schema.create_database(socket_directory, DATABASE_NAME)
    schema.prepare(settings).dispose()
    return settings


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(logs=tmp_path / "logs", records=tmp_path / "run") as children:
        yield children


def children_of(pid: int) -> set[int]:
    """Direct children that serve; uvicorn's resource tracker is none."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            line = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"resource_tracker" not in line:
            found.add(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads process ids from /proc")
def test_serve_goes_on_and_replaces_a_process_when_one_is_killed(prepared: Settings, children: Children, tmp_path: Path) -> None:
    port = free_port()
    command = [program("ticketing"), "serve", "--port", str(port), "--processes", "2"]
    children.start("serve", command, environment=environment_of(prepared))
    children.wait_ready("serve", lambda: answers(f"http://127.0.0.1:{port}/health/ready"), timeout_seconds=90)
    supervisor = int((tmp_path / "run" / "serve.json").read_text().split('"pid": ')[1].split(",")[0])
    before = children_of(supervisor)
    assert len(before) == 2
    victim = min(before)
    os.kill(victim, 9)
    deadline = time.monotonic() + 60
    while len(now := children_of(supervisor) - {victim}) < 2:
        assert time.monotonic() < deadline, "the killed process was not replaced"
        time.sleep(0.2)
    assert now & before, "the other one went on"
    children.wait_ready("serve", lambda: answers(f"http://127.0.0.1:{port}/health/ready"), timeout_seconds=60)


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("ticketing"), *arguments], env=environment_of(settings), capture_output=True, text=True, timeout=60, check=False
    )


def test_port_in_use_is_one_sentence(prepared: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run(prepared, "serve", "--port", str(port))
    assert answer.returncode == 2
    assert answer.stderr.strip().splitlines()[-1] == f"ticketing: Port {port} is in use: stop what listens there, or choose another port."


def test_flows_are_refused_when_prefects_port_is_in_use(prepared: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run(prepared.model_copy(update={"prefect_url": f"http://localhost:{port}"}), "flows")
    assert answer.returncode == 2
    assert f"Port {port} is in use" in answer.stderr
