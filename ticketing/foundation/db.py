"""The database: naming convention, column types, the four roles, and `transaction()`.

Roles: `owner` migrates; `core` serves buyers, hot paths and workers; `vendor` serves vendor routes and dashboard actions
under row-level policies; `reader` reads everything and writes nothing (verify, extract, backup).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import DateTime, Dialect, Engine, Enum, MetaData, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from ticketing.foundation import embedded
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings

DATABASE_NAME = "ticketing"

Connection = psycopg.Connection[Any]
"""A bare connection: hot paths and money speak SQL directly."""


def bare(session: Session) -> Connection:
    """The connection under a session, for what is shared with the hot paths; same transaction."""
    return cast(Connection, session.connection().connection.driver_connection)


def named_cursor(connection: Connection, *, binary: bool = False) -> psycopg.Cursor[Any]:
    """A cursor whose rows have the columns as attributes; `binary` is faster for many UUIDs and times."""
    return connection.cursor(row_factory=namedtuple_row, binary=binary)


class Role(StrEnum):
    """A database role; the value is its name in PostgreSQL."""

    OWNER = "ticketing_owner"
    CORE = "ticketing_core"
    VENDOR = "ticketing_vendor"
    READER = "ticketing_reader"


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A `timestamptz` that refuses naive values and answers in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


def text_enum(kind: type[StrEnum], name: str) -> Enum:
    """A text column with a CHECK that holds the values of a `StrEnum`."""
    return Enum(kind, name=name, native_enum=False, create_constraint=True, length=32, values_callable=lambda k: [m.value for m in k])


class Database:
    """Connections to one database, by role. Made once per process, by the composition root."""

    def __init__(self, *, core_url: str, owner_url: str, reader_url: str, pool_size: int = 24) -> None:
        self._urls = {Role.CORE: core_url, Role.OWNER: owner_url, Role.READER: reader_url}
        self._engines: dict[Role, Engine] = {}
        self._pool_size = pool_size
        self.clock: datetime | None = None
        """When set, every transaction runs at this instant: for simulated time. Serving processes never set it."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Database:
        """The configured server, or the embedded one (started if need be)."""
        if settings.database_url is None:
            return cls.embedded(embedded.ensure_running(settings.home_path))
        missing = [name for name in ("database_owner_url", "database_reader_url") if getattr(settings, name) is None]
        if missing:
            raise Misconfigured(f"TICKETING_{missing[0].upper()} is missing: with your own server each role needs its address.")
        return cls(
            core_url=settings.database_url, owner_url=settings.database_owner_url or "", reader_url=settings.database_reader_url or ""
        )

    @classmethod
    def embedded(cls, socket_directory: str, name: str = DATABASE_NAME) -> Database:
        """A database of the embedded server."""

        def url(role: Role) -> str:
            return f"postgresql://{role.value}@/{name}?host={socket_directory}"

        return cls(core_url=url(Role.CORE), owner_url=url(Role.OWNER), reader_url=url(Role.READER))

    def url(self, role: Role) -> str:
        """The libpq address a role connects with (`vendor` connects as core)."""
        return self._urls[Role.CORE if role is Role.VENDOR else role]

    def engine(self, role: Role = Role.CORE) -> Engine:
        login = Role.CORE if role is Role.VENDOR else role
        if login not in self._engines:
            self._engines[login] = create_engine(
                make_url(self._urls[login]).set(drivername="postgresql+psycopg"),
                pool_size=self._pool_size,
                max_overflow=16,
                pool_pre_ping=True,
                hide_parameters=True,  # an error's text goes to logs: it must not hold what people entered
            )
        return self._engines[login]

    @contextmanager
    def transaction(self, role: Role = Role.CORE, *, vendor_ids: Sequence[UUID] = ()) -> Iterator[Session]:
        """One transaction: commits when the block ends, rolls back when it raises.

        As `Role.VENDOR` only rows of `vendor_ids` are visible and writable; without any, nothing is.
        """
        with Session(self.engine(role), expire_on_commit=False) as session, session.begin():
            if self.clock is not None:
                session.execute(text("select set_config('ticketing.now', :now, true)"), {"now": self.clock.isoformat()})
            if role is Role.VENDOR:
                session.execute(
                    text("select set_config('ticketing.vendor_ids', :ids, true)"), {"ids": "{" + ",".join(map(str, vendor_ids)) + "}"}
                )
                session.execute(text(f"set local role {Role.VENDOR.value}"))
            yield session

    def connect(self, role: Role = Role.CORE, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        """A bare connection of its own, for the writer thread, listeners and bulk reads. The caller closes it."""
        try:
            return psycopg.connect(self.url(role), autocommit=autocommit)
        except psycopg.OperationalError as error:
            raise Misconfigured(f"The database does not answer as {role.value}: {str(error).splitlines()[0]}") from error

    def set_clock(self, connection: Connection) -> None:
        """Make the transaction that `connection` is in run at `clock`, when that is set."""
        if self.clock is not None:
            connection.execute("select set_config('ticketing.now', %s, true)", [self.clock.isoformat()])

    def __getstate__(self) -> dict[str, Any]:
        """Another process gets the addresses and opens connections of its own."""
        return self.__dict__ | {"_engines": {}}

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()


def database_now(session: Session) -> datetime:
    """The database's clock: what an edge hands to services as `now`."""
    try:
        now = session.execute(text("select app_now()")).scalar_one()
    except OperationalError as error:
        raise Misconfigured("The database does not answer.") from error
    return UtcDateTime().process_result_value(now, session.get_bind().dialect) or now
