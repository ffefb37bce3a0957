"""The application in this process, on a database of the test's own, with the fake provider as a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.providers import FakeProviderProcess, start_fake_provider
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings


@pytest.fixture(scope="module")
def provider(settings: Settings) -> Iterator[FakeProviderProcess]:
    with start_fake_provider(settings) as process:
        yield process


@pytest.fixture
def client(settings: Settings, database: Database, provider: FakeProviderProcess) -> Iterator[TestClient]:
    app = create_app(settings.model_copy(update={"fake_provider_url": provider.base_url}), database)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client
