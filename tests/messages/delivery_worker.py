"""A process that delivers, and is killed or frozen where its test says: `python -m tests.messages.delivery_worker PLAN`.

PLAN is JSON: core_url, home, port, and optionally fault, after (where to die) and clock (ISO, when it lives).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from ticketing.accounts.contact import ContactCipher
from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.messages.service import DeliveryRun, deliver_due
from ticketing.messages.smtp import Mailer
from ticketing.tickets.qr import TicketSigner


def main() -> None:
    plan = json.loads(sys.argv[1])
    secrets = Settings(home=Path(plan["home"])).secrets
    database = Database(core_url=plan["core_url"], owner_url="", reader_url="")
    if "clock" in plan:
        database.clock = datetime.fromisoformat(plan["clock"])
    if "fault" in plan:
        faults.arm(plan["fault"], after=plan["after"])
    cipher, signer = ContactCipher.from_secrets(secrets), TicketSigner.from_secrets(secrets)
    with Mailer(host="127.0.0.1", port=plan["port"], sender="tickets@example.org") as mailer:
        while deliver_due(database, mailer, cipher=cipher, signer=signer, public_url="http://localhost", limit=4) != DeliveryRun():
            pass


if __name__ == "__main__":
    main()
