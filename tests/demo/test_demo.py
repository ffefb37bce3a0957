"""The demo as it is typed: killed half-way, started again, done once; and stopped whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketing.demo.flow_runs import FLOWS
from ticketing.foundation import embedded
from ticketing.foundation.ports import free_port, require_free_port
from ticketing.foundation.settings import Settings
from ticketing.processes.children import answers
from ticketing.processes.environment import environment_of, program
from ticketing.processes.web import ports_of

BUYERS = "60"


@pytest.fixture
def settings_of_demo() -> Iterator[Settings]:
    home = Path(tempfile.mkdtemp(prefix="tkd-"))
    yield Settings(
        home=home / "d",
        port=free_port(),
        desk_url=f"http://localhost:{free_port()}",
        prefect_url=f"http://localhost:{free_port()}",
        fake_provider_url=f"http://localhost:{free_port()}",
        smtp_host="127.0.0.1",
        smtp_port=free_port(),
    )
    embedded.stop(home / "d", mode="immediate")
    shutil.rmtree(home, ignore_errors=True)


def start(settings: Settings) -> subprocess.Popen[str]:
    command = [program("ticketing"), "demo", "--once", "--buyers", BUYERS]
    return subprocess.Popen(command, env=environment_of(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def provider_answers(settings: Settings) -> bool:
    return answers(f"{settings.fake_provider_url}/health".replace("localhost", "127.0.0.1"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_demo_killed_half_way_starts_again_and_ends_clean(settings_of_demo: Settings) -> None:
    settings = settings_of_demo
    killed = start(settings)
    deadline = time.monotonic() + 120
    while not provider_answers(settings):
        assert killed.poll() is None, killed.communicate()[1]
        assert time.monotonic() < deadline, "the demo did not come as far as its provider"
        time.sleep(0.05)
    time.sleep(0.5)  # into the season
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    record = json.loads((settings.home / "demo.json").read_text())
    assert not record["complete"]
    assert provider_answers(settings), "what it had started lives on"

    again = start(settings)
    out, err = again.communicate(timeout=800)
    assert again.returncode == 0, err
    (line,) = out.splitlines()
    told = json.loads(line)
    assert told["ok"]
    assert not told["reused"]
    assert told["events"] >= 50
    assert told["buyers"]["paid"] > 20
    assert told["mails"] >= told["buyers"]["paid"]
    assert set(told["flows"].values()) == {"COMPLETED"}
    assert len(told["flows"]) == len(FLOWS)
    for port in ports_of(settings).values():
        require_free_port("127.0.0.1", port)
    assert not (settings.home / "postgresql" / "postmaster.pid").exists()
    assert list((settings.home / "run" / "demo").glob("*.json")) == []
    assert os.path.realpath(settings.home / "warehouse" / "current.duckdb").endswith(".duckdb")
