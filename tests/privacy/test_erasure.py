"""After an erasure nothing of the person is found in any table, the books and figures are what they were, and a kill changes nothing."""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from sql.snapshot import differing_totals, open_snapshot
from sql.warehouse import Warehouse
from tests.privacy.conftest import EMAIL, NAME, PHONE, PLANTED, Scene
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rules import ContactKind
from ticketing.audit.service import SealKey, check_seals, seal
from ticketing.export.roll_up import RollUp, roll_up
from ticketing.foundation import faults
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import Severity, run_all
from ticketing.privacy.parts import PARTS
from ticketing.privacy.service import begin_erasure, carry_out, finish_erasures, person_of

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


def _die_on_the_way(core_url: str, settings: Settings, user_id: UUID, after: int) -> None:
    faults.arm("person_part_erased", after=after)
    database = Database(core_url=core_url, owner_url="", reader_url="")
    carry_out(database, user_id=user_id, cipher=ContactCipher.from_settings(settings))


@pytest.mark.parametrize("after", [1, 4, len(PARTS)])
def test_an_erasure_that_was_killed_is_finished_later(scene: Scene, settings: Settings, after: int) -> None:
    scene.pass_events()
    database, cipher = scene.database, ContactCipher.from_settings(settings)
    with database.transaction() as session:
        person = person_of(session, user_id=scene.user_id, cipher=cipher, now=database_now(session))
        begin_erasure(session, person=person, actor_id=scene.user_id, giving_up=False)
    assert scene.client().get("/api/me").status_code == 401, "shut from the first step on"
    arguments = (database.engine().url.render_as_string(hide_password=False).replace("+psycopg", ""), settings, scene.user_id, after)
    worker = multiprocessing.get_context("spawn").Process(target=_die_on_the_way, args=arguments)
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert scene.query("select finished_at from erasure") == [(None,)]
    assert (scene.found((NAME,)) == []) == (after == len(PARTS))
    assert finish_erasures(database, cipher=cipher) == 1
    assert scene.found(PLANTED) == []
    assert finish_erasures(database, cipher=cipher) == 0
    assert scene.query("select count(*) from audit_entry where action = 'user.erased'") == [(1,)]
