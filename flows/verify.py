"""All invariants, hourly. A broken one fails the run: that is the alert."""

from __future__ import annotations

from prefect import flow, task

from flows.runtime import installation, report, run_named
from ticketing.audit.service import SealKey
from ticketing.invariants.runner import InvariantResult, Severity, run_all


class InvariantsBroken(Exception):
    """Seats, money or records are wrong; the run's table says where."""


@task(name="check invariants", retries=2, retry_delay_seconds=20)
def check_invariants() -> list[InvariantResult]:
    """Reads only, so it may be tried again when the database was away."""
    with installation() as (settings, database):
        return run_all(database, seal_key=SealKey.from_secrets(settings.secrets))


@flow(name="verify", flow_run_name=run_named("check every invariant"), timeout_seconds=1800)
def verify(dry_run: bool = False) -> None:
    """Check every invariant in one snapshot. It only reads; a dry run reports what is broken and does not fail."""
    results = check_invariants()
    report("verify", sentence=headline(results), rows=summary(results))
    unsafe = broken(results, Severity.SAFETY)
    if unsafe and not dry_run:
        raise InvariantsBroken(f"Broken: {', '.join(unsafe)}. Stop selling what is concerned, then run `ticketing verify`.")


def broken(results: list[InvariantResult], severity: Severity) -> list[str]:
    """Codes of the invariants of that severity that do not hold."""
    return [result.code for result in results if not result.holds and result.severity is severity]


def headline(results: list[InvariantResult]) -> str:
    """What was found, in a sentence or two."""
    unsafe, late = broken(results, Severity.SAFETY), broken(results, Severity.LATENESS)
    sentence = f"{len(results)} invariants were checked on {sum(result.examined for result in results):,} rows."
    if unsafe:
        sentence += f" Broken: {', '.join(unsafe)}."
    if late:
        sentence += f" Late: {', '.join(late)}, so a worker is down or behind."
    return sentence if unsafe or late else f"{sentence} All hold."


def summary(results: list[InvariantResult]) -> list[dict[str, str | int]]:
    return [
        {
            "code": result.code,
            "invariant": result.title,
            "examined": result.examined,
            "broken": result.broken,
            "severity": result.severity.value,
            "first": f"{result.violations[0].subject}: {result.violations[0].problem}" if result.violations else "",
        }
        for result in results
    ]
