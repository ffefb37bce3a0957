"""Refunds: planned in the transaction that decides them, sent by any worker, each paid once.

A refund reserves its amount on the payment (one conditional UPDATE under a CHECK), so that all refunds together never pass
what was captured. The provider's key is `refund_id:attempt`; the attempt rises only after a definite failure. An answer
that did not come leaves the refund `unknown`, with its key and reservation, until it is looked up by key. Where nothing was
done (the provider is busy, or does not accept our API key) the key stays as well: only what was tried can have failed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, Database, named_cursor
from ticketing.foundation.errors import Conflict
from ticketing.foundation.faults import fault_point
from ticketing.foundation.ids import new_id
from ticketing.foundation.loop import background_loop
from ticketing.payments.providers import (
    PaymentProvider,
    ProviderBusy,
    ProviderDenied,
    ProviderRefund,
    ProviderRefused,
    ProviderUnknown,
)
from ticketing.payments.rules import RefundReason, RefundState

LEASE_SECONDS = 60
"""Longer than a look-up and a call may take together (10 s each), so that a slow provider does not cost a worker its claim."""

MOST_ATTEMPTS = 5
"""Definite failures; after them the refund stays failed, with its reservation, for a person to look at."""

RETRY_SECONDS = 30

ProviderError = ProviderUnknown | ProviderBusy | ProviderDenied | ProviderRefused


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

    A refund without a batch is a batch of its own; a batch refunds a payment once. Raises `RefundTooLarge`. The caller posts
    the journal of its decision.
    """
    if lines and sum(amount for _, amount in lines) != amount_minor:
        raise ValueError(f"the lines' parts do not add up to {amount_minor}")
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
    """The provider said no for good; tried again under a new key, up to `MOST_ATTEMPTS` times."""
    unknown: int = 0
    """No answer; looked up by the next run."""
    busy: int = 0
    """Nothing was done: the provider asked us to wait."""
    denied: int = 0
    """Nothing was done: the provider does not accept our API key."""

    @classmethod
    def of(cls, outcomes: Sequence[str]) -> RefundRun:
        counted = Counter(outcomes)
        return cls(**{field.name: counted[field.name] for field in fields(cls)})

    def __add__(self, other: RefundRun) -> RefundRun:
        return RefundRun(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})

    @property
    def held_back(self) -> bool:
        """Going on now would be of no use."""
        return self.busy + self.denied > 0


CLAIM = """
with due as (
  select r.id
  from refund r
  join payment p on p.id = r.payment_id
  where r.state in ('planned', 'sent', 'unknown', 'failed') and p.provider = any(%(providers)s)
    and (r.lease_until is null or r.lease_until <= app_now()) and (r.state <> 'failed' or r.attempt < %(most)s)
  order by r.id
  limit %(limit)s
  for update of r skip locked
)
update refund r
set lease_until = app_now() + make_interval(secs => %(lease)s), lease_token = %(token)s,
  attempt = case when r.state = 'failed' then r.attempt + 1 else r.attempt end,
  state = case when r.state in ('planned', 'failed') then 'sent' else r.state end
from due, payment p
where r.id = due.id and p.id = r.payment_id
returning r.id, r.vendor_id, r.order_id, r.payment_id, r.amount_minor, r.currency, r.attempt, p.provider, p.provider_ref,
  exists (select from refund_attempt a where a.refund_id = r.id and a.attempt = r.attempt) as tried
"""


def send_due_refunds(database: Database, providers: Mapping[str, PaymentProvider], *, limit: int = 100, at_once: int = 32) -> RefundRun:
    """Send up to `limit` planned refunds, `at_once` at a time, and look up those whose answer was lost.

    Any number of workers may run it. It ends early when a provider asks to wait. Refunds of providers that are not in
    `providers` are left alone.
    """
    run, left = RefundRun(), limit
    with database.connect() as connection:
        while left > 0 and not run.held_back:
            token = new_id()
            with connection.transaction():
                database.set_clock(connection)
                refunds = _claim(connection, providers=list(providers), limit=min(left, at_once), token=token)
            if not refunds:
                break
            fault_point("refund_claimed")
            answers = asyncio.run_coroutine_threadsafe(_ask_all(providers, refunds), background_loop()).result()
            fault_point("refund_answered")
            with connection.transaction():
                database.set_clock(connection)
                run += RefundRun.of(_record(connection, refunds, answers, token))
            left -= len(refunds)
    return run


def _claim(connection: Connection, *, providers: list[str], limit: int, token: UUID) -> list[Any]:
    """Lease due refunds; the caller's commit is the intent that must be on disk before the provider is asked."""
    parameters = {"providers": providers, "limit": limit, "lease": LEASE_SECONDS, "token": token, "most": MOST_ATTEMPTS}
    with named_cursor(connection) as cursor:
        refunds = cursor.execute(CLAIM, parameters).fetchall()
        cursor.executemany(
            "insert into refund_attempt (refund_id, attempt, started_at) values (%s, %s, app_now()) on conflict do nothing",
            [(refund.id, refund.attempt) for refund in refunds],
        )
    return refunds


