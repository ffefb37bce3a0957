"""A reader in a process of its own. It imports little, so that it starts quickly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sql.snapshot import open_snapshot

TORN = """
select m.batch, s.tickets, l.sold, o.confirmed
from meta_publish m,
  (select coalesce(sum(tickets), 0) as tickets from mart_sales_daily) s,
  (select count(*) as sold from fct_order_lines where state in ('confirmed', 'cancelled')) l,
  (select coalesce(sum(core_rows), 0) as confirmed from meta_totals where table_name = 'ticket') o
"""


def read_on(directory: Path, ready: Any, stop: Any, answers: Any) -> None:
    """A reader: asks the newest snapshot again and again, and tells how often, what went wrong, and which it saw."""
    reads, torn, errors, seen = 0, 0, [], set()
    newest = 0
    while not stop.is_set():
        try:
            rows = open_snapshot(directory).cursor().execute(TORN).fetchall()
            batch, *counts = rows[0]
            torn += len(set(counts)) != 1 or len(rows) != 1 or batch < newest
            newest = batch
            seen.add(batch)
        except Exception as error:  # noqa: BLE001 - the point is that there are none of any kind
            errors.append(repr(error))
        reads += 1
        if reads == 1:
            ready.release()
    answers.put((reads, torn, errors, len(seen)))
