"""X1: what the provider says it took and gave back is what we say, both ways.

A balanced ledger does not prove that nobody was refunded twice; the provider's own list does. The lists must be read before
the snapshot, when nothing is in flight: what the provider did in between is told as a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ticketing.foundation.db import Connection
from ticketing.payments.providers import PaymentProvider, ProviderPayment, ProviderRefund

OUR_PAYMENTS = """
select provider_ref, id::text, captured_minor, refunded_minor, currency
from payment
where provider = %s and (captured_minor > 0 or provider_ref is not null)
"""

OUR_REFUNDS = """
select r.id || ':' || r.attempt, r.amount_minor, r.currency, p.provider_ref
from refund r
join payment p on p.id = r.payment_id
where p.provider = %s and r.state = 'succeeded'
"""


@dataclass(frozen=True, slots=True)
class ProviderLists:
    """All payments and refunds that a provider has."""

    payments: Sequence[ProviderPayment]
    refunds: Sequence[ProviderRefund]


async def read_lists(provider: PaymentProvider) -> ProviderLists:
    """Ask a provider for its lists."""
    return ProviderLists(payments=await provider.list_payments(), refunds=await provider.list_refunds())


def compare(connection: Connection, *, provider: str, lists: ProviderLists) -> tuple[int, list[tuple[str, str]]]:
    """(rows examined, [(subject, problem)]) in the connection's transaction."""
    problems: list[tuple[str, str]] = []
    ours = {row[0]: row for row in connection.execute(OUR_PAYMENTS, [provider]).fetchall()}
    theirs = {payment.provider_ref: payment for payment in lists.payments}
    for ref in sorted(theirs.keys() | ours.keys(), key=str):
        problem = _payment_problem(ours.get(ref), theirs.get(ref))
        if problem:
            problems.append((f"payment {ref}", problem))
    our_refunds = {row[0]: (row[1], row[2], row[3]) for row in connection.execute(OUR_REFUNDS, [provider]).fetchall()}
    their_refunds = {r.key: (r.amount_minor, r.currency, r.payment_ref) for r in lists.refunds if r.state == "succeeded"}
    problems.extend(
        (f"refund {key}", f"ours: {our_refunds.get(key)}; theirs: {their_refunds.get(key)}")
        for key in sorted(our_refunds.keys() | their_refunds.keys())
        if our_refunds.get(key) != their_refunds.get(key)
    )
    return len(ours) + len(theirs) + len(our_refunds) + len(their_refunds), problems


def _payment_problem(ours: tuple[str | None, str, int, int, str] | None, theirs: ProviderPayment | None) -> str | None:
    if theirs is None:
        return f"ours is {ours[1]}, which the provider does not have" if ours else None
    if ours is None:
        if theirs.captured_minor == 0:  # a page whose address never reached us, because the answer was lost: no money, no matter
            return None
        return f"the provider took {theirs.captured_minor} {theirs.currency} for {theirs.reference}, and we have no such payment"
    _, payment_id, captured, refunded, currency = ours
    if theirs.reference != payment_id:
        return f"the provider has it for {theirs.reference}, we for {payment_id}"
    mine, other = (captured, refunded, currency), (theirs.captured_minor, theirs.refunded_minor, theirs.currency)
    return None if mine == other else f"captured, refunded, currency: ours {mine}; theirs {other}"
