"""`ticketing simulate` sells through a provider of its own, and says in one sentence when it can't."""

from __future__ import annotations

import orjson
import pytest

from tests import factories
from ticketing.cli import main
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings


@pytest.fixture
def installation(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> factories.OnSale:
    """Something on sale in an installation that commands find."""
    monkeypatch.setenv("TICKETING_HOME", str(settings.home_path))
    monkeypatch.setenv("TICKETING_ENVIRONMENT", "test")
    for name, role in (("", Role.CORE), ("OWNER_", Role.OWNER), ("READER_", Role.READER)):
        monkeypatch.setenv(f"TICKETING_DATABASE_{name}URL", database.url(role))
    with database.transaction() as session:
        return factories.make_event_on_sale(session, seats=20, places=5)


def run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as exit_:
        main(["simulate", *arguments])
    return exit_.value.code


def test_simulate_sells_and_reports_when_a_vendor_has_events_on_sale(
    installation: factories.OnSale, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("--vendor", installation.vendor.slug, "--tickets", "12") == 0
    report = orjson.loads(capfd.readouterr().out.splitlines()[-1])
    assert (report["tickets"], report["events"], report["sold_out"]) == (12, 1, False)
    assert run("--vendor", installation.vendor.slug, "--tickets", "50") == 1
    assert orjson.loads(capfd.readouterr().out.splitlines()[-1])["sold_out"]


@pytest.mark.parametrize(("slug", "environment", "said"), [("nobody", "test", "'nobody'"), ("nobody", "production", "production")])
def test_simulate_says_one_sentence_when_it_can_not(
    installation: factories.OnSale,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    slug: str,
    environment: str,
    said: str,
) -> None:
    monkeypatch.setenv("TICKETING_ENVIRONMENT", environment)
    assert run("--vendor", slug) == 2
    sentence = capfd.readouterr().err.strip()
    assert said in sentence
    assert "\n" not in sentence
