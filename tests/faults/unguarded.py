"""The product with the guard of its claims taken out, for the negative control of tests/faults/test_oversell.py.

A claim then takes a seat whether or not it is free, and places whether or not they are left. Never imported by a test: served by
`python -m tests.faults.unguarded serve …` in processes of its own (each of which runs this module's top again).
"""

from __future__ import annotations

from ticketing.cli import main
from ticketing.inventory import claim

GUARDS = {
    "es.state = 'free' or (es.state = 'held' and es.held_until <= app_now())": "true",
    "and p.sold + p.held + l.quantity <= p.capacity": "",
}


def unguarded(statement: str) -> str:
    for guard, nothing in GUARDS.items():
        if statement.count(guard) != 1:
            raise AssertionError(f"the claim's guard has another wording now: {guard}")
        statement = statement.replace(guard, nothing)
    return statement


claim.CLAIM_SKIPPING = unguarded(claim.CLAIM_SKIPPING)
claim.CLAIM_WAITING = unguarded(claim.CLAIM_WAITING)

if __name__ == "__main__":
    main()
