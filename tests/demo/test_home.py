"""The home of a demo: whose it is, what is refused, what is removed."""

from __future__ import annotations

import socket
import stat
import subprocess
from pathlib import Path

import pytest

from ticketing.demo.home import demo_settings, empty
from ticketing.demo.record import DemoRecord, NotADemo, OtherDemo, read_record
from ticketing.demo.run import require_same
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.processes.environment import environment_of, program

RECORD = DemoRecord(seed=3, buyers=40, complete=True, sign_ins=(("owner", "a@demo.example", "secret"),))


def test_record_is_read_as_it_was_written_and_by_its_owner_only(tmp_path: Path) -> None:
    assert read_record(tmp_path / "none") is None
    RECORD.write(tmp_path)
    assert read_record(tmp_path) == RECORD
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600


def test_home_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert read_record(tmp_path) is None
    (tmp_path / "secrets.json").write_text("{}")
    with pytest.raises(NotADemo, match="set TICKETING_HOME"):
        read_record(tmp_path)


def test_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"seed": 1')
    with pytest.raises(NotADemo, match="damaged"):
        read_record(tmp_path)


def test_other_parameters_are_refused_for_whole_data_only() -> None:
    require_same(RECORD, seed=None, buyers=None)
    require_same(RECORD, seed=3, buyers=40)
    require_same(DemoRecord(seed=3, buyers=40), seed=4, buyers=50)
    with pytest.raises(OtherDemo, match="seed 3 and 40 buyers"):
        require_same(RECORD, seed=4, buyers=None)


def test_emptying_keeps_what_the_command_runs_with(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    for name in ("run", "logs", "warehouse"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "logs")
    empty(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "run"]
    assert (tmp_path / "logs" / "file").exists()


def test_demo_never_uses_a_database_or_a_mail_server_of_your_own() -> None:
    with pytest.raises(Misconfigured, match="unset TICKETING_DATABASE_URL"):
        demo_settings(Settings(database_url="postgresql://core@db/ticketing"))
    settings = demo_settings(Settings(smtp_host="mail.example.org", smtp_port=587, port=8123))
    assert (settings.smtp_host, settings.smtp_port) == ("127.0.0.1", 8025)
    assert (settings.environment, settings.public_url) == ("demo", "http://localhost:8123")


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("ticketing"), *arguments], env=environment_of(settings), capture_output=True, text=True, timeout=120, check=False
    )


def test_demo_writes_nothing_when_a_port_is_in_use(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run(Settings(home=home, port=free_port(), desk_url=f"http://localhost:{port}"), "demo", "--once")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.strip() == f"ticketing: Port {port} is in use: stop what listens there, or choose another port."
    assert not home.exists()


def test_clean_demo_removes_a_demo_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home)
    assert run(settings, "clean-demo").stdout == f"There is no demo in {home}.\n"
    home.mkdir()
    (home / "precious").write_text("x")
    refused = run(settings, "clean-demo")
    assert refused.returncode == 2
    assert (home / "precious").exists()
    RECORD.write(home)
    assert run(settings, "clean-demo").returncode == 0
    assert not home.exists()
