"""Planned refunds are sent to the payment provider, and those whose answer was lost are looked up.

Each refund is a row with a key that the provider knows it by, so a run may be killed anywhere and none is paid twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from prefect import flow

from flows.runtime import installation, report, run_named
from ticketing.app import providers_of
from ticketing.foundation.db import Database
from ticketing.foundation.loop import background_loop
from ticketing.payments.outstanding import OutstandingRefunds, outstanding_refunds
from ticketing.payments.providers import PaymentProvider
from ticketing.payments.refunds import RefundRun, send_due_refunds

BATCH = 100
MOST_BATCHES = 100


@dataclass(frozen=True, slots=True)
class RefundBatch:
    done: RefundRun
    left: list[OutstandingRefunds]


def refund_due(database: Database, providers: Mapping[str, PaymentProvider], *, dry_run: bool = False) -> RefundBatch:
    """Send batch by batch until nothing is due; a dry run only counts. A busy provider ends the run: the next one goes on."""
    done = RefundRun()
    for _ in range(0 if dry_run else MOST_BATCHES):
        run = send_due_refunds(database, providers, limit=BATCH)
        done += run
        if run == RefundRun() or run.held_back:
            break
    with database.connect() as connection:
        left = outstanding_refunds(connection)
    return RefundBatch(done=done, left=left)


@flow(name="refund_batch", flow_run_name=run_named("send refunds"), timeout_seconds=600)
def refund_batch(dry_run: bool = False) -> None:
    """Send what is planned, look up what is unknown, try again what has failed."""
    with installation() as (settings, database):
        providers = providers_of(settings)
        try:
            batch = refund_due(database, providers, dry_run=dry_run)
        finally:
            for provider in providers.values():
                asyncio.run_coroutine_threadsafe(provider.close(), background_loop()).result(10)
    report("refund-batch", sentence=headline(batch, dry_run=dry_run), rows=summary(batch))


def headline(batch: RefundBatch, *, dry_run: bool) -> str:
    """What the run did and left, in a sentence or two."""
    left = sum(outstanding.refunds for outstanding in batch.left)
    if dry_run:
        return f"{left} refunds are not done; nothing was sent."
    sentence = f"{batch.done.succeeded} refunds were paid back; {left} are not done."
    if given_up := sum(outstanding.given_up for outstanding in batch.left):
        sentence += f" {given_up} failed as often as is tried: ask the provider why, then plan them anew."
    return sentence


def summary(batch: RefundBatch) -> list[dict[str, str | int]]:
    done = batch.done
    counts = {
        "succeeded": done.succeeded,
        "failed": done.failed,
        "unknown": done.unknown,
        "provider busy": done.busy,
        "our key not accepted": done.denied,
    }
    rows: list[dict[str, str | int]] = [{"what": what, "refunds": refunds} for what, refunds in counts.items()]
    return rows + [
        {"what": f"left: {left.state}", "refunds": left.refunds, "amount_minor": left.amount_minor, "currency": left.currency}
        for left in batch.left
    ]
