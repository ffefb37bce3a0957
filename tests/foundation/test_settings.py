"""Settings: named plainly when they are wrong; keys are made once and never replaced."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings, ensure_secrets, load_settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TICKETING_PORT", "eighty", "TICKETING_PORT"),
        ("TICKETING_ENVIRONMENT", "staging", "TICKETING_ENVIRONMENT"),
        ("TICKETING_COLOUR", "blue", "Unknown setting TICKETING_COLOUR"),
    ],
)
def test_setting_is_named_when_it_is_wrong_or_unknown(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=said):
        load_settings()


def test_settings_are_read_when_they_are_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TICKETING_HOME", str(tmp_path))
    monkeypatch.setenv("TICKETING_PORT", "8100")
    settings = load_settings()
    assert (settings.home_path, settings.port, settings.warehouse_path) == (tmp_path, 8100, tmp_path / "warehouse")


def test_keys_are_missed_and_damage_is_named_when_they_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="ticketing init"):
        _ = Settings(home=tmp_path).secrets
    (tmp_path / "secrets.json").write_text('{"ticket_key_id": "k1"}')
    with pytest.raises(Misconfigured, match="damaged"):
        _ = Settings(home=tmp_path).secrets
    (tmp_path / "secrets.json").write_text('{"ticket_')
    with pytest.raises(Misconfigured, match="damaged"):
        _ = Settings(home=tmp_path).secrets


def test_keys_are_the_same_for_all_when_processes_make_them_at_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "deep" / "home")
    program = "from ticketing.foundation.settings import *; s = load_settings(); ensure_secrets(s); print(s.secrets.blind_index_key)"
    environment = os.environ | {"TICKETING_HOME": str(settings.home)}
    processes = [subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    keys = {process.communicate()[0].decode().strip() for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert keys == {settings.secrets.blind_index_key}
    path = settings.secrets_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secrets.json"]
    before = json.loads(path.read_text())
    ensure_secrets(settings)
    assert json.loads(path.read_text()) == before
    assert len(settings.secrets.bytes_of("ticket_signing_key")) == 32
