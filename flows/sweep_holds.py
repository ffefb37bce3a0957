"""Holds and orders whose time is over are marked so, and what has taken place as completed. Sales never wait for it."""

from __future__ import annotations

from prefect import flow

from flows.runtime import installation, report, run_named
from ticketing.foundation.db import Database
from ticketing.orders.expire import SweepRun, sweep

BATCH = 1000
MOST_BATCHES = 50
LATE_SECONDS = 180
"""Three runs missed: somebody should look why."""


def sweep_due(database: Database, *, dry_run: bool = False) -> SweepRun:
    """Sweep batch by batch, a transaction each; a dry run counts its first batch and takes it back."""
    total = SweepRun(holds=0, orders=0, events_completed=0, orders_completed=0, latest_seconds=0.0)
    with database.connect() as connection:
        for _ in range(MOST_BATCHES):
            with connection.transaction(force_rollback=dry_run):
                database.set_clock(connection)
                run = sweep(connection, limit=BATCH)
            total = added(total, run)
            if dry_run or max(run.holds, run.orders, run.orders_completed) < BATCH:
                break
    return total


def added(total: SweepRun, run: SweepRun) -> SweepRun:
    return SweepRun(
        holds=total.holds + run.holds,
        orders=total.orders + run.orders,
        events_completed=total.events_completed + run.events_completed,
        orders_completed=total.orders_completed + run.orders_completed,
        latest_seconds=max(total.latest_seconds, run.latest_seconds),
    )


@flow(name="sweep_holds", flow_run_name=run_named("expire what is due"), timeout_seconds=300)
def sweep_holds(dry_run: bool = False) -> None:
    """Expire what is due. A dry run looks at one batch and changes nothing."""
    with installation() as (_, database):
        run = sweep_due(database, dry_run=dry_run)
    report("sweep-holds", sentence=headline(run, dry_run=dry_run), rows=summary(run))


def headline(run: SweepRun, *, dry_run: bool) -> str:
    """What the run did, in a sentence or two."""
    if dry_run:
        return f"{run.holds} holds and {run.orders} orders are due (one batch at most was counted); nothing was changed."
    done = f"{run.holds} holds and {run.orders} orders expired, the latest {run.latest_seconds:.0f} s after its time."
    return f"{done} That is late: look for runs that were missed." if run.latest_seconds > LATE_SECONDS else done


def summary(run: SweepRun) -> list[dict[str, str | int]]:
    return [
        {"what": "holds expired", "rows": run.holds},
        {"what": "orders expired", "rows": run.orders},
        {"what": "events completed", "rows": run.events_completed},
        {"what": "orders completed", "rows": run.orders_completed},
    ]
