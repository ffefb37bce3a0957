"""Fixtures: a real PostgreSQL for the run, a session rolled back per test, a database of its own where tests must commit."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.orm import Session

from tests import factories
from ticketing.foundation import embedded, schema
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings, ensure_secrets
from ticketing.orders.booking import Booking

TEMPLATE = "ticketing_template"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-browser", action="store_true", help="fail, rather than skip, where no Chromium is found")
    parser.addoption("--fault-seconds", type=float, default=12, help="how long the order path is run while its processes are killed")
    parser.addoption("--oversell-clients", type=int, default=120, help="clients that want more than there is")
    parser.addoption("--oversell-seats", type=int, default=140, help="a multiple of twenty, at most ten a client")
    parser.addoption("--screenshots", type=Path, metavar="DIRECTORY", help="keep the browser tests' pictures there")


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A short path: PostgreSQL's socket lies below it."""
    path = Path(tempfile.mkdtemp(prefix="tkt-"))
    yield path
    embedded.stop(path, mode="immediate")
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    settings = Settings(home=home, environment="test")
    ensure_secrets(settings)
    return settings


@pytest.fixture(scope="session")
def socket_directory(settings: Settings) -> str:
    """The embedded server, with a migrated template database."""
    directory = embedded.ensure_running(settings.home_path)
    schema.create_database(directory, TEMPLATE)
    template = Database.embedded(directory, TEMPLATE)
    schema.migrate(template)
    template.dispose()
    return directory


def _clone(socket_directory: str) -> str:
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(host=socket_directory, user=embedded.SUPERUSER, dbname="postgres", autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner ticketing_owner").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        )
    return name


def _drop(socket_directory: str, name: str) -> None:
    with psycopg.connect(host=socket_directory, user=embedded.SUPERUSER, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def shared_database(socket_directory: str) -> Iterator[Database]:
    """For tests that roll back."""
    database = Database.embedded(socket_directory, _clone(socket_directory))
    yield database
    database.dispose()


@pytest.fixture
def session(shared_database: Database) -> Iterator[Session]:
    """A core session whose work is rolled back; commits inside become savepoints."""
    with shared_database.engine(Role.CORE).connect() as connection:
        transaction = connection.begin()
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()


@pytest.fixture
def database(socket_directory: str) -> Iterator[Database]:
    """A database of this test's own, for work that must commit (threads, processes, flows)."""
    name = _clone(socket_directory)
    database = Database.embedded(socket_directory, name)
    yield database
    database.dispose()
    _drop(socket_directory, name)


@pytest.fixture(scope="module")
def module_database(socket_directory: str) -> Iterator[Database]:
    """A database shared by the tests of one module."""
    name = _clone(socket_directory)
    database = Database.embedded(socket_directory, name)
    yield database
    database.dispose()
    _drop(socket_directory, name)


@pytest.fixture
def booking(database: Database) -> Iterator[Booking]:
    """A running engine on this test's database; it knows no provider."""
    booking = Booking(database, providers={})
    booking.start()
    yield booking
    booking.stop()


@pytest.fixture
def on_sale(database: Database) -> factories.OnSale:
    with database.transaction() as session:
        return factories.make_event_on_sale(session)


@pytest.fixture
def buyers(database: Database) -> list[UUID]:
    with database.transaction() as session:
        return factories.buyer_ids(session, 40)
