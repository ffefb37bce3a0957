"""The first schema: tables, the clock, stamps for capture, guards, roles' rights and row-level policies."""

from __future__ import annotations

from pathlib import Path

from alembic import op

TABLES = sorted(Path(__file__).with_name("0001_tables").glob("*.sql"))
"""One file per feature, numbered in the order in which they refer to each other."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CLOCK = """
create function app_now() returns timestamptz language sql stable parallel safe
return coalesce(nullif(current_setting('ticketing.now', true), '')::timestamptz, statement_timestamp())
"""

STAMP = """
create function stamp_changed_xid() returns trigger language plpgsql as
'begin new.changed_xid := pg_current_xact_id(); return new; end'
"""

REFUSE_DELETE = """
create function refuse_delete() returns trigger language plpgsql as
'begin raise exception ''rows of % are never deleted: the warehouse reads them'', tg_table_name; end'
"""

CAPTURED = (
    "vendor", "venue", "event", "ticket_type", "hold", "ticket_order", "order_line", "order_event",
    "payment", "refund", "refund_line", "ledger_entry", "ticket",
)  # fmt: skip

APPEND_ONLY = ("audit_entry", "audit_seal", "ledger_entry", "order_event")

CATALOGUE = ("venue", "configuration", "layout", "series", "event", "ticket_type", "payment_account", "event_payment_method", "pool")
"""Rows of a vendor that everyone may read (published or not is the services' matter) and only the vendor may write."""

PRIVATE = ("hold", "ticket_order", "order_line", "payment", "refund", "ledger_entry", "ticket")
"""Rows of a vendor that only the vendor may see."""

CATALOGUE_PARTS = ("section", "layout_seat", "artist", "event_artist", "ticket_type_section", "event_seat")
"""Parts of the above without a vendor of their own."""

FILL_FACTORS = {"event_seat": 70, "buyer_allowance": 70, "pool": 20}
"""Room on the page for HOT updates of hot rows."""

OWN_VENDOR = "vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[])"


def upgrade() -> None:
    op.execute(CLOCK)
    op.execute(STAMP)
    op.execute(REFUSE_DELETE)
    for file in TABLES:
        for statement in file.read_text().split(";\n"):
            if statement.strip():
                op.execute(statement)
    for table, percent in FILL_FACTORS.items():
        op.execute(f"alter table {table} set (fillfactor = {percent})")
    for table in CAPTURED:
        op.execute(f"create trigger {table}_stamp before update on {table} for each row execute function stamp_changed_xid()")
        op.execute(f"create trigger {table}_keep before delete on {table} for each statement execute function refuse_delete()")
    for table in CATALOGUE:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy everyone_reads on {table} for select using (true)")
        op.execute(f"create policy core_writes on {table} to ticketing_core using (true)")
        op.execute(f"create policy vendor_inserts on {table} for insert to ticketing_vendor with check ({OWN_VENDOR})")
        op.execute(f"create policy vendor_updates on {table} for update to ticketing_vendor using ({OWN_VENDOR})")
    for table in PRIVATE:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy core_all on {table} to ticketing_core using (true)")
        op.execute(f"create policy vendor_reads on {table} for select to ticketing_vendor using ({OWN_VENDOR})")
    op.execute("grant select on all tables in schema public to ticketing_reader, ticketing_core")
    op.execute("grant insert, update on all tables in schema public to ticketing_core")
    op.execute("revoke insert, update on alembic_version from ticketing_core")
    op.execute("grant delete on idempotency_key to ticketing_core")
    for table in APPEND_ONLY:
        op.execute(f"revoke update on {table} from ticketing_core")
    for table in (*CATALOGUE, *CATALOGUE_PARTS):
        op.execute(f"grant select, insert, update on {table} to ticketing_vendor")
    for table in (*PRIVATE, "hold_line", "order_event", "refund_line", "vendor", "vendor_member"):
        op.execute(f"grant select on {table} to ticketing_vendor")
    for table in ("audit_entry", "outbox", "idempotency_key"):
        op.execute(f"grant insert on {table} to ticketing_vendor")
    op.execute("grant usage on all sequences in schema public to ticketing_core, ticketing_vendor")
