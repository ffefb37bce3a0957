"""What was written to the audit is sealed: a signed root over the entries, chained to the seal before."""

from __future__ import annotations

from prefect import flow

from flows.runtime import installation, report, run_named
from ticketing.audit.service import SealKey, SealRun, seal
from ticketing.foundation.db import Database, database_now


def seal_written(database: Database, key: SealKey, *, dry_run: bool = False) -> SealRun:
    """Seal all committed entries in one transaction; a dry run takes its seal back."""
    with database.transaction() as session:
        attempt = session.begin_nested()
        run = seal(session, key=key, now=database_now(session))
        if dry_run:
            attempt.rollback()
    return run


@flow(name="seal_audit", flow_run_name=run_named("seal the audit"), timeout_seconds=300)
def seal_audit(dry_run: bool = False) -> None:
    """Seal what was written since the last seal."""
    with installation() as (settings, database):
        run = seal_written(database, SealKey.from_secrets(settings.secrets), dry_run=dry_run)
    report("seal-audit", sentence=headline(run, dry_run=dry_run), rows=[{"entries": run.entries, "seals": run.seals}])


def headline(run: SealRun, *, dry_run: bool) -> str:
    """What the run did, in a sentence."""
    if dry_run:
        return f"{run.entries} entries wait to be sealed; nothing was changed."
    if not run.seals:
        return "Nothing was new, or another sealer was at work."
    return f"{run.entries} entries were sealed."
