"""The SQL files: what they define, in which order they are run, and what their tables and columns mean.

A file is a head comment (what it is, grain, source, units) and one SELECT, in which a comment behind a column tells what it
is. Its folder says what becomes of it: see `sql.layers`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent
LAYERS = ("staging", "dimensions", "facts", "changes", "marts", "meta")
COLUMN = re.compile(r"(\w+),\s+-- (.+)$", re.MULTILINE)


class BadDefinition(ValueError):
    """A file lacks part of its head, or describes a column that is not there."""


@dataclass(frozen=True)
class Definition:
    """One SQL file."""

    name: str
    layer: str
    meaning: str
    grain: tuple[str, ...]
    source: str
    units: str
    select: str
    columns: dict[str, str]
    """Column → what it is, of those that have a comment."""
    reads: frozenset[str]
    """Relations that the SELECT names."""

    @property
    def arrives(self) -> str | None:
        """The staged rows of this increment that it takes in, if it does."""
        return next((name for name in sorted(self.reads) if name.startswith("stg_")), None)

    @property
    def by_event(self) -> bool:
        """Whether it is recomputed for the changed events only."""
        return "changed_events" in self.reads and self.layer == "marts"


def read_definition(path: Path) -> Definition:
    """Read one file; raises `BadDefinition`."""
    text = path.read_text()
    head = [line[3:] for line in text.splitlines() if line.startswith("-- ")]
    labelled = dict(line.split(": ", 1) for line in head[1:] if line.startswith(("grain: ", "source: ", "units: ")))
    if len(labelled) != 3:
        raise BadDefinition(f"{path.name}: its head must give grain, source and units")
    return Definition(
        name=path.stem,
        layer=path.parent.name,
        meaning=head[0],
        grain=tuple(labelled["grain"].split(", ")),
        source=labelled["source"],
        units=labelled["units"],
        select=text,
        columns=dict(COLUMN.findall(text)),
        reads=frozenset(duckdb.get_table_names(text)),
    )


@cache
def definitions() -> tuple[Definition, ...]:
    """All tables and views, each after those that it reads."""
    found = {path.stem: read_definition(path) for layer in LAYERS for path in sorted((ROOT / layer).glob("*.sql"))}
    order = TopologicalSorter({name: sorted(definition.reads & found.keys()) for name, definition in sorted(found.items())})
    return tuple(found[name] for name in order.static_order())


@cache
def checks() -> dict[str, str]:
    """Name → SELECT that gives no rows when all is well."""
    return {path.stem: path.read_text() for path in sorted((ROOT / "checks").glob("chk_*.sql"))}


def published() -> Iterable[Definition]:
    """What a snapshot holds."""
    return (definition for definition in definitions() if definition.layer not in ("staging", "changes"))


@cache
def digest() -> str:
    """SHA-256 over all that makes the tables: a live file made by other SQL is rebuilt."""
    text = "\n".join(f"{definition.name}\n{definition.select}" for definition in definitions())
    return hashlib.sha256(text.encode()).hexdigest()
