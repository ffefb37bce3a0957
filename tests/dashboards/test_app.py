"""What the dashboards say when something is wrong, and the command that serves them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboards
from dashboards.data import desk
from ticketing.foundation import schema
from ticketing.foundation.settings import Settings

APP = str(Path(dashboards.__file__).parent / "app.py")


def test_a_page_that_fails_names_a_reference_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETING_HOME", str(tmp_path))
    monkeypatch.setenv("TICKETING_PORT", "not a port")
    desk.clear()
    app = AppTest.from_file(APP, default_timeout=30).run()
    assert "tell the operator this reference" in app.error[0].value
    assert "TICKETING_PORT" not in app.error[0].value
    assert [button.label for button in app.button] == ["Try again"]


def test_a_port_in_use_is_said_in_one_sentence(settings: Settings, socket_directory: str) -> None:
    schema.prepare(settings).dispose()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "ticketing.cli", "dashboards", "--port", str(port)]
        environment = {**os.environ, "TICKETING_HOME": str(settings.home_path)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert str(port) in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
