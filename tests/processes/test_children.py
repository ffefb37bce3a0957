"""Child processes: started, awaited, stopped with what they started, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ticketing.foundation.ports import free_port
from ticketing.processes.children import AlreadyRunning, ChildFailed, Children, answers, interrupt_owner, stop_leftovers

ENVIRONMENT = dict(os.environ)
SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(child.pid, flush=True); time.sleep(60)",
]


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(logs=tmp_path / "logs", records=tmp_path / "run") as children:
        yield children


def pid_of(tmp_path: Path, name: str) -> int:
    return int(json.loads((tmp_path / "run" / f"{name}.json").read_text())["pid"])


def lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def log_has(tmp_path: Path, name: str, text: str) -> Callable[[], bool]:
    return lambda: text in (tmp_path / "logs" / f"{name}.log").read_text()


def test_child_is_ready_when_its_page_answers(children: Children) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    children.start("web", command, environment=ENVIRONMENT)
    children.wait_ready("web", lambda: answers(f"http://127.0.0.1:{port}/"), timeout_seconds=20)
    children.stop()
    assert not answers(f"http://127.0.0.1:{port}/")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_child_that_dies_at_its_start_is_told_with_its_last_words(children: Children) -> None:
    command = [sys.executable, "-c", "import sys; print('no such table: seats'); sys.exit(3)"]
    children.start("broken", command, environment=ENVIRONMENT)
    with pytest.raises(ChildFailed, match=r"broken ended at its start \(exit code 3\).*no such table: seats"):
        children.wait_ready("broken", lambda: False, timeout_seconds=20)


def test_child_that_is_not_ready_in_time_is_told(children: Children) -> None:
    children.start("slow", SLEEPER, environment=ENVIRONMENT)
    with pytest.raises(ChildFailed, match=r"slow was not ready after 1 s"):
        children.wait_ready("slow", lambda: False, timeout_seconds=1)


def test_command_that_fails_is_told(children: Children) -> None:
    with pytest.raises(ChildFailed, match=r"once failed \(exit code 2\)"):
        children.run("once", [sys.executable, "-c", "raise SystemExit(2)"], environment=ENVIRONMENT)


def test_child_that_ends_while_watched_is_told(children: Children) -> None:
    children.start("brief", [sys.executable, "-c", "import time; time.sleep(0.3)"], environment=ENVIRONMENT)
    with pytest.raises(ChildFailed, match="brief ended"):
        children.watch()


def test_children_are_stopped_with_what_they_started_when_they_ignore_sigterm(tmp_path: Path) -> None:
    with Children(logs=tmp_path / "logs", records=tmp_path / "run", stop_seconds=0.5) as children:
        children.start("deaf", DEAF, environment=ENVIRONMENT)
        assert eventually(log_has(tmp_path, "deaf", "\n"))
        parent, grandchild = pid_of(tmp_path, "deaf"), int((tmp_path / "logs" / "deaf.log").read_text())
        assert lives(grandchild)
    assert not lives(parent)
    assert eventually(lambda: not lives(grandchild))
    assert list((tmp_path / "run").glob("*.json")) == []


def test_children_stop_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    command = textwrap.dedent(f"""
        import signal, sys, time
        def end(*_):
            open({str(order)!r}, "a").write(sys.argv[1])
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(60)
    """)
    with Children(logs=tmp_path / "logs", records=tmp_path / "run") as children:
        for name in "abc":
            children.start(name, [sys.executable, "-c", command, name], environment=ENVIRONMENT)
        assert all(eventually(log_has(tmp_path, name, "up")) for name in "abc")
    assert order.read_text() == "cba"


def test_second_command_is_refused_while_the_first_lives(tmp_path: Path, children: Children) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), Children(logs=tmp_path / "logs", records=tmp_path / "run"):
        pass


COMMAND = """
import os, sys
from pathlib import Path
from ticketing.processes.children import Children
from ticketing.processes.interruption import terminated_as_interrupted
home = Path(sys.argv[1])
with terminated_as_interrupted(), Children(logs=home / "logs", records=home / "run") as children:
    children.start("sleeper", [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"], environment=dict(os.environ))
    try:
        children.watch()
    except KeyboardInterrupt:
        sys.exit(0)
"""


def start_command(tmp_path: Path) -> subprocess.Popen[bytes]:
    command = subprocess.Popen([sys.executable, "-c", COMMAND, str(tmp_path)])
    assert eventually(lambda: (tmp_path / "run" / "sleeper.json").exists() and log_has(tmp_path, "sleeper", "up")(), 30)
    return command


def test_children_of_a_killed_command_are_ended_by_the_next(tmp_path: Path) -> None:
    command = start_command(tmp_path)
    sleeper = pid_of(tmp_path, "sleeper")
    command.kill()
    command.wait()
    assert lives(sleeper)
    with Children(logs=tmp_path / "logs", records=tmp_path / "run"):
        assert not lives(sleeper)


def test_process_id_used_anew_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        (tmp_path / "old.json").write_text(f'{{"pid": {stranger.pid}, "born": "another time"}}')
        (tmp_path / "torn.json").write_text('{"pid": ')
        assert stop_leftovers(tmp_path) == []
        assert stranger.poll() is None
        assert list(tmp_path.glob("*.json")) == []
    finally:
        os.killpg(stranger.pid, signal.SIGKILL)
        stranger.wait()


def test_command_and_its_children_stop_when_another_asks(tmp_path: Path) -> None:
    command = start_command(tmp_path)
    sleeper = pid_of(tmp_path, "sleeper")
    assert interrupt_owner(tmp_path / "run")
    assert command.wait(20) == 0
    assert not lives(sleeper)
    assert not interrupt_owner(tmp_path / "run")


def test_a_task_that_has_ended_is_not_missed_when_the_others_are_looked_at(children: Children) -> None:
    children.start("stays", SLEEPER, environment=ENVIRONMENT)
    children.start("task", [sys.executable, "-c", "pass"], environment=ENVIRONMENT, is_task=True)
    children.start("ends", [sys.executable, "-c", "pass"], environment=ENVIRONMENT)
    with pytest.raises(ChildFailed, match="ends ended"):
        children.watch()
