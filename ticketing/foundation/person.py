"""What a feature keeps on people, and how it gives it out and forgets it: each feature has one `Part` for its own tables.

`ticketing.privacy` lists the parts and carries them out; features know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

ROWS_AT_ONCE = 500
"""How many rows of an export are in memory together."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wants their data, or to be forgotten."""

    user_id: UUID
    ids: tuple[UUID, ...]
    """Everybody that they are: the account and the guests whose purchases it has claimed."""
    now: datetime
    decrypt: Callable[[bytes, str], str]
    """(what is stored, id of the key) → the words."""
    photos: Path
    """Where the files of photos lie."""


Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """What one feature keeps on people."""

    name: str
    fates: Mapping[str, str]
    """Table → what erasure does to a person's rows, and why; also of tables that hold people's ids alone."""
    export: Callable[[Session, Person], Iterator[tuple[str, Rows]]]
    """(table, a person's rows in it), one table after the other; rows are read while they are taken."""
    erase: Callable[[Session, Person], None]
    """Forget the person, in the caller's transaction. It may be killed and done again: files go before the rows that name them."""


def rows_of(session: Session, select: str, **parameters: Any) -> Rows:
    """The rows of a select, read piece by piece: take them all before the session is asked anything else."""
    pieces = {"yield_per": ROWS_AT_ONCE}
    for row in session.execute(text(select), parameters, execution_options=pieces).mappings():
        yield dict(row)
