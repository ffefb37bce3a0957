"""The ledger: journals of double entry, append-only. Debit positive, credit negative."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.foundation.ids import new_id
from ticketing.payments.rules import JournalKind, LedgerAccount


class Unbalanced(ValueError):
    """A journal's entries must sum to zero."""


def post(
    connection: Connection,
    *,
    kind: JournalKind,
    entries: Sequence[tuple[LedgerAccount, int]],
    vendor_id: UUID,
    currency: str,
    order_id: UUID | None = None,
    event_id: UUID | None = None,
    payment_id: UUID | None = None,
    refund_id: UUID | None = None,
) -> None:
    """Write one journal (amounts in minor units; zero entries are left out). Raises `Unbalanced`."""
    if sum(amount for _, amount in entries) != 0:
        raise Unbalanced(f"{kind} journal does not balance: {entries}")
    journal = new_id()
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ledger_entry (journal_id, journal_kind, account, vendor_id, order_id, event_id, payment_id, refund_id,"
            " amount_minor, currency) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (journal, kind.value, account.value, vendor_id, order_id, event_id, payment_id, refund_id, amount, currency)
                for account, amount in entries
                if amount
            ],
        )
