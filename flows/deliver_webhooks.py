"""Webhooks to vendors' systems: planned from the outbox, and sent when they are due.

A run may be killed anywhere: what it has claimed is free again after its lease, and the next run sends it under the same id.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from prefect import flow

from flows.runtime import installation, report, run_named
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.outbound import Outside
from ticketing.foundation.settings import Settings
from ticketing.webhooks_out.deliver import Deliverer, DeliveryRun
from ticketing.webhooks_out.outstanding import OutstandingWebhooks, outstanding_webhooks
from ticketing.webhooks_out.plan import plan_deliveries
from ticketing.webhooks_out.rules import SECRET_PURPOSE

PLANNED_AT_ONCE = 2000

LONGEST_SECONDS = 50
"""A run ends before the next is due; what is left is the next one's."""


@dataclass(frozen=True, slots=True)
class Delivery:
    planned: int
    sent: DeliveryRun
    left: OutstandingWebhooks


def deliver(settings: Settings, database: Database, *, longest_seconds: float = LONGEST_SECONDS, dry_run: bool = False) -> Delivery:
    """Plan all, then send until nothing is due or the time is over. A dry run only counts."""
    planned, sent = 0, DeliveryRun()
    if not dry_run:
        planned = plan_all(database)
        deliverer = Deliverer(database, Outside.from_settings(settings), settings.secrets.derive(SECRET_PURPOSE))
        end = time.monotonic() + longest_seconds
        while time.monotonic() < end and (run := deliverer.deliver_due()) != DeliveryRun():
            sent += run
    with database.transaction() as session:
        left = outstanding_webhooks(session, now=database_now(session))
    return Delivery(planned=planned, sent=sent, left=left)


def plan_all(database: Database) -> int:
    """Make deliveries of everything in the outbox; returns how many."""
    planned = 0
    while True:
        with database.transaction() as session:
            run = plan_deliveries(session, limit=PLANNED_AT_ONCE, now=database_now(session))
        planned += run.deliveries
        if run.consumed < PLANNED_AT_ONCE:
            return planned


@flow(name="deliver_webhooks", flow_run_name=run_named("tell vendors' systems"), timeout_seconds=600)
def deliver_webhooks(longest_seconds: float = LONGEST_SECONDS, dry_run: bool = False) -> None:
    """Plan and send; stops after `longest_seconds` and leaves the rest to the next run."""
    with installation() as (settings, database):
        run = deliver(settings, database, longest_seconds=longest_seconds, dry_run=dry_run)
    report("deliver-webhooks", sentence=headline(run, dry_run=dry_run), rows=summary(run))


def headline(run: Delivery, *, dry_run: bool) -> str:
    """What the run did and left, in a sentence or two."""
    left = f"{run.left.unplanned} rows of the outbox and {run.left.due} webhooks wait"
    if dry_run:
        return f"{left}; nothing was sent."
    done = f"{run.sent.delivered} webhooks were delivered, {run.sent.failed} are tried again; {left}."
    if run.sent.given_up:
        done += f" {run.sent.given_up} were tried as often as is tried."
    if run.left.disabled:
        done += f" {run.left.disabled} addresses are disabled after failing again and again: their vendors enable them."
    return done


def summary(run: Delivery) -> list[dict[str, str | int]]:
    counts = {
        "planned": run.planned,
        "delivered": run.sent.delivered,
        "failed, tried again": run.sent.failed,
        "given up": run.sent.given_up,
        "not tried: their address failed several times": run.sent.rested,
        "left: not planned": run.left.unplanned,
        "left: due": run.left.due,
        "left: later": run.left.later,
        "left: their address is disabled": run.left.stopped,
    }
    return [{"what": what, "webhooks": webhooks} for what, webhooks in counts.items()]
