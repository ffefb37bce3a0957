"""What accounts, promotions, photos, preferences, outgoing webhooks and erasure add to the first schema.

One file per feature. Rights stand beside the tables they are about: core gets select, insert and update on each new table here;
what a vendor may touch, each file grants itself.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

TABLES = sorted(Path(__file__).with_name("0002_tables").glob("*.sql"))

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for file in TABLES:
        for statement in file.read_text().split(";\n"):
            if statement.strip():
                op.execute(statement)
    op.execute("grant usage on all sequences in schema public to ticketing_core, ticketing_vendor")
