"""Refunds: planned in the transaction that decides them, sent by any worker, each paid once.

A refund reserves its amount on the payment (one conditional UPDATE under a CHECK), so that all refunds together never pass
what was captured. The provider's key is `refund_id:attempt`; the attempt rises only after a definite failure. An answer
that did not come leaves the refund `unknown`, with its key and reservation, until it is looked up by key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ticketing.foundation.db import Connection, Database, named_cursor
from ticketing.foundation.errors import Conflict
from ticketing.foundation.faults import fault_point
from ticketing.foundation.ids import new_id
from ticketing.payments.ledger import post
from ticketing.payments.loop import background_loop
from ticketing.payments.providers import PaymentProvider, ProviderBusy, ProviderRefund, ProviderRefused, ProviderUnknown
from ticketing.payments.rules import JournalKind, LedgerAccount, RefundReason, RefundState

LEASE_SECONDS = 60
MOST_ATTEMPTS = 5
RETRY_SECONDS = 30


class RefundTooLarge(Conflict):
    """More than was captured and not yet reserved."""


def plan_refund(
    connection: Connection,
    *,
    payment_id: UUID,
    amount_minor: int,
    reason: RefundReason,
    batch_id: UUID | None = None,
    lines: Sequence[tuple[UUID, int]] = (),
) -> UUID:
    """Reserve and record a refund (amount in minor units, > 0); `lines` say what part is for which order line.

    A refund without a batch is a batch of its own. Raises `RefundTooLarge`. The caller posts the journal of its decision.
    """
    refund_id = new_id()
    row = connection.execute(
        "update payment set refund_reserved_minor = refund_reserved_minor + %(amount)s"
        " where id = %(payment)s and refund_reserved_minor + %(amount)s <= captured_minor"
        " returning vendor_id, order_id, currency",
        {"amount": amount_minor, "payment": payment_id},
    ).fetchone()
    if row is None:
        raise RefundTooLarge("This refund is more than is left of the payment.", payment_id=payment_id, amount_minor=amount_minor)
    vendor_id, order_id, currency = row
    connection.execute(
        "insert into refund (id, vendor_id, batch_id, payment_id, order_id, amount_minor, currency, reason, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, app_now())",
        [refund_id, vendor_id, batch_id or refund_id, payment_id, order_id, amount_minor, currency, reason.value],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into refund_line (refund_id, order_line_id, amount_minor) values (%s, %s, %s)",
            [(refund_id, line_id, amount) for line_id, amount in lines if amount],
        )
    connection.execute("insert into audit_entry (action, subject_id) values ('refund.planned', %s)", [refund_id])
    return refund_id


@dataclass(frozen=True, slots=True)
class RefundRun:
    """What a run did, in refunds."""

    succeeded: int = 0
    failed: int = 0
    unknown: int = 0
    busy: int = 0

    def plus(self, outcome: str) -> RefundRun:
        counts = {name: getattr(self, name) + (name == outcome) for name in ("succeeded", "failed", "unknown", "busy")}
        return RefundRun(**counts)


CLAIM = """
with due as (
  select r.id from refund r
  where r.state in ('planned', 'sent', 'unknown', 'failed') and (r.lease_until is null or r.lease_until <= app_now())
    and (r.state <> 'failed' or r.attempt < %(most)s)
  order by r.id
  limit %(limit)s
  for update skip locked
)
update refund r
set lease_until = app_now() + make_interval(secs => %(lease)s), lease_token = %(token)s,
  attempt = case when r.state = 'failed' then r.attempt + 1 else r.attempt end,
  state = case when r.state in ('planned', 'failed') then 'sent' else r.state end
from due, payment p
where r.id = due.id and p.id = r.payment_id
returning r.id, r.vendor_id, r.order_id, r.payment_id, r.amount_minor, r.currency, r.attempt, r.state, r.reason,
  p.provider, p.provider_ref, exists (select from refund_attempt a where a.refund_id = r.id and a.attempt = r.attempt) as tried
