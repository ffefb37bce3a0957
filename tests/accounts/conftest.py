"""Keys and moments that the tests of accounts share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.settings import Secrets

NOW = datetime(2027, 4, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def cipher() -> ContactCipher:
    return ContactCipher.from_secrets(Secrets.generate())
