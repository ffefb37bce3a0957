"""After an erasure nothing of the person is found in any table, the books and figures are what they were, and a kill changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from sql.snapshot import differing_totals, open_snapshot
from sql.warehouse import Warehouse
from tests.privacy.conftest import EMAIL, NAME, PHONE, PLANTED, Scene
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rules import ContactKind
from ticketing.audit.service import SealKey, check_seals, seal
from ticketing.export.roll_up import RollUp, roll_up
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import Severity, run_all
from ticketing.privacy.parts import PARTS
from ticketing.privacy.service import begin_erasure, finish_erasures, open_erasures, person_of

ROOT = Path(__file__).resolve().parents[2]

BOOKS = """
select 'orders', count(*), sum(total_minor)::bigint from ticket_order union all
select 'lines', count(*), sum(price_minor + fee_minor)::bigint from order_line union all
select 'payments', count(*), sum(captured_minor)::bigint from payment union all
select 'ledger', count(*), sum(abs(amount_minor))::bigint from ledger_entry union all
select 'tickets', count(*), count(*) filter (where state = 'valid') from ticket union all
select 'holds', count(*), sum(quantity) from hold
"""


def test_nothing_of_the_person_is_in_any_table_after_erasure(scene: Scene) -> None:
    planted = {table for table, _ in scene.found(PLANTED)}
    assert planted >= {
        "user_account", "user_session", "identity", "idempotency_key", "ticket_order", "message_attempt", "webhook_attempt",
        "provider_event", "payment",
    }  # fmt: skip
    cipher: ContactCipher = scene.app.state.cipher
    indexes = [cipher.blind_index(kind, value).hex() for kind, value in ((ContactKind.EMAIL, EMAIL), (ContactKind.PHONE, PHONE))]
    assert {table for table, _ in scene.found(tuple(indexes))} == {"user_contact", "link_request"}
    scene.pass_events()
    books = scene.query(BOOKS)
    assert scene.erase().status_code == 204
    assert scene.found((*PLANTED, *indexes)) == []
    assert scene.query(BOOKS) == books
    ids = [scene.user_id, scene.guest_id]
    for table in ("user_contact", "user_credential", "user_session", "identity", "account_link", "push_subscription", "message_preference"):
        assert scene.query(f"select count(*) from {table} where user_id = any(:ids)", ids=ids) == [(0,)], table
    assert scene.query("select count(*) from message where state in ('pending', 'sending', 'failed', 'unknown')") == [(0,)]


def test_told_vendors_keep_amounts_and_lose_what_leads_to_the_person(scene: Scene) -> None:
    codes = tuple(row[0] for row in scene.query("select code from ticket_order"))
    assert {table for table, _ in scene.found(codes)} >= {"ticket_order", "webhook_event"}
    scene.pass_events()
    assert scene.erase().status_code == 204
    assert "webhook_event" not in {table for table, _ in scene.found(codes)}
    ((told,),) = scene.query("select sum((body::jsonb -> 'data' ->> 'total_minor')::int)::int from webhook_event")
    assert scene.query("select sum(total_minor)::int from ticket_order") == [(told,)]


def test_ids_of_the_person_are_only_where_a_decision_keeps_them(scene: Scene) -> None:
    scene.pass_events()
    assert scene.erase().status_code == 204
    kept = {table for part in PARTS for table, fate in part.fates.items() if fate.startswith("Kept")}
    left = {table for table, _ in scene.found((str(scene.user_id), str(scene.guest_id)))}
    assert left - kept == set()
    assert {"user_account", "ticket_order", "ticket", "hold", "audit_entry", "erasure"} <= left


def figures(directory: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the newest snapshot, without the random numbers of people and without when it was made."""
    snapshot = open_snapshot(directory)
    cursor: duckdb.DuckDBPyConnection = snapshot.cursor()
    tables = [name for name in snapshot.tables if name.startswith(("fct_", "mart_", "dim_"))]
    found = {}
    for name in tables:
        gone = [column for column in ("referrer", "analytics_id") if column in snapshot.tables[name]]
        select = f"select * {'exclude (' + ', '.join(gone) + ')' if gone else ''} from {name} order by all"
        found[name] = cursor.execute(select).fetchall()
    return found


def people(directory: Path) -> set[UUID]:
    cursor = open_snapshot(directory).cursor()
    tables = ("fct_orders", "fct_holds", "fct_tickets")
    union = " union all ".join(f"select analytics_id from {table}" for table in tables)
    return {row[0] for row in cursor.execute(f"select distinct analytics_id from ({union}) where analytics_id is not null").fetchall()}


def test_the_warehouse_forgets_the_person_and_keeps_its_sums(scene: Scene, tmp_path: Path) -> None:
    def turn(**arguments: Any) -> RollUp:
        with Warehouse(tmp_path) as warehouse:
            return roll_up(scene.database, warehouse, **arguments)

    scene.pass_events()
    turn()
    ids = {row[0] for row in scene.query("select analytics_id from user_account where id = any(:ids)", ids=[scene.user_id, scene.guest_id])}
    assert people(tmp_path) == ids
    before = figures(tmp_path)
    assert len(before["mart_sales_daily"]) > 0
    assert scene.erase().status_code == 204
    run = turn()
    assert not run.is_full, "the change came by capture, not by a rebuild"
    assert people(tmp_path) == set()
    assert figures(tmp_path) == before
    assert differing_totals(open_snapshot(tmp_path))[1] == []
    turn(full=True)
    assert figures(tmp_path) == before


def test_audit_stays_whole_and_invariants_hold_after_erasure(scene: Scene, settings: Settings) -> None:
    key = SealKey.from_secrets(settings.secrets)

    def seal_and_check() -> tuple[str, ...]:
        with scene.database.transaction() as session:
            seal(session, key=key, now=database_now(session))
        with scene.database.transaction() as session:
            return check_seals(session, key=key).problems

    assert seal_and_check() == ()
    assert scene.erase({"password": "correct horse battery", "give_up_tickets": True}).status_code == 204
    assert seal_and_check() == ()
    actions = [row[0] for row in scene.query("select action from audit_entry where subject_id = :user order by id", user=scene.user_id)]
    assert actions[-1] == "user.erased"
    assert "user.erasure_begun" in actions
    assert [result for result in run_all(scene.database) if result.severity is Severity.SAFETY and not result.holds] == []


def test_an_erasure_that_was_killed_again_and_again_is_finished_later(scene: Scene, settings: Settings) -> None:
    scene.pass_events()
    database = scene.database
    with database.transaction() as session:
        person = person_of(session, user_id=scene.user_id, settings=settings, now=database_now(session))
        begin_erasure(session, person=person, actor_id=scene.user_id, giving_up=False)
    assert scene.client().get("/api/me").status_code == 401, "shut from the first step on"
    assert open_erasures(database) == 1
    for after in (2, len(PARTS)):
        plan = {"core_url": database.url(Role.CORE), "home": str(settings.home_path), "user_id": str(scene.user_id), "after": after}
        command = [sys.executable, "-m", "tests.privacy.erasing_worker", json.dumps(plan)]
        worker = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
        assert worker.returncode == -signal.SIGKILL
        assert scene.query("select finished_at from erasure") == [(None,)]
        assert (scene.found((NAME,)) == []) == (after == len(PARTS))
    assert finish_erasures(database, settings=settings) == 1
    assert scene.found(PLANTED) == []
    assert finish_erasures(database, settings=settings) == open_erasures(database) == 0
    assert scene.query("select count(*) from audit_entry where action = 'user.erased'") == [(1,)]
