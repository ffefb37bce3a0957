"""The application on a port of its own, people in each role, and what the application says of itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import pytest
import schemathesis
import uvicorn
from schemathesis.schemas import BaseSchema

from tests import factories
from tests.contract import ROLES
from tests.providers import FakeProviderProcess, start_fake_provider
from tests.world import wait_for
from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.sessions import open_session
from ticketing.app import create_app
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings


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
