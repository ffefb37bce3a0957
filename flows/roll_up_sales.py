"""Sales to the dashboards: read what the core has changed, take it into the warehouse, check it, publish a snapshot."""

from __future__ import annotations

import time
from datetime import datetime

from prefect import flow

from flows.runtime import installation, report, run_named
from sql.warehouse import ChecksFailed, Warehouse
from ticketing.export.roll_up import RollUp
from ticketing.export.roll_up import roll_up as roll_up_into
from ticketing.foundation.db import Database
from ticketing.foundation.errors import Invalid
from ticketing.foundation.settings import Settings

PAUSE_SECONDS = 10
"""Between the turns of a run that loops: a sale is then on the dashboards well within 30 s, for a few per cent of a core."""


class HalfAPeriod(Invalid):
    """A backfill needs both its ends."""


def roll_up(
    settings: Settings,
    database: Database,
    *,
    full: bool = False,
    start: datetime | None = None,
    end: datetime | None = None,
    dry_run: bool = False,
) -> RollUp:
    """Bring the warehouse of `settings` up to date with `database` and publish it.

    `full` reads everything anew; `start` and `end` read orders placed in between again. Raises `sql.warehouse.ChecksFailed`
    (then nothing is published), `WarehouseBusy`, `LiveFileDamaged`, and `HalfAPeriod`.
    """
    if (start is None) != (end is None):
        raise HalfAPeriod("A backfill needs both start and end.")
    period = None if start is None or end is None else (start, end)
    with Warehouse(settings.warehouse_path) as warehouse:
        return roll_up_into(database, warehouse, full=full, period=period, dry_run=dry_run)


@flow(name="roll_up_sales", flow_run_name=run_named("publish sales"))
def roll_up_sales(
    full: bool = False, start: datetime | None = None, end: datetime | None = None, loop_seconds: int = 0, dry_run: bool = False
) -> None:
    """Publish the core's present, again and again for `loop_seconds`: starting a run costs more than a turn does.

    `full` rebuilds; `start` and `end` (with their offset) read the orders placed in between again. A failed check fails the run.
    """
    ends = time.monotonic() + loop_seconds
    with installation() as (settings, database):
        try:
            run, turns = roll_up(settings, database, full=full, start=start, end=end, dry_run=dry_run), 1
            while not dry_run and time.monotonic() + PAUSE_SECONDS < ends:
                time.sleep(PAUSE_SECONDS)
                run, turns = roll_up(settings, database), turns + 1
        except ChecksFailed as error:
            report("roll-up-sales", sentence=WHEN_CHECKS_FAIL, rows=failed_summary(error))
            raise
    report("roll-up-sales", sentence=headline(run, turns=turns), rows=summary(run))


WHEN_CHECKS_FAIL = (
    "The figures don't agree, so nothing was published and the dashboards show the last good snapshot. See the rows below; if the"
    " core is right (`ticketing verify`), run `ticketing warehouse rebuild`."
)


def failed_summary(error: ChecksFailed) -> list[dict[str, str | int]]:
    """One row per failed check, with the first of its findings."""
    return [{"check": name, "rows": len(rows), "first": ", ".join(map(str, rows[0]))} for name, rows in error.failures.items()]


def headline(run: RollUp, *, turns: int = 1) -> str:
    """What the run did, in a sentence or two."""
    read = f"{'Everything' if run.is_full else 'What had changed'} was read as of {run.captured_at:%Y-%m-%d %H:%M:%S} UTC"
    if run.snapshot is None:
        return f"{read}; nothing was written (dry run)."
    often = f"In {turns} turns. " if turns > 1 else ""
    return (
        f"{often}{read}, taken in and found equal to the core's totals, and published as {run.snapshot.name}. Read"
        f" {run.read_seconds:.2f} s, take in {run.apply_seconds:.2f} s, publish {run.publish_seconds:.2f} s. The oldest open"
        f" transaction is {run.horizon_lag} behind; when that grows, look for one that is left open, for it makes each turn read more."
    )


def summary(run: RollUp) -> list[dict[str, str | int]]:
    """Rows read per table of the core, and rows held per table of the warehouse (of the last turn)."""
    read: list[dict[str, str | int]] = [{"table": name, "rows": rows, "what": "read from the core"} for name, rows in run.changed.items()]
    return read + [{"table": name, "rows": rows, "what": "in the warehouse"} for name, rows in run.held.items()]
