"""The flows of the demo, each run once by the worker, through its deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Unavailable
from ticketing.messages.outstanding import outstanding_messages
from ticketing.processes.flow_server import FlowServer

STEPS = (("sweep_holds", "refund_batch"), ("deliver_messages", "seal_audit", "roll_up_sales"), ("verify", "janitor"))
"""What runs at once: what moves places and money first, then what tells of it, then what proves it."""

FLOWS = tuple(flow for step in STEPS for flow in step)
PARAMETERS: Mapping[str, Mapping[str, Any]] = {"deliver_messages": {"longest_seconds": 120}}
RUN_SECONDS = 300
MOST_TRIES = 8


class FlowFailed(Unavailable):
    """A flow of the demo did not complete."""


def run_flows(server: FlowServer, database: Database, *, done: Callable[[str], None]) -> dict[str, str]:
    """Run every flow to its end; their final states. Calls `done` with each flow's name. Raises `FlowFailed`.

    The schedules rest meanwhile, and run from here on.
    """
    server.pause_schedules(paused=True)
    states: dict[str, str] = {}
    for step in STEPS:
        waiting = set(step)
        for _ in range(MOST_TRIES):
            runs = {server.request_run(flow, PARAMETERS.get(flow)): flow for flow in sorted(waiting)}
            for run, state in server.wait_for(runs, timeout_seconds=RUN_SECONDS).items():
                flow = runs[run]
                if state == "CANCELLED":  # a scheduled run, begun before the pause, had the slot
                    continue
                if state != "COMPLETED":
                    raise FlowFailed(f"Flow {flow} ended as {state}: {server.message_of(run)}", flow=flow)
                if flow == "deliver_messages" and _mails_wait(database):
                    continue
                waiting.discard(flow)
                states[flow] = state
                done(flow)
            if not waiting:
                break
        else:
            raise FlowFailed(f"Flow {', '.join(sorted(waiting))} got no turn, or did not get done.", flows=sorted(waiting))
    server.pause_schedules(paused=False)
    return states


def _mails_wait(database: Database) -> bool:
    with database.transaction() as session:
        outstanding = outstanding_messages(session, now=database_now(session))
    return outstanding.unplanned + outstanding.due > 0
