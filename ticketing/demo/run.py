"""The demo from an empty directory to open pages, in one command.

Prefect's server takes some ten seconds to start, so it starts first and is set up by a thread while the buyers act. The
worker starts after them: a flow that sweeps at today's clock must not meet buyers who live in last month.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ticketing.accounts.contact import ContactCipher
from ticketing.demo.flow_runs import FLOWS, run_flows
from ticketing.demo.home import empty
from ticketing.demo.pages import ask_all
from ticketing.demo.progress import Steps
from ticketing.demo.record import DemoRecord, OtherDemo, read_record
from ticketing.foundation import embedded, schema
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings, ensure_secrets
from ticketing.processes.children import Children
from ticketing.processes.flow_server import FlowServer, deploy, start_server, start_worker
from ticketing.processes.web import (
    dashboards_answer,
    require_free_ports,
    start_dashboards,
    start_provider,
    start_sink,
    start_storefront,
    storefront_answers,
)
from ticketing.simulation.buyers import run_buyers
from ticketing.simulation.market import make_season


@dataclass(frozen=True, slots=True)
class DemoRun:
    """What one run of the demo did."""

    record: DemoRecord
    reused: bool
    """The season and its sales were there already."""
    flows: dict[str, str]
    pages: list[str]
    mails: int
    seconds: float

    def as_dict(self, settings: Settings) -> dict[str, Any]:
        return {
            "ok": True,
            "seconds": round(self.seconds, 1),
            "reused": self.reused,
            "home": str(settings.home_path),
            "seed": self.record.seed,
            "vendors": self.record.vendors,
            "events": self.record.events,
            "buyers": self.record.report,
            "mails": self.mails,
            "flows": self.flows,
            "pages": self.pages,
        }


def run_demo(
    settings: Settings,
    *,
    seed: int | None,
    buyers: int | None,
    default_seed: int,
    default_buyers: int,
    steps: Steps,
    ready: Callable[[DemoRun], bool],
) -> None:
    """Make or reuse the data, run the flows, serve everything, call `ready`; stay until interrupted when that answers True.

    Ends all that it started, PostgreSQL included, however it ends. Raises `AlreadyRunning`, `NotADemo`, `OtherDemo`, and
    `Misconfigured` when a port is in use: then nothing was written.
    """
    started = time.monotonic()
    home = settings.home_path
    known = read_record(home)
    require_same(known, seed=seed, buyers=buyers)
    if known is None:
        require_free_ports(settings)  # before the first file is written; later a killed demo's own processes may hold them
    with ExitStack() as stack:
        children = stack.enter_context(Children(logs=home / "logs", records=home / "run" / "demo"))
        require_free_ports(settings)
        stack.callback(_stop_database, settings, children)
        if known is None or not known.complete:
            empty(home)
            known = DemoRecord(seed=default_seed if seed is None else seed, buyers=default_buyers if buyers is None else buyers)
            known.write(home)
        run = _bring_up(settings, children, known, steps=steps, started=started)
        if ready(run):
            children.watch()


def require_same(known: DemoRecord | None, *, seed: int | None, buyers: int | None) -> None:
    """Raises `OtherDemo` when whole data were made with other parameters than are asked for."""
    if known is None or not known.complete:
        return
    if seed not in (None, known.seed) or buyers not in (None, known.buyers):
        raise OtherDemo(
            f"The demo's data were made with seed {known.seed} and {known.buyers} buyers: run `make clean-demo` first for others."
        )


def _stop_database(settings: Settings, children: Children) -> None:
    children.stop()  # whoever is connected first
    embedded.stop(settings.home_path)


def _bring_up(settings: Settings, children: Children, record: DemoRecord, *, steps: Steps, started: float) -> DemoRun:
    reused = record.complete
    with steps.step("PostgreSQL"):
        ensure_secrets(settings)
        database = schema.prepare(settings)
    start_server(children, settings)
    start_sink(children, settings)
    start_provider(children, settings, simulated_clock=True)
    with ThreadPoolExecutor(1) as background:
        deployed = background.submit(deploy, children, settings)
        try:
            if not reused:
                record = _fill(settings, database, record, steps=steps)
            start_storefront(children, settings)
            start_dashboards(children, settings)
            with steps.step("Prefect's server, flows deployed"):
                _wait_for(deployed, children)
        except BaseException:
            children.stop()  # so that the thread does not wait for a server that is not wanted any more
            raise
    with steps.step("Prefect's worker"):
        start_worker(children, settings)
    with steps.counted("Flows", len(FLOWS)) as count:
        flows = run_flows(FlowServer(settings), database, done=count.name)
    with steps.step("Storefront and dashboards"):
        children.wait_ready("storefront", lambda: storefront_answers(settings))
        children.wait_ready("dashboards", lambda: dashboards_answer(settings))
        pages = ask_all(settings)
    database.dispose()
    mails = sum(1 for _ in (settings.home_path / "mail").glob("*.eml"))
    return DemoRun(record=record, reused=reused, flows=flows, pages=pages, mails=mails, seconds=time.monotonic() - started)


def _fill(settings: Settings, database: Database, record: DemoRecord, *, steps: Steps) -> DemoRecord:
    """Make the season and let the buyers act; the record is complete when both are."""
    now = utc_now()
    with steps.counted("Season", 1) as season_made:
        cipher = ContactCipher.from_secrets(settings.secrets)
        season = make_season(database, cipher=cipher, seed=record.seed, now=now, progress=season_made.at)
    with steps.counted("Buyers' visits", record.buyers) as visited:
        report = run_buyers(
            database,
            settings,
            season=season,
            provider_url=settings.fake_provider_url or "",
            buyers=record.buyers,
            seed=record.seed,
            now=now,
            progress=visited.at,
        )
    whole = DemoRecord(
        seed=record.seed,
        buyers=record.buyers,
        complete=True,
        events=len(season.event_ids),
        vendors=len(season.vendor_ids),
        report=report.as_dict(),
        sign_ins=tuple((sign_in.role, sign_in.email, sign_in.password) for sign_in in season.sign_ins),
    )
    whole.write(settings.home_path)
    return whole


def _wait_for(work: Future[None], children: Children) -> None:
    """Like `result()`, and looks at the children meanwhile."""
    while not work.done():
        children.require_alive()
        time.sleep(0.2)
    work.result()
