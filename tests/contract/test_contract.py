"""The whole specification, fuzzed in each role: no server error, no undocumented answer, no answer that breaks its schema.

More examples: `make contract EXAMPLES=200`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import factories
from tests.providers import FakeProviderProcess, start_fake_provider
from tests.world import wait_for
from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.sessions import open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings

EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
ROLES = ("anyone", "buyer", "manager", "operator")
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
ENDS_THE_SESSION = ("/api/logout", "/api/signOut", "/api/sessions", "/api/guests", "/api/register", "/api/signUp")
"""Asked without a session: the other calls need theirs."""


@pytest.fixture(scope="module")
def provider(settings: Settings) -> Iterator[FakeProviderProcess]:
    with start_fake_provider(settings) as process:
        yield process


@pytest.fixture(scope="module")
def site(settings: Settings, module_database: Database, provider: FakeProviderProcess) -> Iterator[str]:
    """The application on a port of its own; the address."""
    app = create_app(settings.model_copy(update={"fake_provider_url": provider.base_url}), module_database)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=free_port(), log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    address = f"http://127.0.0.1:{server.config.port}"
    wait_for(f"{address}/health/ready")
    yield address
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def tokens(module_database: Database) -> Mapping[str, str]:
    with module_database.transaction() as session:
        sale = factories.make_event_on_sale(session)
        people = {role: factories.make_buyer(session) for role in ROLES if role != "anyone"}
        people["operator"].is_operator = True
        accounts.add_member(session, vendor_id=sale.vendor.id, user_id=people["manager"].id, role=MemberRole.MANAGER)
        now = database_now(session)
        return {role: open_session(session, user_id=user.id, audience=Audience.SHOP, now=now) for role, user in people.items()}


@pytest.fixture(scope="module")
def specification(site: str) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{site}/api/openapi.json")


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
