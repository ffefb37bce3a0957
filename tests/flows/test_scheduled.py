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

SCHEDULED_WITHIN_SECONDS = 240
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
        assert server.state_of(lost) == "CRASHED"
        run = wait_for_scheduled(server, "sweep_holds")
        assert run["state_type"] == "COMPLETED", server.message_of(run["id"])
        assert run["auto_scheduled"]
        assert run["deployment_id"] is not None


def wait_for_scheduled(server: FlowServer, flow: str) -> dict[str, Any]:
    """The first run of a flow that its schedule has made and the worker has ended; cancelled ones met another at work."""
    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}
    of_flow = {"flow_runs": ended, "flows": {"name": {"any_": [flow]}}}
    deadline = time.monotonic() + SCHEDULED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        runs: list[dict[str, Any]] = server._call("POST", "/flow_runs/filter", of_flow)
        for run in runs:
            if run["auto_scheduled"]:
                return run
        time.sleep(1)
    raise AssertionError(f"no scheduled run of {flow} ended within {SCHEDULED_WITHIN_SECONDS} s")
