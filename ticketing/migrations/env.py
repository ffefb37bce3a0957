"""Alembic's entry: migrations run as the owner, on the database they are given."""

from __future__ import annotations

from alembic import context

import ticketing.accounts.oauth_tables
import ticketing.accounts.tables
import ticketing.audit.tables
import ticketing.catalog.tables
import ticketing.foundation.capture
import ticketing.foundation.idempotency
import ticketing.foundation.outbox
import ticketing.inventory.tables
import ticketing.messages.tables
import ticketing.orders.tables
import ticketing.payments.tables
import ticketing.recommendations.tables
import ticketing.tickets.tables
import ticketing.waitinglist.tables
import ticketing.waitingroom.tables
import ticketing.webhooks_out.tables  # noqa: F401
from ticketing.foundation.db import Base, Database, Role

database: Database = context.config.attributes["database"]
with database.engine(Role.OWNER).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
