"""Prefect's own leftovers, what is kept for a time only, erasures that were not finished, and files that no photo names.

A worker killed while a run was pending leaves that run holding its deployment's concurrency slot, past a restart; a killed
run stays `Running` for ever. Both are set to `Crashed`, which frees the slot. A deployment without a run to come would stop
silently: that fails this run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run as this_run
from prefect.states import Crashed

from flows.runtime import installation, report, run_named
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.idempotency import forget_keys
from ticketing.photos.store import PhotoStore
from ticketing.photos.strays import remove_strays
from ticketing.privacy.service import finish_erasures, open_erasures

PENDING_FOR = timedelta(minutes=5)
"""A process starts in seconds; a run that is pending for longer has lost its worker."""

RUNNING_FOR = timedelta(minutes=1)
"""Younger runs may not have their process id recorded yet."""

PAGE = 200
KEYS_AT_ONCE = 10_000


class SchedulesMissing(Exception):
    """A deployment with an active schedule has no run to come."""


@dataclass(frozen=True, slots=True)
class Leftover:
    run: FlowRun
    why: str


def lost_runs(client: SyncPrefectClient, *, now: datetime) -> list[Leftover]:
    """Runs that no process will ever finish: pending too long, or running in a process of this machine that is gone."""
    pending = [Leftover(run, "pending for more than five minutes") for run in _runs_in(client, "PENDING", before=now - PENDING_FOR)]
    running = [
        Leftover(run, f"its process {run.infrastructure_pid} is gone")
        for run in _runs_in(client, "RUNNING", before=now - RUNNING_FOR)
        if run.infrastructure_pid and run.infrastructure_pid.isdecimal() and not _lives(int(run.infrastructure_pid))
    ]
    return [leftover for leftover in (*pending, *running) if str(leftover.run.id) != this_run.id]


def crash(client: SyncPrefectClient, leftovers: Sequence[Leftover]) -> None:
    """Set them to `Crashed`, whatever the rules say: that gives their slots back."""
    for leftover in leftovers:
        client.set_flow_run_state(leftover.run.id, Crashed(message=f"Set by the janitor: {leftover.why}."), force=True)


def deployments_without_future(client: SyncPrefectClient, *, now: datetime) -> list[str]:
    """Names of deployments that have an active schedule and no run scheduled from `now` on."""
    return [deployment.name_of_flow for deployment in _scheduled(client) if not _has_future(client, deployment.deployment, now)]


def forget_old_keys(database: Database, *, dry_run: bool) -> int:
    """Delete idempotency keys past their time; a dry run counts its first batch and takes it back."""
    forgotten = 0
    while True:
        with database.transaction() as session:
            attempt = session.begin_nested()
            batch = forget_keys(session, now=database_now(session), limit=KEYS_AT_ONCE)
            if dry_run:
                attempt.rollback()
        forgotten += batch
        if dry_run or batch < KEYS_AT_ONCE:
            return forgotten


def remove_stray_photos(store: PhotoStore, database: Database, *, dry_run: bool) -> int:
    """Delete files of photos whose rows never came or are gone; how many."""
    with database.transaction() as session:
        return remove_strays(session, store=store, dry_run=dry_run)


@flow(name="janitor", flow_run_name=run_named("clear what was left behind"), timeout_seconds=300)
def janitor(dry_run: bool = False) -> None:
    """Crash lost runs, forget old keys, finish killed erasures, remove stray photos, and fail when a schedule has stopped.

    A dry run only reports.
    """
    now = utc_now()
    with get_client(sync_client=True) as client:
        leftovers = lost_runs(client, now=now)
        if not dry_run:
            crash(client, leftovers)
        stopped = deployments_without_future(client, now=now)
    with installation() as (settings, database):
        forgotten = forget_old_keys(database, dry_run=dry_run)
        erasures = open_erasures(database) if dry_run else finish_erasures(database, settings=settings)
        strays = remove_stray_photos(PhotoStore(settings.photos_path), database, dry_run=dry_run)
    done = {
        "idempotency keys forgotten": forgotten,
        "erasures finished": erasures,
        "files of no photo removed": strays,
    }
    sentence = headline(leftovers, stopped, done, dry_run=dry_run)
    report("janitor", sentence=sentence, rows=summary(leftovers, stopped, done))
    if stopped and not dry_run:
        raise SchedulesMissing(f"No runs to come: {', '.join(stopped)}. Is the scheduler up? Then run `prefect deploy --all`.")


def headline(leftovers: Sequence[Leftover], stopped: Sequence[str], done: Mapping[str, int], *, dry_run: bool) -> str:
    """What was found and done, in a sentence or two."""
    counts = ", ".join(f"{name}: {count}" for name, count in done.items())
    found = f"{len(leftovers)} lost runs, {len(stopped)} schedules without runs to come; {counts}"
    return f"{found}. Nothing was changed." if dry_run else f"{found}. The runs were set to Crashed."


def summary(leftovers: Sequence[Leftover], stopped: Sequence[str], done: Mapping[str, int]) -> list[dict[str, str | int]]:
    rows: list[dict[str, str | int]] = [{"what": name, "count": count, "detail": ""} for name, count in done.items()]
    rows += [{"what": "lost run", "count": 1, "detail": f"{leftover.run.name}: {leftover.why}"} for leftover in leftovers]
    return rows + [{"what": "schedule without runs to come", "count": 1, "detail": name} for name in stopped]


@dataclass(frozen=True, slots=True)
class _Scheduled:
    deployment: DeploymentResponse
    name_of_flow: str


def _scheduled(client: SyncPrefectClient) -> list[_Scheduled]:
    deployments = client.read_deployments(limit=PAGE)
    active = [d for d in deployments if not d.paused and any(schedule.active for schedule in d.schedules)]
    return [
        _Scheduled(deployment, deployment.entrypoint.rpartition(":")[2] if deployment.entrypoint else deployment.name)
        for deployment in active
    ]


def _has_future(client: SyncPrefectClient, deployment: DeploymentResponse, now: datetime) -> bool:
    scheduled = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": {"after_": now.isoformat()}}
    )
    deployments = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    return bool(client.read_flow_runs(flow_run_filter=scheduled, deployment_filter=deployments, limit=1))


def _runs_in(client: SyncPrefectClient, state: str, *, before: datetime) -> list[FlowRun]:
    """Runs that have been in a state since before an instant."""
    in_state = FlowRunFilter.model_validate({"state": {"type": {"any_": [state]}}})
    runs = client.read_flow_runs(flow_run_filter=in_state, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=PAGE)
    return [run for run in runs if run.state is not None and run.state.timestamp < before]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