"""


def send_due_refunds(database: Database, providers: Mapping[str, PaymentProvider], *, limit: int = 100, at_once: int = 16) -> RefundRun:
    """Send up to `limit` planned refunds, and look up those whose answer was lost. Any number of workers may run it."""
    with database.connect() as connection:
        with connection.transaction(), named_cursor(connection) as cursor:
            database.set_clock(connection)
            token = new_id()
            refunds = cursor.execute(CLAIM, {"limit": limit, "lease": LEASE_SECONDS, "token": token, "most": MOST_ATTEMPTS}).fetchall()
            cursor.executemany(
                "insert into refund_attempt (refund_id, attempt, started_at) values (%s, %s, app_now()) on conflict do nothing",
                [(refund.id, refund.attempt) for refund in refunds],
            )
        fault_point("refund_claimed")
        run = RefundRun()
        for start in range(0, len(refunds), at_once):
            part = refunds[start : start + at_once]
            answers = asyncio.run_coroutine_threadsafe(_ask_all(providers, part), background_loop()).result()
            fault_point("refund_answered")
            for refund, answer in zip(part, answers, strict=True):
                with connection.transaction():
                    database.set_clock(connection)
                    run = run.plus(_record(connection, refund, answer, token))
        return run


async def _ask_all(providers: Mapping[str, PaymentProvider], refunds: Sequence[Any]) -> list[ProviderRefund | Exception]:
    return await asyncio.gather(*(_ask(providers[refund.provider], refund) for refund in refunds))


async def _ask(provider: PaymentProvider, refund: Any) -> ProviderRefund | Exception:
    key = f"{refund.id}:{refund.attempt}"
    try:
        if refund.tried and (known := await provider.find_refund(key)) is not None:
            return known
        return await provider.refund(key=key, payment_ref=refund.provider_ref, amount_minor=refund.amount_minor, currency=refund.currency)
    except (ProviderUnknown, ProviderBusy, ProviderRefused) as error:
        return error


def _record(connection: Connection, refund: Any, answer: ProviderRefund | Exception, token: UUID) -> str:
    """Record one answer, unless another worker has taken the refund over; returns what it counts as."""
    if isinstance(answer, ProviderRefund):
        state = RefundState(answer.state)
    elif isinstance(answer, ProviderRefused):
        state = RefundState.FAILED
    else:
        state = RefundState.UNKNOWN
    outcome = "busy" if isinstance(answer, ProviderBusy) else state.value
    held = state is not RefundState.SUCCEEDED
    changed = connection.execute(
        "update refund set state = %(state)s, provider_ref = coalesce(%(ref)s, provider_ref), lease_token = null,"
        " lease_until = case when %(held)s then app_now() + make_interval(secs => %(wait)s) end,"
        " done_at = case when %(done)s then app_now() end"
        " where id = %(id)s and lease_token = %(token)s and state in ('sent', 'unknown')",
        {
            "state": state.value,
            "ref": answer.provider_ref if isinstance(answer, ProviderRefund) else None,
            "held": held,
            "wait": RETRY_SECONDS,
            "done": not held,
            "id": refund.id,
            "token": token,
        },
    )
    if changed.rowcount != 1:
        return "taken over"
    connection.execute(
        "update refund_attempt set outcome = %s, finished_at = app_now() where refund_id = %s and attempt = %s",
        [outcome, refund.id, refund.attempt],
    )
    if state is RefundState.SUCCEEDED:
        _settle(connection, refund)
    return outcome


def _settle(connection: Connection, refund: Any) -> None:
    connection.execute(
        "update payment set refunded_minor = refunded_minor + %(amount)s,"
        " state = case when refunded_minor + %(amount)s = captured_minor then 'refunded' else 'partly_refunded' end where id = %(id)s",
        {"amount": refund.amount_minor, "id": refund.payment_id},
    )
    post(
        connection,
        kind=JournalKind.REFUND_PAID,
        entries=[(LedgerAccount.REFUNDS, refund.amount_minor), (LedgerAccount.PROVIDER_CLEARING, -refund.amount_minor)],
        vendor_id=refund.vendor_id,
        currency=refund.currency,
        order_id=refund.order_id,
        payment_id=refund.payment_id,
        refund_id=refund.id,
    )
    connection.execute("insert into audit_entry (action, subject_id) values ('refund.settled', %s)", [refund.id])
    detail = Jsonb({"refund_id": str(refund.id)})
    connection.execute("insert into outbox (topic, subject_id, payload) values ('refund.settled', %s, %s)", [refund.order_id, detail])
