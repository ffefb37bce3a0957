"""A worker process that sends refunds, and is killed where its test says: `python -m tests.payments.refund_worker PLAN`.

PLAN is JSON: core_url, base_url, api_key, clock (ISO, when this worker lives), and optionally fault, after, fresh_keys.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from uuid import uuid4

from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import ProviderRefund
from ticketing.payments.refunds import RefundRun, send_due_refunds


class FreshKeys(FakeClient):
    """The mistake that keys prevent: each attempt under a key of its own, and nothing is looked up."""

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund:
        return await super().refund(key=f"{key}:{uuid4()}", payment_ref=payment_ref, amount_minor=amount_minor, currency=currency)

    async def find_refund(self, key: str) -> ProviderRefund | None:
        return None


def main() -> None:
    plan = json.loads(sys.argv[1])
    database = Database(core_url=plan["core_url"], owner_url="", reader_url="")
    database.clock = datetime.fromisoformat(plan["clock"])
    kind = FreshKeys if plan.get("fresh_keys") else FakeClient
    client = kind(base_url=plan["base_url"], api_key=plan["api_key"], webhook_secrets=[])
    if "fault" in plan:
        faults.arm(plan["fault"], after=plan["after"])
    while send_due_refunds(database, {"fake": client}, limit=8, at_once=4) != RefundRun():
        pass


if __name__ == "__main__":
    main()
