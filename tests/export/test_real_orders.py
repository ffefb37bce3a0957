"""What the services did is what the dashboards show: sold, cancelled, refunded, paid late and paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sql.scope import Scope, run_query
from sql.snapshot import differing_totals, open_snapshot
from sql.warehouse import Warehouse
from tests.invariants.world import World
from ticketing.export.roll_up import roll_up
from ticketing.foundation.db import Database


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    world = World(database)
    yield world
    world.stop()


def test_figures_equal_the_ledger_and_the_seats_when_services_wrote_the_orders(world: World, database: Database, directory: Path) -> None:
    def turn() -> bool:
        with Warehouse(directory) as warehouse:
            return roll_up(database, warehouse).is_full

    assert turn()
    world.live()
    assert not turn()
    snapshot = open_snapshot(directory)
    compared, differing = differing_totals(snapshot)
    assert compared > 30
    assert differing == []
    event, vendor = world.sale.event, world.sale.vendor
    with database.connect() as connection:
        gross, refunded = connection.execute(
            "select -sum(amount_minor) filter (where journal_kind = 'sale' and account in ('vendor_payable', 'platform_fee', 'tax')),"
            " sum(amount_minor) filter (where journal_kind = 'refund_paid' and account = 'refunds'"
            "   and refund_id in (select id from refund where reason = 'requested'))"
            " from ledger_entry where event_id = %s or refund_id is not null",
            [event.id],
        ).fetchone() or (0, 0)
        seats = connection.execute("select count(*) from event_seat where event_id = %s and state = 'sold'", [event.id]).fetchone()
        places = connection.execute("select sold from pool where id = %s", [world.sale.pool.id]).fetchone()
    assert seats is not None
    assert places is not None
    (totals,) = run_query(snapshot, Scope(vendor.id), "event_kpis", event=event.id).to_pylist()
    assert totals["gross_minor"] - totals["discount_minor"] == gross > 0
    assert totals["refund_minor"] == refunded > 0, "money that came late or twice is no refund of a sale"
    assert totals["sold"] == seats[0] + places[0] > 0
    assert totals["tickets"] - totals["cancelled_tickets"] == totals["sold"]
    assert totals["net_minor"] == gross - refunded
