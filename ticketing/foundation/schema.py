"""Making and checking the schema: roles, database, migrations, and what a serving process insists on."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from ticketing.foundation import embedded
from ticketing.foundation.db import DATABASE_NAME, Database, Role
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"

ROLE_STATEMENTS = (
    "create role ticketing_owner login",
    "create role ticketing_core login",
    "create role ticketing_vendor nologin",
    "create role ticketing_reader login bypassrls",
    "grant ticketing_vendor to ticketing_core with inherit false, set true",
)
"""What the superuser of a server of your own runs once (docs/operations.md)."""


def prepare(settings: Settings) -> Database:
    """Start the embedded server if it is used, make roles and database, migrate to the newest schema; idempotent."""
    if settings.database_url is None:
        socket_directory = embedded.ensure_running(settings.home_path)
        create_database(socket_directory, DATABASE_NAME)
    database = Database.from_settings(settings)
    migrate(database)
    return database


def create_database(socket_directory: str, name: str) -> None:
    """Make the four roles and the database on the embedded server, where they are missing."""
    with psycopg.connect(host=socket_directory, user=embedded.SUPERUSER, dbname="postgres", autocommit=True) as connection:
        existing = {row[0] for row in connection.execute("select rolname from pg_roles").fetchall()}
        if Role.CORE.value not in existing:
            with connection.transaction():
                for statement in ROLE_STATEMENTS:
                    connection.execute(statement)
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create database {} owner ticketing_owner").format(sql.Identifier(name)))


def _alembic(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database"] = database
    return config


def migrate(database: Database) -> None:
    """Bring the schema to the code's version; raises `Misconfigured` for a database that is not ours or is newer."""
    _check_ours(database)
    command.upgrade(_alembic(database), "head")


def _check_ours(database: Database) -> str | None:
    """The schema's version, None when it is empty."""
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    with database.connect(Role.OWNER) as connection:
        tables = {r[0] for r in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()}
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise Misconfigured("This database is not ours: it holds other tables. Point TICKETING_DATABASE_URL to an empty one.")
        row = connection.execute("select version_num from alembic_version").fetchone()
    if row is not None and row[0] not in known:
        raise Misconfigured(f"The database's schema ({row[0]}) is newer than this code: install the newer release.")
    return None if row is None else str(row[0])


def check_serving(database: Database) -> None:
    """What a serving process insists on; raises `Misconfigured`.

    The schema is the code's; the core role is no superuser, owns no table, bypasses no policy; the clock is not set.
    """
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if (version := _check_ours(database)) != head:
        raise Misconfigured(f"The database's schema is {version or 'empty'}, the code's is {head}: run `ticketing init`.")
    with database.connect(Role.CORE) as connection:
        name, superuser, bypasses = connection.execute(
            "select rolname, rolsuper, rolbypassrls from pg_roles where rolname = current_user"
        ).fetchone() or ("?", True, True)
        owns = connection.execute(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'public' and c.relkind in ('r', 'p') and pg_has_role(current_user, c.relowner, 'member')"
        ).fetchone()
        clock = connection.execute("select nullif(current_setting('ticketing.now', true), '')").fetchone()
    for right, has in (("is a superuser", superuser), ("bypasses row-level policies", bypasses), ("owns tables", bool(owns and owns[0]))):
        if has:
            raise Misconfigured(f"Role {name} {right}, and so must not serve: use a role made as docs/operations.md says.")
    if clock and clock[0]:
        raise Misconfigured("The database's clock is set (ticketing.now): reset it before serving.")
