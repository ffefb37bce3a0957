"""A Prefect server for the tests that need runs: one for all, in memory of its own, without services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness

from ticketing.foundation import schema
from ticketing.foundation.db import DATABASE_NAME
from ticketing.foundation.settings import Settings

SILENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
}


@pytest.fixture(scope="session")
def installed(settings: Settings, socket_directory: str) -> Settings:
    """The installation that a process with this home finds: its database is prepared."""
    schema.create_database(socket_directory, DATABASE_NAME)
    schema.prepare(settings).dispose()
    return settings


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """Flows called inside run for real, and report to a server of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SILENT.items():
            patch.setenv(name, value)
        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture
def environment(installed: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Flows read the environment: it names the installation of the tests."""
    monkeypatch.setenv("TICKETING_HOME", str(installed.home_path))
    monkeypatch.setenv("TICKETING_ENVIRONMENT", "test")
    return installed
