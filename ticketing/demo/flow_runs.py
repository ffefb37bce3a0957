"""The flows of the demo, each run once by the worker, through its deployment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Unavailable
from ticketing.messages.outstanding import outstanding_messages
from ticketing.processes.flow_server import FINAL, POLL_SECONDS, FlowServer

AFTER: Mapping[str, frozenset[str]] = {
    "sweep_holds": frozenset(),
    "refund_batch": frozenset(),
    "deliver_messages": frozenset({"refund_batch"}),
    "deliver_webhooks": frozenset({"deliver_messages"}),
    "seal_audit": frozenset({"sweep_holds", "refund_batch"}),
    "roll_up_sales": frozenset({"sweep_holds", "refund_batch"}),
    "verify": frozenset({"seal_audit"}),
    "janitor": frozenset({"seal_audit"}),
}
"""What each waits for: first what moves places and money, then what tells of it and proves it, while the mails go out."""

FLOWS = tuple(AFTER)
PARAMETERS: Mapping[str, Mapping[str, Any]] = {"deliver_messages": {"longest_seconds": 120}}
ALL_SECONDS = 600
MOST_TRIES = 8


class FlowFailed(Unavailable):
    """A flow of the demo did not complete."""


def run_flows(server: FlowServer, database: Database, *, done: Callable[[str], None]) -> dict[str, str]:
    """Run every flow to its end; their final states. Calls `done` with each flow's name. Raises `FlowFailed`.

    The schedules rest meanwhile, and run from here on.
    """
    server.pause_schedules(paused=True)
    states: dict[str, str] = {}
    running: dict[str, str] = {}
    tries: Counter[str] = Counter()
    deadline = time.monotonic() + ALL_SECONDS
    while len(states) < len(AFTER):
        for flow, before in AFTER.items():
            if flow not in states and flow not in running and before <= states.keys():
                running[flow] = server.request_run(flow, PARAMETERS.get(flow))
        for flow, run in list(running.items()):
            state = server.state_of(run)
            if state in FINAL:
                del running[flow]
                if _is_done(flow, run, state, server, database):
                    states[flow] = state
                    done(flow)
                elif state != "CANCELLED":
                    tries[flow] += 1
        if time.monotonic() > deadline or any(count > MOST_TRIES for count in tries.values()):
            raise FlowFailed(f"Not done in time: {', '.join(sorted(AFTER.keys() - states.keys()))}. See their runs in Prefect's page.")
        time.sleep(POLL_SECONDS)
    server.pause_schedules(paused=False)
    return states


def _is_done(flow: str, run: str, state: str, server: FlowServer, database: Database) -> bool:
    """Whether an ended run was enough; raises `FlowFailed` when it failed."""
    if state == "CANCELLED":
        return False  # a scheduled run, begun before the pause, had the slot, and does the same work meanwhile
    if state != "COMPLETED":
        raise FlowFailed(f"Flow {flow} ended as {state}: {server.message_of(run)}", flow=flow)
    if flow != "deliver_messages":
        return True
    with database.transaction() as session:
        outstanding = outstanding_messages(session, now=database_now(session))
    return outstanding.unplanned + outstanding.due == 0
