"""Every table that knows people has a decision: what is exported, and what erasure does. A new one that nobody thought of fails."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.privacy.parts import PARTS, fates

POINT_TO_PEOPLE = """
select c.conrelid::regclass::text from pg_constraint c where c.contype = 'f' and c.confrelid = 'user_account'::regclass
"""
NAMED_LIKE_PEOPLE = """
select table_name from information_schema.columns
where table_schema = 'public' and data_type = 'uuid'
  and column_name ~ '^(user|buyer|holder|recipient|actor|owner|author|sender|visitor|guest|person|subject|member)_id$|_by(_id)?$'
"""
HOLD_CONTACTS = "select table_name from information_schema.columns where table_schema = 'public' and column_name ~ '_(encrypted|index)$'"


def test_every_table_that_points_to_people_has_a_decision(session: Session) -> None:
    pointing = set(session.execute(text(POINT_TO_PEOPLE)).scalars())
    assert len(pointing) > 12
    assert pointing - fates().keys() == set(), "say in the feature's `personal.py` what is exported and what erasure does"


def test_every_table_with_ids_or_contacts_of_people_has_a_decision(session: Session) -> None:
    """Also where no foreign key stands: ids of people are kept as bare columns, too."""
    found = set(session.execute(text(f"{NAMED_LIKE_PEOPLE} union {HOLD_CONTACTS}")).scalars())
    assert {"audit_entry", "idempotency_key", "buyer_allowance", "user_contact", "push_subscription"} <= found
    assert found - fates().keys() == set()


def test_a_decision_is_one_feature_s_and_about_a_table_that_exists(session: Session) -> None:
    tables = set(session.execute(text("select table_name from information_schema.tables where table_schema = 'public'")).scalars())
    decided = [table for part in PARTS for table in part.fates]
    assert len(decided) == len(set(decided))
    assert set(decided) - tables == set()
    assert [fate for fate in fates().values() if not fate.startswith(("Deleted", "Kept", "Emptied"))] == []


def test_the_page_says_what_is_done() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "privacy.md").read_text()
    said = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, flags=re.MULTILINE))
    assert len(said) > 30
    assert {table: fate for table, fate in said.items() if fates().get(table) != fate} == {}
