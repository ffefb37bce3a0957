"""What staff sell at the door is sales, what they give away is tickets without revenue, and killed seats are no capacity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sql.snapshot import differing_totals, open_snapshot
from tests import factories
from tests.orders.counter import Counter
from tests.sql.conftest import Run
from ticketing.accounts.contact import ContactCipher
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings
from ticketing.inventory.rules import BlockReason
from ticketing.orders.booking import Booking

Ask = Callable[..., list[tuple[Any, ...]]]


def test_sales_at_the_door_count_in_full_and_presents_count_without_revenue(
    database: Database, booking: Booking, on_sale: factories.OnSale, settings: Settings, run: Run, ask: Ask, directory: Path
) -> None:
    counter = Counter.open(database, booking, on_sale, ContactCipher.from_settings(settings))
    run()
    sold = counter.sell(seats=[1, 2], places=3)
    counter.block([10, 11])
    counter.give(seats=[10, 20], places=1)
    counter.block([30, 31, 32], BlockReason.KILLED)
    run()
    figures = "sum(tickets), sum(gross_minor), sum(fee_minor), sum(tax_minor), sum(net_minor)"
    by_channel = ask(f"select channel, {figures} from mart_sales_daily group by channel order by channel")
    assert by_channel == [
        ("box_office", 5, sold.total_minor, sold.fee_minor, sold.tax_minor, sold.total_minor),
        ("complimentary", 3, 0, 0, 0, 0),
    ]
    assert ask("select sum(capacity) from dim_ticket_type") == [(50 + 100 - 3,)]
    assert ask("select sum(captured_minor) from fct_payments") == [(sold.total_minor,)]
    compared, differing = differing_totals(open_snapshot(directory))
    assert (compared > 12, differing) == (True, [])
