"""A process that carries an erasure out, and is killed where its test says: `python -m tests.privacy.erasing_worker PLAN`.

PLAN is JSON: core_url, home, user_id, and `after`, the part after which it dies.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from uuid import UUID

from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.privacy.service import carry_out


def main() -> None:
    plan = json.loads(sys.argv[1])
    settings = Settings(home=Path(plan["home"]), environment="test")
    faults.arm("person_part_erased", after=plan["after"])
    database = Database(core_url=plan["core_url"], owner_url="", reader_url="")
    carry_out(database, user_id=UUID(plan["user_id"]), settings=settings)


if __name__ == "__main__":
    main()
