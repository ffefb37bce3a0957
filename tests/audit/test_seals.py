"""Seals: cover what was committed, once, and show every later change."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from ticketing.audit.rules import merkle_root
from ticketing.audit.service import SealCheck, SealKey, SealRun, check_seals, record, seal
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.settings import Settings


@pytest.fixture
def key(settings: Settings) -> SealKey:
    return SealKey.from_secrets(settings.secrets)


def write(database: Database, count: int) -> None:
    for _ in range(count):
        with database.transaction() as session:
            record(session, actor_id=uuid4(), action="order.placed", subject_id=uuid4(), digest=b"d")


def run_seal(database: Database, key: SealKey) -> SealRun:
    with database.transaction() as session:
        return seal(session, key=key, now=database_now(session))


def check(database: Database, key: SealKey) -> SealCheck:
    with database.transaction(Role.READER) as session:
        return check_seals(session, key=key)


def test_each_entry_is_sealed_once_when_sealing_runs_again(database: Database, key: SealKey) -> None:
    write(database, 3)
    assert run_seal(database, key) == SealRun(entries=3, seals=1)
    assert run_seal(database, key) == SealRun(entries=0, seals=0)
    write(database, 2)
    assert run_seal(database, key) == SealRun(entries=2, seals=1)
    assert check(database, key) == SealCheck(entries=5, seals=2, problems=())


def test_an_entry_is_sealed_later_when_its_transaction_commits_late(database: Database, key: SealKey) -> None:
    with database.connect() as slow:
        slow.execute("insert into audit_entry (action, subject_id) values ('order.placed', gen_random_uuid())")
        write(database, 2)
        assert run_seal(database, key).entries == 0  # the slow one is older than both: the horizon waits for it
        slow.commit()
    assert run_seal(database, key).entries == 3
    assert check(database, key).problems == ()


@pytest.mark.parametrize(
    "tampering",
    [
        "update audit_entry set action = 'order.cancelled' where id = (select min(id) from audit_entry)",
        "delete from audit_entry where id = (select max(id) from audit_entry)",
        "insert into audit_entry (xid, action, subject_id) select xid, 'x', gen_random_uuid() from audit_entry limit 1",
        "update audit_seal set merkle_root = sha256('x') where seq = 1",
        "update audit_seal set signature = sha256('x') where seq = 2",
        "delete from audit_seal where seq = 1",
    ],
)
def test_tampering_is_found(database: Database, key: SealKey, tampering: str) -> None:
    for _ in range(2):
        write(database, 3)
        run_seal(database, key)
    assert check(database, key).problems == ()
    with database.connect(Role.OWNER) as owner:
        owner.execute(tampering)
        owner.commit()
    assert check(database, key).problems


def test_the_core_role_can_neither_change_nor_remove_entries(database: Database) -> None:
    write(database, 1)
    for statement in ("update audit_entry set action = 'x'", "delete from audit_entry", "delete from audit_seal"):
        with database.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40, unique=True), st.data())
def test_the_root_changes_when_any_leaf_or_the_order_does(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:index], leaves[index] + b"x", *leaves[index + 1 :]]
    assert merkle_root(leaves) != merkle_root(changed)
    assert merkle_root(leaves) != merkle_root([*leaves, leaves[-1]])
    if len(leaves) > 1:
        assert merkle_root(leaves) != merkle_root(leaves[::-1])


def test_digests_are_optional(database: Database, key: SealKey) -> None:
    with database.transaction() as session:
        record(session, actor_id=None, action="hold.expired", subject_id=uuid4())
        assert session.execute(text("select digest from audit_entry")).scalar_one() is None
    run_seal(database, key)
    assert check(database, key).problems == ()
