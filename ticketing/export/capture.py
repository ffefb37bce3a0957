"""Reading what has changed, in one REPEATABLE READ snapshot, straight to Arrow.

Every row whose `changed_xid` is at or above the last snapshot's xmin is read, **without an upper bound**: a row that a later
transaction changed again has lost its older image, so a bound would leave it out. Rows may be read twice; the warehouse
merges them by key. After that it equals the snapshot exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi

from ticketing.export.published import PUBLISHED, TOTALS
from ticketing.foundation.db import Database, Role
from ticketing.foundation.errors import Invalid, Misconfigured
from ticketing.foundation.ids import new_id

STATE = """
select
  (select token::text from capture_token where id = 1) as token,
  coalesce((select batch from capture_token where id = 1), 0) as batch,
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint as lowest,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint as highest,
  statement_timestamp() as captured_at
"""


class NaivePeriod(Invalid):
    """A period's instants must carry their offset."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One reading of the core."""

    tables: Mapping[str, pa.Table]
    """Changed rows by table, and `totals` (the core's counts and sums) and `capture` (this reading's own account)."""
    is_full: bool
    token: UUID
    batch: int
    captured_at: datetime
    horizon_lag: int
    """Transactions between the oldest open one and the newest: what an idle open transaction makes us read again."""
    changed: Mapping[str, int]
    """Rows read per table."""


def read_changes(
    database: Database,
    *,
    known: tuple[UUID, int] | None,
    newest_batch: int = 0,
    full: bool = False,
    period: tuple[datetime, datetime] | None = None,
) -> Capture:
    """Read what has changed since the warehouse's last increment.

    `known` is the warehouse's token and watermark (None: it has none). Everything is read when `full`, when the tokens
    differ (either side was restored), or when the watermark lies in the core's future. Rows of orders placed within
    `period` are read again whether they have changed or not. Raises `Misconfigured` when the database does not answer.
    """
    if period is not None and (period[0].tzinfo is None or period[1].tzinfo is None):
        raise NaivePeriod("A period's start and end must carry their offset from UTC.")
    try:
        with dbapi.connect(database.url(Role.READER), autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("begin transaction isolation level repeatable read read only")
            state = _fetch(cursor, STATE).to_pylist()[0]
            fits = known is not None and state["token"] == str(known[0]) and known[1] <= state["highest"]
            low = known[1] if fits and known is not None and not full else None
            literals = None if period is None else (f"'{period[0].isoformat()}'::timestamptz", f"'{period[1].isoformat()}'::timestamptz")
            tables = {table.name: _fetch(cursor, table.select(low=low, period=literals)) for table in PUBLISHED}
            totals = _fetch(cursor, TOTALS)
            cursor.execute("commit")
    except AdbcError as error:
        raise Misconfigured(f"The database can't be read as {Role.READER.value}: {str(error).splitlines()[0]}") from error
    changed = {name: table.num_rows for name, table in tables.items()}
    capture = {
        "batch": 1 + max(state["batch"], newest_batch),
        "watermark_xid": state["lowest"],
        "horizon_lag": state["highest"] - state["lowest"],
        "captured_at": state["captured_at"],
        "is_full": low is None,
        "changed_rows": sum(changed.values()),
    }
    token = new_id()
    account = pa.Table.from_pylist([capture]).append_column("token", pa.array([token.bytes], pa.uuid()))
    return Capture(
        tables={**tables, "totals": totals, "capture": account},
        is_full=low is None,
        token=token,
        batch=capture["batch"],
        captured_at=capture["captured_at"],
        horizon_lag=capture["horizon_lag"],
        changed=changed,
    )


def _fetch(cursor: Any, select: str) -> pa.Table:
    cursor.execute(select)
    return cursor.fetch_arrow_table()


def leave_token(database: Database, capture: Capture) -> None:
    """Say in the core which increment the warehouse has taken in last."""
    with database.connect(Role.CORE) as connection:
        connection.execute(
            "insert into capture_token (id, token, batch) values (1, %(token)s, %(batch)s)"
            " on conflict (id) do update set token = excluded.token, batch = excluded.batch",
            {"token": capture.token, "batch": capture.batch},
        )
