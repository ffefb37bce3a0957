"""A process that delivers, and is killed or frozen where its test says: `python -m tests.messages.delivery_worker PLAN`.

PLAN is JSON: core_url, home, port, and optionally fault, after (where to die) and clock (ISO, when it lives).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.messages.render import Composer
from ticketing.messages.service import DeliveryRun, deliver_due
from ticketing.messages.smtp import Mailer


def main() -> None:
    plan = json.loads(sys.argv[1])
    database = Database(core_url=plan["core_url"], owner_url="", reader_url="")
    if "clock" in plan:
        database.clock = datetime.fromisoformat(plan["clock"])
    if "fault" in plan:
        faults.arm(plan["fault"], after=plan["after"])
    composer = Composer.from_settings(Settings(home=Path(plan["home"])))
    with Mailer(host="127.0.0.1", port=plan["port"], sender="tickets@example.org") as mailer:
        while deliver_due(database, mailer, composer, limit=4) != DeliveryRun():
            pass


if __name__ == "__main__":
    main()
