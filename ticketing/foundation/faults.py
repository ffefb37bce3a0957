"""Named points at which a test may kill the process. Nothing happens unless a test has armed one."""

from __future__ import annotations

import os
import signal

FAULT_POINTS = {
    "booking_held": "places are held in the transaction that is to order them, and nothing is committed",
    "refund_claimed": "a refund is marked sent, the provider has not been asked",
    "refund_answered": "the provider has answered, nothing is recorded",
    "message_claimed": "a message is marked sending, the mail server has not been asked",
    "message_answered": "the mail server has accepted, nothing is recorded",
    "webhook_claimed": "an attempt is begun, the receiver has not been asked",
    "webhook_answered": "the receiver has answered, nothing is recorded",
    "batch_reencrypted": "some rows are under the new key, the others still under the old one",
    "person_part_erased": "one feature has forgotten a person, the next has not",
    "snapshot_copied": "the new snapshot is written under its draft name",
    "snapshot_renamed": "the new snapshot has its name, the link still names the old one",
}

_armed: dict[str, int] = {}


def arm(name: str, *, after: int = 1) -> None:
    """Kill this process with SIGKILL when `name` is reached for the `after`-th time. For tests."""
    if name not in FAULT_POINTS:
        raise KeyError(f"unknown fault point {name!r}")
    _armed[name] = after


def fault_point(name: str) -> None:
    """Mark a place in the code where a crash must do no harm."""
    if not _armed:
        return
    if name not in FAULT_POINTS:
        raise KeyError(f"unknown fault point {name!r}")
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
