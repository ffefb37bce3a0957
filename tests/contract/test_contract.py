"""The whole specification, fuzzed in each role: no server error, no undocumented answer, no answer that breaks its schema.

More examples: `make contract EXAMPLES=200`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema

from tests.contract import CHECKS, ENDS_THE_SESSION, EXAMPLES, ROLES


def findings(operation: APIOperation[Any, Any, Any, Any], headers: Mapping[str, str]) -> str | None:
    """What is wrong with the answers of one endpoint to somebody."""

    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(headers=dict(headers), checks=list(CHECKS))

    try:
        ask()
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all findings are told together
        return f"{operation.method.upper()} {operation.path}: {error}"
    return None


@pytest.mark.parametrize("role", ROLES)
def test_answers_are_what_the_specification_says(specification: BaseSchema, tokens: Mapping[str, str], role: str) -> None:
    who = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    operations = [found.ok() for found in specification.get_all_operations() if isinstance(found, Ok)]
    asked = [findings(operation, {} if operation.path.startswith(ENDS_THE_SESSION) else who) for operation in operations]
    assert [finding for finding in asked if finding] == []
    assert len(asked) > 40
