"""Each invariant passes a world in which everything has happened, and catches rows that are broken on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from tests.invariants.world import World
from ticketing.audit.service import SealKey, seal
from ticketing.foundation.db import Connection, Database, Role
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Secrets
from ticketing.invariants import runner
from ticketing.invariants.provider import compare, read_lists

BY_CODE = {invariant.code: invariant for invariant in runner.load()}

ONE_TICKET = "(select id from ticket where state = 'valid' and seat_no = 0)"
PAID_ORDER = "(select order_id from ticket where state = 'valid' and seat_no = 0)"
PAYING = f"(select paid_by_payment from ticket_order where id = {PAID_ORDER})"
LIVE_HOLD = "(select id from hold where state = 'active')"
SOME_REFUND = "(select id from refund where state = 'succeeded' and reason = 'requested' order by id limit 1)"
OTHER_VENDOR = f"(select id from vendor where id <> (select vendor_id from ticket_order where id = {PAID_ORDER}))"
SALE_ENTRY = f"(select id from ledger_entry where order_id = {PAID_ORDER} and account = 'vendor_payable')"
COPY_REFUND = (
    "insert into refund select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(){0}))).* from refund r"
    f" where id = {SOME_REFUND}"
)

BROKEN = {
    "S1: a second hold claims a held seat": (
        "S1",
        f"create temp table twin on commit drop as select * from hold where id = {LIVE_HOLD}; update twin set id = gen_random_uuid();"
        " insert into hold select * from twin;"
        " insert into hold_line select (jsonb_populate_record(l, jsonb_build_object('hold_id', t.id))).* from twin t"
        " join hold h on h.state = 'active' and h.id <> t.id join hold_line l on l.hold_id = h.id and l.seat_no is not null",
    ),
    "S1: a held seat is given away": (
        "S1",
        f"update event_seat set state = 'free', hold_id = null, held_until = null where hold_id = {LIVE_HOLD}",
    ),
    "S1: a seat is held for nobody": (
        "S1",
        "update event_seat set state = 'held', hold_id = gen_random_uuid(), held_until = app_now() + interval '1 hour' where seat_no = 30",
    ),
    "S2: a sold seat is free again": ("S2", "update event_seat set state = 'free', ticket_id = null where seat_no = 0"),
    "S2: a seat is sold without a ticket": (
        "S2",
        "update event_seat set state = 'sold', ticket_id = gen_random_uuid() where seat_no = 31",
    ),
    "S2: a ticket of a confirmed line is cancelled": ("S2", f"update ticket set state = 'cancelled' where id = {ONE_TICKET}"),
    "S2: a ticket names another seat": ("S2", f"update ticket set seat_no = 33 where id = {ONE_TICKET}"),
    "S2: a pool counts one too many": ("S2", "update pool set sold = sold + 1"),
    "S3: a pool is oversold": ("S3", "alter table pool drop constraint pool_never_over_check; update pool set capacity = 1"),
    "S4: a pool's held places leak": ("S4", "update pool set held = held + 1"),
    "S4: an allowance leaks": ("S4", "update buyer_allowance set taken = taken - 1 where taken > 0"),
    "S4: a hold says another quantity": ("S4", f"update hold set quantity = quantity + 1 where id = {LIVE_HOLD}"),
    "H1: a hold is overdue": ("H1", f"update hold set expires_at = app_now() - interval '3 minutes' where id = {LIVE_HOLD}"),
    "H2: sold after the end without a flag": ("H2", "update ticket_order set late_reclaim = false where late_reclaim"),
    "H2: confirmed a second too late": (
        "H2",
        "update ticket_order o set confirmed_at = h.expires_at from hold h where h.order_id = o.id and h.state = 'converted'",
    ),
    "H3: a buyer has more than the cap": (
        "H3",
        "alter table buyer_allowance drop constraint buyer_allowance_cap_check; update buyer_allowance set allowed = 1 where taken > 1",
    ),
    "B1: a blocked seat is in no block": ("B1", "update event_block_seat set ended_at = app_now() where ended_at is null and seat_no = 42"),
    "B1: a seat of a block is free": ("B1", "update event_seat set state = 'free', block_reason = null where seat_no = 43"),
    "B1: a seat is blocked for another reason than its block": ("B1", "update event_seat set block_reason = 'house' where seat_no = 43"),
    "B1: a sold seat keeps the reason of a block": ("B1", "update event_seat set block_reason = 'house' where seat_no = 40"),
    "M1: money without an order or a refund": (
        "M1",
        "alter table refund disable trigger user; alter table refund drop constraint refund_vendor_id_payment_id_fkey;"
        " update refund set payment_id = gen_random_uuid();"
        " update payment set captured_at = app_now() - interval '16 minutes' where captured_minor > 0",
    ),
    "M2: a confirmed order whose payment took nothing": (
        "M2",
        f"update payment set captured_minor = 0, captured_at = null where id = {PAYING}",
    ),
    "M2: a present that costs something": (
        "M2",
        "update order_line l set price_minor = 100 from ticket_order o where o.id = l.order_id and o.channel = 'complimentary'"
        " and o.state = 'confirmed'; update ticket_order set subtotal_minor = 300, total_minor = 300"
        " where channel = 'complimentary' and state = 'confirmed'",
    ),
    "M2: an order that was sold and has no payment": (
        "M2",
        "update ticket_order set paid_by_payment = null where channel = 'box_office'",
    ),
    "M2: an expired order that is paid": ("M2", f"update ticket_order set state = 'expired' where id = {PAID_ORDER}"),
    "M2: a line that lapsed in a paid order": (
        "M2",
        f"update order_line set state = 'lapsed' where order_id = {PAID_ORDER} and line_no = 1",
    ),
    "M2: an order that is not the sum of its lines": (
        "M2",
        f"update order_line set price_minor = price_minor + 1 where order_id = {PAID_ORDER}",
    ),
    "M2: a payment that says refunded and gave nothing": ("M2", f"update payment set state = 'refunded' where id = {PAYING}"),
    "M2: a refund for a place that stands": (
        "M2",
        f"update refund_line set order_line_id = (select order_line_id from ticket where id = {ONE_TICKET}) where order_line_id ="
        f" (select order_line_id from refund_line where refund_id = {SOME_REFUND} limit 1)",
    ),
    "M3: a second payment is kept": (
        "M3",
        "update payment set refund_reserved_minor = 0, refunded_minor = 0"
        " where id in (select payment_id from refund where reason = 'double_capture')",
    ),
    "M3: one payment pays two orders": ("M3", f"update ticket_order set paid_by_payment = {PAYING} where confirmed_at is not null"),
    "L1: a journal is out by a cent": ("L1", f"update ledger_entry set amount_minor = amount_minor + 1 where id = {SALE_ENTRY}"),
    "L2: a sale was never booked": (
        "L2",
        f"alter table ledger_entry disable trigger user; delete from ledger_entry where order_id = {PAID_ORDER} and journal_kind = 'sale'",
    ),
    "L2: a refund was paid and not booked": (
        "L2",
        "alter table ledger_entry disable trigger user; delete from ledger_entry where journal_kind = 'refund_paid'",
    ),
    "L3: an entry is rewritten": (
        "L3",
        f"update ledger_entry set recorded_at = app_now() where journal_id = (select journal_id from ledger_entry where id = {SALE_ENTRY})",
    ),
    "L3: a serving role may rewrite entries": ("L3", "grant update on ledger_entry to ticketing_core"),
    "L3: the guard against deleting is off": ("L3", "alter table ledger_entry disable trigger ledger_entry_keep"),
    "R1: more is given back than was taken": (
        "R1",
        f"update refund set amount_minor = amount_minor + 100000 where id = {SOME_REFUND}",
    ),
    "R1: a refund without a reservation": ("R1", COPY_REFUND.format(", 'batch_id', gen_random_uuid()")),
    "R1: a place is given back twice": (
        "R1",
        f"update refund_line set amount_minor = amount_minor * 3 where refund_id = {SOME_REFUND}",
    ),
    "R2: a payment is refunded twice in a batch": (
        "R2",
        "alter table refund drop constraint refund_batch_id_payment_id_key; " + COPY_REFUND.format(""),
    ),
    "R3: an answer is missing for two days": (
        "R3",
        f"update refund set state = 'unknown' where id = {SOME_REFUND};"
        " update refund_attempt set started_at = app_now() - interval '2 days'",
    ),
    "N1: a slot is filled twice": (
        "N1",
        "alter table message drop constraint message_kind_recipient_id_subject_id_due_at_channel_key;"
        " insert into message select (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid()))).* from message m",
    ),
    "N1: an order is confirmed under two slots": (
        "N1",
        "insert into message"
        " select (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'due_at', app_now()))).* from message m",
    ),
    "O1: a row is passed over": (
        "O1",
        "update outbox set consumed_at = app_now() - interval '10 minutes'; update outbox set consumed_at = null where id ="
        " (select min(id) from outbox where topic = 'order.confirmed')",
    ),
    "A1: a hold that nobody accounts for": (
        "A1",
        "alter table audit_entry disable trigger user; delete from audit_entry where action = 'hold.released'",
    ),
    "A1: money that nobody accounts for": ("A1", "delete from audit_entry where action in ('payment.captured', 'order.confirmed')"),
    "T1: a hold's line is of another event": (
        "T1",
        f"update hold_line set event_id = (select id from event where vendor_id = {OTHER_VENDOR}) where hold_id = {LIVE_HOLD}",
    ),
    "T1: a payment goes to another vendor's account": (
        "T1",
        f"alter table payment drop constraint payment_vendor_id_payment_account_id_fkey; update payment set payment_account_id ="
        f" (select id from payment_account where vendor_id = {OTHER_VENDOR})",
    ),
    "T1: a seat is sold at another event's price": (
        "T1",
        "update event_seat es set ticket_type_id = (select t.id from ticket_type t where t.event_id <> es.event_id limit 1)",
    ),
    "T1: a seat is not in the layout of its event": (
        "T1",
        "insert into event_seat (event_id, seat_no, ticket_type_id) select event_id, 99999, ticket_type_id from event_seat limit 1",
    ),
    "T1: a hold was opened by a discount": (
        "T1",
        f"update hold set promotion_id = (select id from promotion where kind = 'percent') where id = {LIVE_HOLD}",
    ),
    "P1: a code has a use too many": ("P1", "update promotion set uses = uses + 1 where kind = 'percent'"),
    "P1: a buyer's uses leak": ("P1", "update promotion_buyer set uses = 0"),
    "P1: a cancelled order keeps its use": ("P1", "update order_promotion set state = 'counted'"),
    "P1: a discount comes from nowhere": ("P1", "update order_promotion set discount_minor = discount_minor + 1 where discount_minor > 0"),
    "P2: a package lacks a place": (
        "P2",
        "update order_line set event_id = (select min(event_id::text)::uuid from package_event)"
        " where order_id = (select order_id from order_package)",
    ),
    "P2: a package was sold for less": ("P2", "update order_package set price_minor = price_minor + 1"),
    "P2: a buyer has more than may be": ("P2", "update package set max_per_buyer = 1"),
    "Q1: somebody is let in before their turn": (
        "Q1",
        "update queue_entry set state = 'admitted', admitted_at = app_now(), turn_ends_at = app_now() where state = 'waiting'",
    ),
    "Q1: somebody is let in before those in front": (
        "Q1",
        "update queue_entry set admitted_at = admitted_at + interval '1 minute' where position = 1",
    ),
    "Q1: somebody is passed over": ("Q1", "update queue set admitted_upto = 3"),
    "I1: two keys made one hold": (
        "I1",
        "insert into idempotency_key"
        " select actor_id, key || 'x', request_digest, kind, resource_id from idempotency_key where kind = 'hold'",
    ),
    "I1: a key names nothing": ("I1", "update idempotency_key set resource_id = gen_random_uuid() where kind = 'order'"),
    "I1: an order without a key": ("I1", "delete from idempotency_key where kind = 'order'"),
}


@pytest.fixture(scope="module")
def world(module_database: Database) -> Iterator[World]:
    world = World(module_database)
    world.live()
    yield world
    world.stop()


@pytest.fixture
def owner(world: World) -> Iterator[Connection]:
    """An owner's transaction at the world's time, rolled back: constraints and triggers may be dropped in it."""
    with world.database.connect(Role.OWNER) as connection:
        world.database.set_clock(connection)
        yield connection
        connection.rollback()


def test_every_invariant_holds_and_examined_something_when_the_world_is_whole(world: World) -> None:
    lists = asyncio.run(read_lists(world.provider))
    key = SealKey.from_secrets(Secrets.generate())
    with world.database.transaction() as session:
        assert seal(session, key=key, now=world.start).entries > 0
    results = runner.run_all(world.database, seal_key=key, providers={"fake": lists})
    assert {r.code: r.violations for r in results if not r.holds} == {}
    assert {r.code for r in results if r.examined == 0} == set()
    assert {r.code for r in results} == {*BY_CODE, "X1"}
    forged = {r.code: r for r in runner.run_all(world.database, seal_key=SealKey.from_secrets(Secrets.generate()))}
    assert not forged["A1"].holds


def test_every_invariant_has_a_broken_case() -> None:
    assert {code for code, _ in BROKEN.values()} == set(BY_CODE)


@pytest.mark.parametrize("case", BROKEN)
def test_invariant_catches_rows_when_they_are_broken(owner: Connection, case: str) -> None:
    code, statements = BROKEN[case]
    assert runner.check(owner, BY_CODE[code]).holds
    owner.execute(statements.encode())
    result = runner.check(owner, BY_CODE[code])
    assert result.broken > 0
    assert all(v.subject and v.problem for v in result.violations)


def test_check_fails_when_rows_exist_and_none_was_examined(owner: Connection) -> None:
    blind = replace(BY_CODE["S3"], sql="select count(*) from pool where false; select '', '' where false;")
    assert runner.check(owner, blind).broken == 1


def test_verify_is_refused_when_policies_would_hide_rows(world: World) -> None:
    as_core = Database(
        core_url=world.database.url(Role.CORE), owner_url=world.database.url(Role.OWNER), reader_url=world.database.url(Role.CORE)
    )
    try:
        with pytest.raises(Misconfigured, match="row-level policies"):
            runner.run_all(as_core)
    finally:
        as_core.dispose()


def test_provider_list_is_compared_both_ways_when_one_side_lacks_something(world: World) -> None:
    lists = asyncio.run(read_lists(world.provider))
    extra = replace(lists.payments[0], provider_ref="fp_elsewhere")
    twice = replace(lists.refunds[0], key=f"{lists.refunds[0].key}x")
    cases = {
        "the provider took money we do not know": replace(lists, payments=[*lists.payments, extra]),
        "we claim money the provider never took": replace(lists, payments=lists.payments[1:]),
        "a cent is missing": replace(
            lists, payments=[replace(lists.payments[0], captured_minor=lists.payments[0].captured_minor + 1), *lists.payments[1:]]
        ),
        "the provider refunded twice": replace(lists, refunds=[*lists.refunds, twice]),
        "we claim a refund the provider never made": replace(lists, refunds=lists.refunds[1:]),
    }
    with world.database.connect(Role.READER) as connection:
        assert compare(connection, provider="fake", lists=lists)[1] == []
        for what, broken in cases.items():
            assert len(compare(connection, provider="fake", lists=broken)[1]) == 1, what


def test_reader_can_not_write_when_it_verifies(world: World) -> None:
    with world.database.connect(Role.READER) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update pool set held = 0")
