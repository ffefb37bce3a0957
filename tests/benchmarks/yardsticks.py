"""The yardsticks of `orders` and `holds`: pgbench writes the same rows, one buyer at a time, on the same tables, in the same commits.

Each commit is one statement, which is the fewest round trips a client can do: hold; order; and for a completed one the
payment intent, the provider's answer, and the settling.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from tests.world import World
from ticketing.foundation import embedded
from ticketing.foundation.db import Role

PICK = """
\\set buyer random(1, :buyers)
\\set n random(0, 2000000000)
select nextval('bench_seat') as place \\gset
select b.id as buyer_id, e.id as event_id, (:place::int % :seats::int) as seat_no, uuidv7() as hold_id, uuidv7() as order_id,
  uuidv7() as line_id, uuidv7() as payment_id, uuidv7() as ticket_id, uuidv7() as journal, uuidv7() as journal2, e.vendor_id,
  e.ticket_type_id, e.account_id, upper(substr(md5(random()::text), 1, 12)) as code
from bench_buyer b, bench_event e where b.n = :buyer::bigint and e.n = :place::int / :seats::int \\gset
"""

HOLD = """
with seat as (
  update event_seat set state = 'held', hold_id = :hold_id::uuid, held_until = app_now() + interval '600 s'
  where event_id = :event_id::uuid and seat_no = :seat_no::int and (state = 'free' or (state = 'held'
    and held_until <= app_now())) returning seat_no
), cap as (
  insert into buyer_allowance as a values (:event_id::uuid, :buyer_id::uuid, 1, 10000)
  on conflict (event_id, buyer_id) do update set taken = a.taken + 1 where a.taken < a.allowed
), h as (
  insert into hold (id, vendor_id, event_id, buyer_id, quantity, created_at, expires_at)
  values (:hold_id::uuid, :vendor_id::uuid, :event_id::uuid, :buyer_id::uuid, 1, app_now(), app_now() + interval '600 s')
), l as (
  insert into hold_line values (:hold_id::uuid, 1, :event_id::uuid, :ticket_type_id::uuid, :seat_no::int, null, 1, 4500, 275, 294)
), k as (
  insert into idempotency_key values (:buyer_id::uuid, :hold_id::uuid, '\\x00', 'hold', :hold_id::uuid)
)
insert into audit_entry (actor_id, action, subject_id, digest) values (:buyer_id::uuid, 'hold.created', :hold_id::uuid, '\\x00');
"""

CLAIM = """
update event_seat set state = 'held', hold_id = :hold_id::uuid, held_until = app_now() + interval '600 s'
where event_id = :event_id::uuid and seat_no = :seat_no::int and (state = 'free' or (state = 'held' and held_until <= app_now()));
"""

POOL = """
update pool set held = held + 1 where id = (select id from bench_pool) and sold + held + 1 <= capacity;
"""

ORDER = """
with h as (
  update hold set order_id = :order_id::uuid where id = :hold_id::uuid and order_id is null and state = 'active' and expires_at > app_now()
), o as (
  insert into ticket_order (id, code, vendor_id, buyer_id, currency, subtotal_minor, fee_minor, tax_minor, total_minor, placed_at,
    expires_at, channel)
  values (:order_id::uuid, :code::text, :vendor_id::uuid, :buyer_id::uuid, 'EUR', 4500, 275, 294, 4775, app_now(),
    app_now() + interval '600 s', 'api')
), l as (
  insert into order_line (id, vendor_id, order_id, line_no, hold_id, event_id, ticket_type_id, seat_no, price_minor, fee_minor, tax_minor)
  values (:line_id::uuid, :vendor_id::uuid, :order_id::uuid, 1, :hold_id::uuid, :event_id::uuid, :ticket_type_id::uuid,
    :seat_no::int, 4500, 275, 294)
), v as (
  insert into order_event (order_id, kind) values (:order_id::uuid, 'placed')
), k as (
  insert into idempotency_key values (:buyer_id::uuid, :order_id::uuid, '\\x00', 'order', :order_id::uuid)
)
insert into audit_entry (actor_id, action, subject_id, digest) values (:buyer_id::uuid, 'order.placed', :order_id::uuid, '\\x00');
"""

INTENT = """
with h as (
  update hold set expires_at = app_now() + interval '1800 s' where id = :hold_id::uuid
), s as (
  update event_seat set held_until = app_now() + interval '1800 s' where event_id = :event_id::uuid and seat_no = :seat_no::int
), o as (
  update ticket_order set expires_at = app_now() + interval '1800 s' where id = :order_id::uuid
), p as (
  insert into payment (id, vendor_id, order_id, provider, payment_account_id, currency, amount_minor, session_expires_at, created_at)
  values (:payment_id::uuid, :vendor_id::uuid, :order_id::uuid, 'fake', :account_id::uuid, 'EUR', 4775, app_now(), app_now())
), v as (
  insert into order_event (order_id, kind, detail) values (:order_id::uuid, 'payment_started', jsonb_build_object('payment_id',
    :payment_id::text))
), k as (
  insert into idempotency_key values (:buyer_id::uuid, :payment_id::uuid, '\\x00', 'payment', :payment_id::uuid)
)
insert into audit_entry (actor_id, action, subject_id, digest) values (:buyer_id::uuid, 'payment.started', :payment_id::uuid, '\\x00');
"""

OPENED = """
update payment set provider_ref = :payment_id::uuid, redirect_url = 'http://localhost:8010/pay/ses_0123456789abcdef01234567'
where id = :payment_id::uuid and provider_ref is null;
"""

SETTLE = """
with e as (
  insert into provider_event (id, provider, event_key, kind, payment_ref, amount_minor, currency, body, state)
  values (uuidv7(), 'fake', :payment_id::uuid, 'payment.captured', :payment_id::uuid, 4775, 'EUR', repeat('x', 260)::bytea, 'settled')
), p as (
  update payment set state = 'captured', captured_minor = 4775, captured_at = app_now() where id = :payment_id::uuid and state = 'created'
), o as (
  update ticket_order set state = 'confirmed', confirmed_at = app_now(), paid_by_payment = :payment_id::uuid
  where id = :order_id::uuid and paid_by_payment is null
), l as (
  update order_line set state = 'confirmed' where id = :line_id::uuid
), h as (
  update hold set state = 'converted', ended_at = app_now() where id = :hold_id::uuid
), s as (
  update event_seat set state = 'sold', held_until = null, ticket_id = :ticket_id::uuid
  where event_id = :event_id::uuid and seat_no = :seat_no::int and hold_id = :hold_id::uuid
), t as (
  insert into ticket (id, code, vendor_id, order_id, order_line_id, event_id, ticket_type_id, seat_no, holder_id, nonce, issued_at)
  values (:ticket_id::uuid, :code::text || '-1', :vendor_id::uuid, :order_id::uuid, :line_id::uuid, :event_id::uuid,
    :ticket_type_id::uuid, :seat_no::int, :buyer_id::uuid,
    '\\x0011223344556677', app_now())
), g as (
  insert into ledger_entry (journal_id, journal_kind, account, vendor_id, order_id, event_id, payment_id, amount_minor, currency) values
    (:journal::uuid, 'sale', 'buyer_receivable', :vendor_id::uuid, :order_id::uuid, :event_id::uuid, :payment_id::uuid, 4775, 'EUR'),
    (:journal::uuid, 'sale', 'vendor_payable', :vendor_id::uuid, :order_id::uuid, :event_id::uuid, :payment_id::uuid, -4206, 'EUR'),
    (:journal::uuid, 'sale', 'platform_fee', :vendor_id::uuid, :order_id::uuid, :event_id::uuid, :payment_id::uuid, -275, 'EUR'),
    (:journal::uuid, 'sale', 'tax', :vendor_id::uuid, :order_id::uuid, :event_id::uuid, :payment_id::uuid, -294, 'EUR'),
    (:journal2::uuid, 'capture', 'provider_clearing', :vendor_id::uuid, :order_id::uuid, null, :payment_id::uuid, 4775, 'EUR'),
    (:journal2::uuid, 'capture', 'buyer_receivable', :vendor_id::uuid, :order_id::uuid, null, :payment_id::uuid, -4775, 'EUR')
), v as (
  insert into order_event (order_id, kind, detail) values (:order_id::uuid, 'confirmed', jsonb_build_object('payment_id',
    :payment_id::text))
), b as (
  insert into outbox (topic, subject_id) values ('order.confirmed', :order_id::uuid)
)
insert into audit_entry (action, subject_id) values ('order.confirmed', :order_id::uuid);
"""

SCRIPTS = {
    "claim": PICK + CLAIM,
    "hold": PICK + HOLD,
    "pool": POOL,
    "placed": PICK + HOLD + ORDER,
    "completed": PICK + HOLD + ORDER + INTENT + OPENED + SETTLE,
}


def prepare(world: World, *, first_seat: int) -> None:
    """Numbered buyers and events, and a counter of seats, for pgbench to pick from."""
    with world.database.transaction(Role.OWNER) as session:
        session.execute(text(f"create sequence bench_seat minvalue 0 start {first_seat} cache 100"))
        session.execute(text("create table bench_buyer as select row_number() over () as n, user_id as id from user_session"))
        session.execute(
            text(
                "create table bench_event as select o.n - 1 as n, e.id, e.vendor_id, t.id as ticket_type_id, a.id as account_id"
                " from unnest(cast(:ids as uuid[])) with ordinality as o(id, n) join event e on e.id = o.id"
                " join ticket_type t on t.event_id = e.id join payment_account a on a.vendor_id = e.vendor_id"
            ),
            {"ids": world.events},
        )
        session.execute(text("create unique index on bench_buyer (n)"))
        session.execute(text("create unique index on bench_event (n)"))
        session.execute(text("grant select on bench_buyer, bench_event to ticketing_core"))
        session.execute(text("grant usage on sequence bench_seat to ticketing_core"))


def prepare_pool(world: World, *, event_id: UUID) -> None:
    """The pool of an event, for pgbench to take from."""
    with world.database.transaction(Role.OWNER) as session:
        session.execute(text("create table bench_pool as select id from pool where event_id = :event"), {"event": event_id})
        session.execute(text("grant select on bench_pool to ticketing_core"))


def free_claims(world: World) -> None:
    """Undo bare claims: seats that are held, and by no hold."""
    with world.database.transaction() as session:
        session.execute(
            text(
                "update event_seat s set state = 'free', held_until = null, hold_id = null"
                " where state = 'held' and not exists (select from hold h where h.id = s.hold_id)"
            )
        )


def measure(world: World, what: str, *, seconds: float, clients: int) -> float:
    """Transactions of the script per second, as the core role."""
    script = world.settings.home_path / f"{what}.pgbench"
    script.write_text(SCRIPTS[what])
    command = [
        embedded.program("pgbench"),
        "-n",
        *("-h", str(embedded.data_directory(world.settings.home_path)), "-U", Role.CORE.value, "-M", "prepared"),
        *("-c", str(clients), "-j", "2", "-T", str(max(1, int(seconds))), "-f", str(script)),
        *("-D", f"buyers={len(world.tokens)}", "-D", f"seats={world.seats_per_event}", "ticketing"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PGOPTIONS": ""}, cwd=Path("/"))
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
    return float(found[1])
