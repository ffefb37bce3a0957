"""Flows as Prefect runs them: names, artifacts, failures that alert; and what the janitor finds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.states import Pending, Running

from flows import deliver_webhooks, janitor, refund_batch, seal_audit, sweep_holds, verify
from flows.janitor import crash, deployments_without_future, lost_runs
from tests.sinks import start_sink
from ticketing.foundation.clock import utc_now
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import InvariantResult, Severity, Violation

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.usefixtures("prefect")


def artifacts(client: SyncPrefectClient) -> dict[str, Any]:
    return {artifact.key: artifact for artifact in client.read_artifacts() if artifact.key}


@pytest.mark.parametrize(
    "run",
    [sweep_holds.sweep_holds, seal_audit.seal_audit, refund_batch.refund_batch, deliver_webhooks.deliver_webhooks, verify.verify],
)
def test_flow_completes_with_one_table_and_a_telling_name(run: Any, environment: Settings) -> None:
    state = run(dry_run=True, return_state=True)
    assert state.is_completed()
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(state.state_details.flow_run_id)
        found = artifacts(client)[run.name.replace("_", "-")]
    assert flow_run.name.endswith("(look only)")
    assert found.type == "table"
    assert found.flow_run_id == flow_run.id
    assert found.description


def test_deliver_messages_completes(environment: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.deliver_messages import deliver_messages

    with start_sink(tmp_path / "mail") as sink:
        monkeypatch.setenv("TICKETING_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("TICKETING_SMTP_PORT", str(sink.port))
        assert deliver_messages(return_state=True).is_completed()


def test_deliver_messages_fails_when_no_mail_server_is_set(environment: Settings) -> None:
    from flows.deliver_messages import deliver_messages

    state = deliver_messages(return_state=True)
    assert state.is_failed()
    assert "TICKETING_SMTP_HOST" in (state.message or "")


def result(severity: Severity, problems: int) -> InvariantResult:
    violations = tuple(Violation("event 1", "sold twice") for _ in range(problems))
    return InvariantResult("S1", "one claim per seat", severity, 10, problems, violations)


def test_only_safety_breaks_verify() -> None:
    late, unsafe = result(Severity.LATENESS, 1), result(Severity.SAFETY, 2)
    assert verify.broken([late, unsafe], Severity.SAFETY) == ["S1"]
    assert verify.broken([late], Severity.SAFETY) == []
    assert "Late: S1" in verify.headline([late])
    assert "All hold" in verify.headline([result(Severity.SAFETY, 0)])
    assert verify.summary([unsafe])[0]["first"] == "event 1: sold twice"


@flow(name="idle")
def idle() -> None:
    """Something to have runs of."""


def test_janitor_crashes_lost_runs_only() -> None:
    now = utc_now()
    with get_client(sync_client=True) as client:
        pending = client.create_flow_run(idle, state=Pending())
        gone = client.create_flow_run(idle, state=Running())
        client.update_flow_run(gone.id, infrastructure_pid="999999999")
        alive = client.create_flow_run(idle, state=Running())
        client.update_flow_run(alive.id, infrastructure_pid="1")
        ours = {pending.id, gone.id, alive.id}
        assert {lost.run.id for lost in lost_runs(client, now=now)} & ours == set()
        found = [lost for lost in lost_runs(client, now=now + timedelta(minutes=6)) if lost.run.id in ours]
        assert {lost.run.id for lost in found} == {pending.id, gone.id}
        crash(client, found)
        states = {run: client.read_flow_run(run).state_type for run in ours}
    assert {run for run, state in states.items() if state is not None and state.value == "CRASHED"} == {pending.id, gone.id}


def test_janitor_fails_when_a_schedule_has_no_runs_to_come(environment: Settings) -> None:
    with get_client(sync_client=True) as client:
        schedule = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(minutes=1)), active=True)
        flow_id = client.create_flow(idle)
        deployment = client.create_deployment(flow_id, name="scheduled", entrypoint="flows/idle.py:idle", schedules=[schedule])
        assert deployments_without_future(client, now=utc_now()) == ["idle"]
        looked = janitor.janitor(dry_run=True, return_state=True)
        ended = janitor.janitor(return_state=True)
        client.pause_deployment(deployment)
        assert deployments_without_future(client, now=utc_now()) == []
    assert looked.is_completed()
    assert ended.is_failed()
    assert "No runs to come: idle" in (ended.message or "")


def test_every_flow_is_deployed_once_and_can_look_only() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    entrypoints = [deployment["entrypoint"] for deployment in deployments]
    assert sorted(entrypoints) == sorted(
        f"flows/{path.name}:{path.stem}" for path in (ROOT / "flows").glob("*.py") if path.stem not in ("__init__", "runtime")
    )
    for deployment in deployments:
        path, _, name = deployment["entrypoint"].partition(":")
        module = __import__(f"flows.{Path(path).stem}", fromlist=[name])
        found = getattr(module, name)
        assert found.name == name
        assert "dry_run" in found.parameters.properties
        assert deployment["concurrency_limit"]["limit"] == 1
        strategy = deployment["concurrency_limit"]["collision_strategy"]
        assert strategy == ("ENQUEUE" if "money" in deployment["tags"] else "CANCEL_NEW")
