"""The honest set-up: Prefect's server, prefect.yaml deployed, a process worker, and a run that nobody asked for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings
from ticketing.processes.children import Children
from ticketing.processes.flow_server import FlowServer, deploy, start_server, start_worker

SCHEDULED_WITHIN_SECONDS = 180
"""A minute to the next run and some seconds to start it; the rest is for a busy machine."""


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_scheduled_run_completes_though_a_lost_run_had_its_slot(installed: Settings, tmp_path: Path) -> None:
    settings = Settings(home=installed.home, environment="test", prefect_url=f"http://localhost:{free_port()}")
    with Children(logs=tmp_path / "logs", records=tmp_path / "run") as children:
        start_server(children, settings)
        deploy(children, settings)
        server = FlowServer(settings)
        lost = server.request_run("sweep_holds")
        server._call("POST", f"/flow_runs/{lost}/set_state", {"state": {"type": "PENDING"}})
        start_worker(children, settings)
        assert server.wait_for([lost], timeout_seconds=10) == {lost: "CRASHED"}
        run = wait_for_scheduled(server, "sweep_holds")
        states = server.wait_for([run["id"]], timeout_seconds=120)
        assert states == {run["id"]: "COMPLETED"}, server.message_of(run["id"])
        assert run["auto_scheduled"]
        assert run["deployment_id"] is not None


def wait_for_scheduled(server: FlowServer, flow: str) -> dict[str, Any]:
    """The first run of a flow that its schedule has made and the worker has begun."""
    deadline = time.monotonic() + SCHEDULED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        for run in server.runs(flow):
            if run["auto_scheduled"] and run["state_type"] in ("RUNNING", "COMPLETED", "FAILED"):
                return run
        time.sleep(1)
    raise AssertionError(f"no scheduled run of {flow} was begun within {SCHEDULED_WITHIN_SECONDS} s")
