"""What the rest of the API's surface stands on: tokens, codes, methods of payment, photos, preferences, profiles.

One file per feature. Rights and row-level policies stand beside the tables they are about.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

TABLES = sorted(Path(__file__).with_name("0003_tables").glob("*.sql"))

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for file in TABLES:
        for statement in file.read_text().split(";\n"):
            if statement.strip():
                op.execute(statement)
    op.execute("grant usage on all sequences in schema public to ticketing_core, ticketing_vendor")
