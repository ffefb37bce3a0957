"""Seals: cover what was committed, once, and show every later change."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from ticketing.audit.rules import merkle_root
from ticketing.audit.service import SealCheck, SealKey, SealRun, check_seals, record, record_many, seal
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.settings import Secrets, Settings


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


def test_seals_stay_small_and_keep_transactions_whole_when_much_was_written(database: Database, key: SealKey) -> None:
    write(database, 3)
    with database.transaction() as session:
        record_many(session, [(None, "hold.expired", uuid4()) for _ in range(5)])
    write(database, 4)
    with database.transaction() as session:
        assert seal(session, key=key, now=database_now(session), most_entries=2) == SealRun(entries=12, seals=5)
        sizes = session.execute(text("select entries from audit_seal order by seq")).scalars().all()
    assert sizes == [2, 1, 5, 2, 2]
    assert check(database, key) == SealCheck(entries=12, seals=5, problems=())


def test_only_one_seals_when_two_sealers_run_at_once(database: Database, key: SealKey) -> None:
    write(database, 3)
    with database.transaction() as first:
        assert seal(first, key=key, now=database_now(first)) == SealRun(entries=3, seals=1)
        assert run_seal(database, key) == SealRun(entries=0, seals=0)
    assert run_seal(database, key) == SealRun(entries=0, seals=0)
    assert check(database, key) == SealCheck(entries=3, seals=1, problems=())


def test_an_entry_that_was_rolled_back_leaves_no_gap(database: Database, key: SealKey) -> None:
    write(database, 1)
    with database.connect() as connection:
        connection.execute("insert into audit_entry (action, subject_id) values ('order.placed', gen_random_uuid())")
        connection.rollback()
    write(database, 1)
    assert run_seal(database, key) == SealRun(entries=2, seals=1)
    assert check(database, key).problems == ()


def test_seals_are_refused_when_another_installation_signed_them(database: Database, key: SealKey) -> None:
    write(database, 2)
    run_seal(database, key)
    assert check(database, SealKey.from_secrets(Secrets.generate())).problems == ("seal 1: hash or signature is wrong",)


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


@pytest.mark.parametrize(
    ("leaves", "root"),
    [  # the first leaves of the test tree of RFC 6962's reference implementation (certificate-transparency, merkle_tree_test.cc)
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_roots_are_those_of_the_standard(leaves: int, root: str) -> None:
    tree = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    assert merkle_root([bytes.fromhex(leaf) for leaf in tree[:leaves]]).hex() == root


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
