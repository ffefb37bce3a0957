"""Prefect's server, the deployed flows and a process worker, as child processes; and the little of its HTTP API we need.

Core code never imports Prefect: it starts its programs and speaks HTTP.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import stamina

import ticketing
from ticketing.foundation.errors import Misconfigured, Unavailable
from ticketing.foundation.ports import require_free_port
from ticketing.foundation.settings import Settings
from ticketing.processes.children import Children, answers
from ticketing.processes.environment import environment_of, program

logging.getLogger("stamina").setLevel(logging.ERROR)
"""That Prefect's server was busy for a second is nothing to tell."""

HOST = "127.0.0.1"
"""Prefect's page has no sign-in of its own making, and a cookie of the host reaches its port: loopback only."""

POOL = "ticketing"
RUNS_AT_ONCE = 4
POLL_SECONDS_OF_WORKER = 3
"""Prefect's own ten would be most of the life of a run that takes one second."""

HISTORY_SECONDS = 7 * 24 * 3600
"""Runs older than this are forgotten: five flows a minute write about 100 MB of history a day."""

DEPLOYMENT = "scheduled"
"""Every flow has one deployment of this name (prefect.yaml)."""

FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
POLL_SECONDS = 0.5


class FlowServerRefused(Unavailable):
    """Prefect's server does not answer, or answers with an error."""


def project_directory() -> Path:
    """Where prefect.yaml is; raises `Misconfigured` when the code is installed without it."""
    directory = Path(ticketing.__file__).resolve().parent.parent
    if not (directory / "prefect.yaml").exists():
        raise Misconfigured(f"There is no prefect.yaml in {directory}: run the flows from a checkout of the project.")
    return directory


def port_of(settings: Settings) -> int:
    """The port in TICKETING_PREFECT_URL."""
    return urlsplit(settings.prefect_url).port or 4200


def flow_environment(settings: Settings) -> dict[str, str]:
    """What Prefect's programs are told: a home and SQLite of our own, the auth string, and that nothing is sent anywhere."""
    home = settings.home_path / "prefect"
    return environment_of(settings) | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": f"http://{HOST}:{port_of(settings)}/api",
        "PREFECT_API_AUTH_STRING": settings.secrets.prefect_auth,
        "PREFECT_SERVER_API_AUTH_STRING": settings.secrets.prefect_auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(HISTORY_SECONDS),
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_WORKER_QUERY_SECONDS": str(POLL_SECONDS_OF_WORKER),
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLI_COLORS": "false",
        "DO_NOT_TRACK": "1",
    }


def start_server(children: Children, settings: Settings) -> None:
    """Start Prefect's server without waiting for it (some ten seconds); raises `Misconfigured` when its port is in use."""
    require_free_port(HOST, port_of(settings))
    (settings.home_path / "prefect").mkdir(parents=True, exist_ok=True)
    command = [program("prefect"), "server", "start", "--host", HOST, "--port", str(port_of(settings)), "--log-level", "WARNING"]
    children.start("prefect-server", command, environment=flow_environment(settings))


def deploy(children: Children, settings: Settings) -> None:
    """Wait for the server, make the work pool, deploy prefect.yaml. Deploying again replaces."""
    environment = flow_environment(settings)
    health = f"http://{HOST}:{port_of(settings)}/api/health"
    children.wait_ready("prefect-server", lambda: answers(health), timeout_seconds=120)
    prefect = program("prefect")
    if not FlowServer(settings).has_pool(POOL):
        children.run("prefect-pool", [prefect, "work-pool", "create", POOL, "--type", "process"], environment=environment)
    directory = project_directory()
    children.run(
        "prefect-deploy", [prefect, "--no-prompt", "deploy", "--all"], environment=environment, directory=directory, timeout_seconds=120
    )


def start_worker(children: Children, settings: Settings) -> None:
    """Start the worker that carries out the runs, and wait until the server knows it.

    Runs of a worker before it are lost, and would keep their deployments' slots: they are cleared first.
    """
    FlowServer(settings).clear_runs_of_before()
    command = [program("prefect"), "worker", "start", "--pool", POOL, "--type", "process", "--limit", str(RUNS_AT_ONCE)]
    children.start(
        "prefect-worker",
        [*command, "--name", "ticketing", "--install-policy", "never"],
        environment=flow_environment(settings),
        directory=project_directory(),
    )
    children.wait_ready("prefect-worker", lambda: FlowServer(settings).has_worker(POOL), timeout_seconds=60)


class FlowServer:
    """Prefect's server, asked over HTTP."""

    def __init__(self, settings: Settings) -> None:
        self._api = f"http://{HOST}:{port_of(settings)}/api"
        self._authorization = "Basic " + b64encode(settings.secrets.prefect_auth.encode()).decode()

    def has_pool(self, name: str) -> bool:
        return any(pool["name"] == name for pool in self._call("POST", "/work_pools/filter", {}))

    def has_worker(self, pool: str) -> bool:
        """Whether a worker of the pool reports."""
        return any(worker["status"] == "ONLINE" for worker in self._call("POST", f"/work_pools/{pool}/workers/filter", {}))

    def request_run(self, flow: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Ask for a run of a deployed flow now; returns its id."""
        deployment = self._call("GET", f"/deployments/name/{flow}/{DEPLOYMENT}")
        body = {"parameters": dict(parameters or {}), "idempotency_key": str(uuid4())}
        run = self._call("POST", f"/deployments/{deployment['id']}/create_flow_run", body)
        return str(run["id"])

    def state_of(self, run: str) -> str:
        """The type of a run's state, as in `FINAL`."""
        return str(self._call("GET", f"/flow_runs/{run}")["state_type"])

    def message_of(self, run: str) -> str:
        """What Prefect says of a run's state."""
        state = self._call("GET", f"/flow_runs/{run}")["state"] or {}
        return str(state.get("message") or "no message")

    def clear_runs_of_before(self) -> None:
        """Crash every begun and unfinished run, which frees its slot, and drop late ones. Only while no worker lives.

        Each flow does whatever is due when it runs: making up for runs that were missed would only delay the next.
        """
        begun = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
        late = {"state": {"name": {"any_": ["Late", "AwaitingConcurrencySlot"]}}}
        self._set_all(begun, {"type": "CRASHED", "message": "Its worker was stopped."})
        self._set_all(late, {"type": "CANCELLED", "message": "Missed while no worker ran."})

    def _set_all(self, runs: Mapping[str, Any], state: Mapping[str, str]) -> None:
        while found := self._call("POST", "/flow_runs/filter", {"flow_runs": runs, "limit": 200}):
            for run in found:
                self._call("POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})

    def pause_schedules(self, *, paused: bool) -> None:
        """Stop or resume the schedules of all deployments. Pausing drops their runs to come; asked-for runs still run."""
        for deployment in self._call("POST", "/deployments/filter", {}):
            self._call("POST", f"/deployments/{deployment['id']}/{'pause' if paused else 'resume'}_deployment")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        request = urllib.request.Request(self._api + path, data=content, headers=headers, method=method)  # noqa: S310 - loopback
        try:
            for attempt in stamina.retry_context(on=_may_pass, attempts=8, timeout=60):
                with attempt, urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    answered = answer.read()
                    return json.loads(answered) if answered else None
        except (urllib.error.URLError, OSError, json.JSONDecodeError) as error:
            raise FlowServerRefused(f"Prefect's server did not answer {method} {path}: {error}.") from error


def _may_pass(error: Exception) -> bool:
    """Its SQLite has one writer: 503 says that it was busy."""
    return isinstance(error, urllib.error.HTTPError) and error.code == 503
