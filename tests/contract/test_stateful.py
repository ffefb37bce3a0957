"""The specification followed along its links, in each role: what one call makes, the next ones read, change and end.

`make contract EXAMPLES=200` takes as many walks in each role, of up to 20 calls.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import Case
from schemathesis.core.transport import Response
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import ensure_resource_availability

from tests.contract import CHECKS, ENDS_THE_SESSION, EXAMPLES
from ticketing.accounts.access import Reach, Role, Rule
from ticketing.aliases import with_aliases
from ticketing.authorisation import RULES

WALKS = 16
"""At least, and on until all that must be reached is."""
MOST_WALKS = 400
STEPS = 20
WEBHOOKS = 20
ENDLESS = "/stream$"
"""Answers without an end: a walk would wait for it. They have tests of their own."""
LIKELY: dict[str, Callable[[int], dict[str, Any]]] = {
    "GET /api/events": lambda _: {"query": {}},
    "GET /api/webhooks": lambda _: {"query": {}},
    "POST /api/events/{id}/holds": lambda number: {"body": {"seats": [number % 50]}},
}
"""What every second of these calls is made to ask, so that it has a good chance to succeed and to lead on."""
PLAN = settings(
    max_examples=WALKS // 2,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CONCERNS: dict[str, Callable[[Rule], bool]] = {
    "buyer": lambda rule: bool(rule.roles & {Role.ANYONE, Role.BUYER}),
    "manager": lambda rule: rule.reach is Reach.VENDOR,
}
"""Where each walks: what a role may not call leads nowhere, and the more of it there is, the less is reached of the rest."""
MUST_BE_REACHED = {
    "buyer": (
        {"GET /api/events/{event_id}"},
        {"POST /api/events/{id}/holds"},
        {"GET /api/holds/{id}", "PATCH /api/holds/{id}", "DELETE /api/holds/{id}", "POST /api/orders"},
    ),
    "manager": ({"GET /api/webhooks/{webhook_id}/deliveries"},),
}
"""A walk must have come along a link to one call of each of these, and it succeeded there: else the walks show nothing."""


@pytest.mark.timeout(1200)  # until all that must be reached is
@pytest.mark.parametrize("role", sorted(MUST_BE_REACHED))
def test_walks_along_links_keep_to_the_specification(site: str, specification: BaseSchema, tokens: Mapping[str, str], role: str) -> None:
    who = {"Authorization": f"Bearer {tokens[role]}"}
    for number in range(WEBHOOKS):  # no answer of ours names the vendor that a walk would need to make one
        httpx.post(f"{site}/api/webhooks", json={"url": f"http://127.0.0.1:8009/{number}", "events": ["order.confirmed"]}, headers=who)
    reached: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    findings: list[str] = []
    walks = 0
    concerned = {f"{method} {path}" for (method, path), rule in with_aliases(RULES).items() if CONCERNS[role](rule)}
    machine: Any = specification.include(lambda found: found.operation.label in concerned).as_state_machine()

    class Walk(machine):  # type: ignore[misc]
        def setup(self) -> None:
            nonlocal walks
            walks += 1
            super().setup()

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            if case.operation.path.startswith(ENDS_THE_SESSION):
                return {}
            return {"headers": who}

        def before_call(self, case: Case[Any]) -> None:
            asked[case.operation.label] += 1
            number = asked[case.operation.label]
            if case.operation.label in LIKELY and number % 2:
                for part, value in LIKELY[case.operation.label](number).items():
                    setattr(case, part, value)

        def step(self, input: StepInput) -> StepOutput:
            output: StepOutput = super().step(input)
            if input.is_applied and output.response.status_code < 300:
                reached[input.case.operation.label] += 1
            return output

        def validate_response(self, response: Response, case: Case[Any], additional_checks: Any = (), **kwargs: Any) -> None:
            try:
                case.validate_response(response, checks=[*CHECKS, ensure_resource_availability], **kwargs)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all findings are told together
                findings.append(str(error))

    def led_on() -> bool:
        return all(calls & reached.keys() for calls in MUST_BE_REACHED[role])

    def enough() -> bool:
        return walks >= max(EXAMPLES, WALKS) and (led_on() or walks >= MOST_WALKS)

    for number in itertools.count():
        if enough():
            break
        # Hypothesis plans walks by what the ones before have met, but the application remembers them: where that confuses it, begin anew.
        with suppress(FlakyStrategyDefinition):
            seed(number)(Walk).run(settings=PLAN)
    assert findings == []
    assert led_on(), reached
