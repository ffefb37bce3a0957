"""`ticketing verify` tells people and machines the same, and its exit code tells scripts."""

from __future__ import annotations

import orjson
import pytest

from tests import factories
from ticketing.cli import main
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings


@pytest.fixture
def installation(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An installation whose commands find this test's database."""
    monkeypatch.setenv("TICKETING_HOME", str(settings.home_path))
    for name, role in (("", Role.CORE), ("OWNER_", Role.OWNER), ("READER_", Role.READER)):
        monkeypatch.setenv(f"TICKETING_DATABASE_{name}URL", database.url(role))
    with database.transaction() as session:
        factories.make_event_on_sale(session)
    return database


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["verify", *arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def test_verify_exits_with_0_when_everything_holds(installation: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    report = orjson.loads(capsys.readouterr().out)
    assert report["ok"]
    assert {i["code"] for i in report["invariants"]} >= {"S1", "M1", "L3", "A1"}


def test_verify_exits_with_1_and_names_the_row_when_a_safety_invariant_is_broken(
    installation: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with installation.connect(Role.OWNER) as owner:
        row = owner.execute("update pool set held = 2 returning id").fetchone()
    assert run() == 1
    out = capsys.readouterr().out
    assert "1 broken" in out
    assert row is not None
    assert f"S4: pool {row[0]} counts 2 held" in out


def test_verify_warns_and_exits_with_0_when_only_a_worker_is_late(installation: Database, capsys: pytest.CaptureFixture[str]) -> None:
    with installation.connect(Role.OWNER) as owner:
        owner.execute(
            "with e as (select id, vendor_id from event limit 1),"
            " b as (insert into user_account (id, kind, display_name) values (gen_random_uuid(), 'guest', 'B') returning id),"
            " h as (insert into hold (id, vendor_id, event_id, buyer_id, state, quantity, created_at, expires_at)"
            "  select gen_random_uuid(), e.vendor_id, e.id, b.id, 'active', 0, app_now(), app_now() - interval '1 hour' from e, b"
            "  returning id)"
            " insert into audit_entry (action, subject_id) select 'hold.created', id from h"
        )
    assert run() == 0
    assert "1 late" in capsys.readouterr().out


def test_verify_says_one_sentence_when_there_is_no_provider_to_compare_with(
    installation: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--with-provider") == 2
    assert capsys.readouterr().err.strip().count("\n") == 0
