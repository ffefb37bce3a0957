"""A process that delivers, and is killed where its test says: `python -m tests.webhooks_out.worker PLAN`.

PLAN is JSON: core_url, home, and optionally fault, after (where to die) and clock (ISO, when it lives).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.foundation.outbound import Outside
from ticketing.foundation.settings import Settings
from ticketing.webhooks_out.deliver import Deliverer, DeliveryRun


def main() -> None:
    plan = json.loads(sys.argv[1])
    settings = Settings(home=Path(plan["home"]), environment="test")
    database = Database(core_url=plan["core_url"], owner_url="", reader_url="")
    if "clock" in plan:
        database.clock = datetime.fromisoformat(plan["clock"])
    if "fault" in plan:
        faults.arm(plan["fault"], after=plan["after"])
    deliverer = Deliverer(database, Outside.from_settings(settings), settings.secrets.derive("webhook-secret"))
    while deliverer.deliver_due(limit=4, at_once=2) != DeliveryRun():
        pass


if __name__ == "__main__":
    main()
