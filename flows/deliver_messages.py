"""Mails to buyers: planned from the outbox, and sent when they are due.

A run may be killed anywhere: what it has claimed is free again after its lease, and the next run sends it.
"""

from __future__ import annotations

from dataclasses import dataclass

from prefect import flow

from flows.runtime import installation, report, run_named
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import Settings
from ticketing.messages.outstanding import OutstandingMessages, outstanding_messages
from ticketing.messages.senders import send_due
from ticketing.messages.service import DeliveryRun, plan_messages
from ticketing.messages.smtp import Mailer

PLANNED_AT_ONCE = 2000
SENDERS = 2

LONGEST_SECONDS = 50
"""A run ends before the next is due; what is left is the next one's."""


@dataclass(frozen=True, slots=True)
class Delivery:
    planned: int
    sent: DeliveryRun
    left: OutstandingMessages


def deliver(
    settings: Settings,
    database: Database,
    *,
    longest_seconds: float = LONGEST_SECONDS,
    senders: int = SENDERS,
    dry_run: bool = False,
) -> Delivery:
    """Plan all, then send until nothing is due or the time is over. A dry run only counts.

    Raises `Misconfigured` when no mail server is set.
    """
    Mailer.from_settings(settings)  # before anything is planned
    planned, sent = 0, DeliveryRun()
    if not dry_run:
        planned = plan_all(database)
        sent = send_due(settings, database, senders=senders, longest_seconds=longest_seconds)
    with database.transaction() as session:
        left = outstanding_messages(session, now=database_now(session))
    return Delivery(planned=planned, sent=sent, left=left)


def plan_all(database: Database) -> int:
    """Make messages of everything in the outbox; returns how many."""
    planned = 0
    while True:
        with database.transaction() as session:
            run = plan_messages(session, limit=PLANNED_AT_ONCE, now=database_now(session))
        planned += run.planned
        if run.consumed < PLANNED_AT_ONCE:
            return planned


@flow(name="deliver_messages", flow_run_name=run_named("send what is due"), timeout_seconds=600)
def deliver_messages(longest_seconds: float = LONGEST_SECONDS, senders: int = SENDERS, dry_run: bool = False) -> None:
    """Plan and send; stops after `longest_seconds` and leaves the rest to the next run. Many mails go out by `senders` processes."""
    with installation() as (settings, database):
        run = deliver(settings, database, longest_seconds=longest_seconds, senders=senders, dry_run=dry_run)
    report("deliver-messages", sentence=headline(run, dry_run=dry_run), rows=summary(run))


def headline(run: Delivery, *, dry_run: bool) -> str:
    """What the run did and left, in a sentence or two."""
    left = f"{run.left.unplanned} rows of the outbox and {run.left.due} messages wait"
    if dry_run:
        return f"{left}; nothing was sent."
    done = f"{run.sent.accepted} messages were accepted by the mail server; {left}."
    if run.left.given_up:
        done += f" {run.left.given_up} were tried as often as is tried: see message_attempt for the server's answers."
    return done


def summary(run: Delivery) -> list[dict[str, str | int]]:
    counts = {
        "planned": run.planned,
        "accepted": run.sent.accepted,
        "failed, tried again": run.sent.failed,
        "unknown, tried again": run.sent.unknown,
        "suppressed": run.sent.suppressed,
        "left: not planned": run.left.unplanned,
        "left: due": run.left.due,
        "left: later": run.left.later,
        "left: given up": run.left.given_up,
    }
    return [{"what": what, "messages": messages} for what, messages in counts.items()]
