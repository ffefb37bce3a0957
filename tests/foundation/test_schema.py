"""The schema: roles are held to their rights, the stamp is renewed, captured rows stay."""

from __future__ import annotations

import importlib

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from tests import factories
from ticketing.catalog.tables import Event
from ticketing.foundation import schema
from ticketing.foundation.db import Base, Database, Role
from ticketing.foundation.errors import Misconfigured
from ticketing.inventory.tables import Pool


def test_serving_is_refused_when_the_role_owns_the_tables(database: Database) -> None:
    schema.check_serving(database)
    as_owner = Database(core_url=database.url(Role.OWNER), owner_url=database.url(Role.OWNER), reader_url=database.url(Role.READER))
    with pytest.raises(Misconfigured, match="owns tables"):
        schema.check_serving(as_owner)


def test_nothing_of_a_vendor_is_visible_when_no_vendor_is_set(database: Database) -> None:
    with database.transaction() as session:
        mine = factories.make_event_on_sale(session)
        other = factories.make_event_on_sale(session)
        buyer = factories.make_buyer(session)
        session.execute(
            text(
                "insert into ticket_order (id, code, vendor_id, buyer_id, currency, subtotal_minor, fee_minor, tax_minor, total_minor,"
                " placed_at, expires_at, channel) select gen_random_uuid(), 'C' || v, v, :buyer, 'EUR', 0, 0, 0, 0, now(), now(), 'web'"
                " from unnest(cast(:vendors as uuid[])) v"
            ),
            {"buyer": buyer.id, "vendors": [mine.vendor.id, other.vendor.id]},
        )
    with database.transaction(Role.VENDOR) as session:
        assert session.execute(text("select count(*) from ticket_order")).scalar_one() == 0
    with database.transaction(Role.VENDOR, vendor_ids=[mine.vendor.id]) as session:
        assert session.execute(text("select vendor_id from ticket_order")).scalars().all() == [mine.vendor.id]
        updated = session.execute(text("update event set title = 'x' where id = :id"), {"id": other.event.id})
        assert updated.rowcount == 0  # type: ignore[attr-defined]
    with database.transaction(Role.READER) as session:
        assert session.execute(text("select count(*) from ticket_order")).scalar_one() == 2


def test_stamp_rises_when_a_captured_row_changes_and_delete_is_refused(database: Database) -> None:
    with database.transaction() as session:
        event_id = factories.make_event_on_sale(session).event.id
    with database.transaction() as session:
        before = session.execute(select(Event.changed_xid).where(Event.id == event_id)).scalar_one()
        session.execute(text("update event set title = 'Matinee' where id = :id"), {"id": event_id})
        after = session.execute(select(Event.changed_xid).where(Event.id == event_id)).scalar_one()
    assert int(after) > int(before)
    with database.connect(Role.OWNER) as owner, pytest.raises(psycopg.errors.RaiseException, match="never deleted"):
        owner.execute("delete from event")


def test_pool_refuses_to_be_oversold(database: Database) -> None:
    with database.transaction() as session:
        pool_id = factories.make_event_on_sale(session, places=5).pool.id
    with pytest.raises(Exception, match="never_over"), database.transaction() as session:
        session.execute(text("update pool set held = 6 where id = :id"), {"id": pool_id})
    with database.transaction() as session:
        assert session.execute(select(Pool.held).where(Pool.id == pool_id)).scalar_one() == 0


def test_the_migrations_make_what_the_code_declares(database: Database) -> None:
    importlib.import_module("ticketing.app")  # knows every table
    with database.engine(Role.OWNER).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_database_of_somebody_else_is_refused(socket_directory: str) -> None:
    schema.create_database(socket_directory, "somebody_else")
    other = Database.embedded(socket_directory, "somebody_else")
    with other.connect(Role.OWNER) as owner:
        owner.execute("create table guests (id int)")
        owner.commit()
    with pytest.raises(Misconfigured, match="not ours"):
        schema.migrate(other)
    other.dispose()


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.connect(Role.OWNER) as owner:
        owner.execute("update alembic_version set version_num = '9999'")
        owner.commit()
    with pytest.raises(Misconfigured, match="newer than this code"):
        schema.migrate(database)
