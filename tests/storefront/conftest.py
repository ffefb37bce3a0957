"""The whole application in this process, on a database of the module's own, with the fake provider as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests import factories
from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

NewEvent = Callable[..., factories.OnSale]
NewBrowser = Callable[[], TestClient]


@pytest.fixture(scope="session")
def provider(settings: Settings) -> Iterator[FakeProviderProcess]:
    with start_fake_provider(settings) as process:
        yield process


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database, provider: FakeProviderProcess) -> Iterator[FastAPI]:
    app = create_app(settings.model_copy(update={"fake_provider_url": provider.base_url}), module_database)
    with TestClient(app):
        yield app


@pytest.fixture
def new_browser(app: FastAPI) -> NewBrowser:
    """Makes browsers without cookies; they don't follow redirects."""
    return lambda: TestClient(app, base_url="http://localhost:8000", follow_redirects=False)


@pytest.fixture
def browser(new_browser: NewBrowser) -> TestClient:
    return new_browser()


@pytest.fixture
def new_event(module_database: Database) -> NewEvent:
    def make(**overrides: Any) -> factories.OnSale:
        with module_database.transaction() as session:
            return factories.make_event_on_sale(session, **overrides)

    return make
