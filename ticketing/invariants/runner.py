"""The invariants: what must be true of all rows at any moment, each a query that returns no rows.

A file `<code>.sql` has a head (`-- code: title`, `-- severity:`, `-- base:`), a statement that counts the rows it examines,
and one that returns `subject` and `problem` of each violation. They only read, and never repair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import cast

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import SealKey, check_seals
from ticketing.foundation.db import Connection, Database, Role
from ticketing.foundation.errors import Misconfigured
from ticketing.invariants.provider import ProviderLists, compare

MOST_SHOWN = 20
"""Violations that are kept of one invariant; all are counted."""

WORK_MEMORY = "128MB"
"""Hash joins over some 100,000 tickets stay in memory."""


class Severity(StrEnum):
    SAFETY = "safety"
    """Something is wrong with seats, money or records: `verify` exits with 1."""
    LATENESS = "lateness"
    """A worker is down or behind: a warning."""


@dataclass(frozen=True, slots=True)
class Invariant:
    code: str
    title: str
    severity: Severity
    base: str
    """The table whose rows it can't miss: examining none while this one has some is a failure."""
    sql: str


@dataclass(frozen=True, slots=True)
class Violation:
    subject: str
    problem: str


@dataclass(frozen=True, slots=True)
class InvariantResult:
    code: str
    title: str
    severity: Severity
    examined: int
    """Rows that were looked at."""
    broken: int
    """Violations; `violations` holds the first of them."""
    violations: tuple[Violation, ...]

    @property
    def holds(self) -> bool:
        return self.broken == 0

    def plus(self, examined: int, violations: tuple[Violation, ...]) -> InvariantResult:
        """The same with what a second look found."""
        shown = (*self.violations, *violations)[:MOST_SHOWN]
        return replace(self, examined=self.examined + examined, broken=self.broken + len(violations), violations=shown)


def parse(sql: str) -> Invariant:
    """Read an invariant from the text of its file."""
    head = [line.removeprefix("-- ") for line in sql.splitlines()[:3]]
    code, title = head[0].split(": ", 1)
    return Invariant(
        code=code, title=title, severity=Severity(head[1].removeprefix("severity: ")), base=head[2].removeprefix("base: "), sql=sql
    )


@cache
def load() -> tuple[Invariant, ...]:
    """All invariants, by code."""
    files = sorted((f for f in resources.files(__package__).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(parse(file.read_text()) for file in files)


def result_of(invariant: Invariant, examined: int, problems: list[tuple[str, str]]) -> InvariantResult:
    shown = tuple(Violation(subject, problem) for subject, problem in problems[:MOST_SHOWN])
    return InvariantResult(invariant.code, invariant.title, invariant.severity, examined, len(problems), shown)


def check(connection: Connection, invariant: Invariant) -> InvariantResult:
    """Run one invariant in the connection's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(invariant.sql.encode())
        ((examined,),) = cursor.fetchall()
        cursor.nextset()
        problems = cursor.fetchall()
        if examined == 0 and not problems:
            cursor.execute(f"select exists (select from {invariant.base})".encode())
            if cursor.fetchone() == (True,):
                problems = [(invariant.base, "has rows, and none was examined")]
    return result_of(invariant, examined, problems)


def refuse_policies(connection: Connection) -> None:
    """Raises `Misconfigured` when row-level policies would hide rows: a check that sees nothing finds nothing."""
    row = connection.execute(
        "select current_user, count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'public' and c.relrowsecurity and row_security_active(c.oid)"
    ).fetchone()
    if row is not None and row[1]:
        raise Misconfigured(f"Role {row[0]} is bound by row-level policies on {row[1]} tables, and so can't verify: give it bypassrls.")


PROVIDER = Invariant("X1", "the provider's list is our list of payments and refunds", Severity.SAFETY, "payment", "")


def run_all(
    database: Database, *, seal_key: SealKey | None = None, providers: Mapping[str, ProviderLists] | None = None
) -> list[InvariantResult]:
    """Check everything in one snapshot, reading as `Role.READER`.

    With `seal_key` A1 recomputes the audit's seals too; with `providers` (by name, what each says it has) X1 is checked.
    """
    engine = database.engine(Role.READER).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with Session(engine) as session, session.begin():
        connection = cast(Connection, session.connection().connection.driver_connection)
        database.set_clock(connection)
        session.execute(text(f"set local work_mem = '{WORK_MEMORY}'"))
        refuse_policies(connection)
        results = [check(connection, invariant) for invariant in load()]
        if seal_key is not None:
            seals = check_seals(session, key=seal_key)
            problems = tuple(Violation("the audit", problem) for problem in seals.problems)
            results = [result.plus(seals.entries, problems) if result.code == "A1" else result for result in results]
        for name, lists in (providers or {}).items():
            results.append(result_of(PROVIDER, *compare(connection, provider=name, lists=lists)))
    return sorted(results, key=lambda result: result.code)