async def _ask_all(providers: Mapping[str, PaymentProvider], refunds: Sequence[Any]) -> list[ProviderRefund | ProviderError]:
    return await asyncio.gather(*(_ask(providers[refund.provider], refund) for refund in refunds))


async def _ask(provider: PaymentProvider, refund: Any) -> ProviderRefund | ProviderError:
    key = f"{refund.id}:{refund.attempt}"
    try:
        if refund.tried and (known := await provider.find_refund(key)) is not None:
            return known
        return await provider.refund(key=key, payment_ref=refund.provider_ref, amount_minor=refund.amount_minor, currency=refund.currency)
    except (ProviderUnknown, ProviderBusy, ProviderDenied, ProviderRefused) as error:
        return error


def _outcome(answer: ProviderRefund | ProviderError) -> tuple[str, RefundState | None, int]:
    """(what it counts as, the refund's new state or none when nothing was done, seconds until it is due again)"""
    match answer:
        case ProviderRefund():
            return answer.state, RefundState(answer.state), RETRY_SECONDS
        case ProviderBusy():
            return "busy", None, answer.details.get("retry_after_seconds", RETRY_SECONDS)
        case ProviderDenied():
            return "denied", None, RETRY_SECONDS
        case ProviderRefused():
            return "failed", RefundState.FAILED, RETRY_SECONDS
        case ProviderUnknown():
            return "unknown", RefundState.UNKNOWN, RETRY_SECONDS


RECORD = """
with answer as (
  select * from unnest(%(refund)s::uuid[], %(outcome)s::text[], %(state)s::text[], %(ref)s::text[], %(wait)s::int[])
    as a(refund_id, outcome, state, provider_ref, wait_seconds)
),
recorded as (
  update refund r
  set state = coalesce(a.state, r.state), provider_ref = coalesce(a.provider_ref, r.provider_ref), lease_token = null,
    lease_until = case when a.state is distinct from 'succeeded' then app_now() + make_interval(secs => a.wait_seconds) end,
    done_at = case when a.state = 'succeeded' then app_now() end
  from answer a
  where r.id = a.refund_id and r.lease_token = %(token)s and r.state in ('sent', 'unknown')
  returning r.*, a.outcome
),
attempt_finished as (
  update refund_attempt t set outcome = r.outcome, finished_at = app_now()
  from recorded r where t.refund_id = r.id and t.attempt = r.attempt
),
paid as materialized (
  select *, uuidv7() as journal_id from recorded where state = 'succeeded'
),
locked_payment as materialized (
  select p.id from payment p where p.id in (select payment_id from paid) order by p.id for no key update of p
),
payment_refunded as (
  update payment p
  set refunded_minor = p.refunded_minor + g.amount_minor,
    state = case when p.refunded_minor + g.amount_minor = p.captured_minor then 'refunded' else 'partly_refunded' end
  from (select payment_id, sum(amount_minor)::bigint as amount_minor from paid group by payment_id) g
  join locked_payment l on l.id = g.payment_id
  where p.id = l.id
),
new_ledger as (
  insert into ledger_entry (journal_id, journal_kind, account, vendor_id, order_id, payment_id, refund_id, amount_minor, currency)
  select d.journal_id, 'refund_paid', e.account, d.vendor_id, d.order_id, d.payment_id, d.id, e.amount_minor, d.currency
  from paid d
  cross join lateral (values ('refunds', d.amount_minor), ('provider_clearing', -d.amount_minor)) as e(account, amount_minor)
),
new_audit as (
  insert into audit_entry (action, subject_id) select 'refund.settled', id from paid
),
new_outbox as (
  insert into outbox (topic, subject_id, payload) select 'refund.settled', order_id, jsonb_build_object('refund_id', id) from paid
)
select outcome from recorded
"""


def _record(connection: Connection, refunds: Sequence[Any], answers: Sequence[ProviderRefund | ProviderError], token: UUID) -> list[str]:
    """Record what was answered, and pay back in the books; returns what each counts as, but for those another worker took over."""
    outcomes = [_outcome(answer) for answer in answers]
    parameters = {
        "refund": [refund.id for refund in refunds],
        "outcome": [outcome for outcome, _, _ in outcomes],
        "state": [state and state.value for _, state, _ in outcomes],
        "wait": [wait_seconds for _, _, wait_seconds in outcomes],
        "ref": [answer.provider_ref if isinstance(answer, ProviderRefund) else None for answer in answers],
        "token": token,
    }
    return [outcome for (outcome,) in connection.execute(RECORD, parameters).fetchall()]
