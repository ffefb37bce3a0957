"""Journals: balanced or refused."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import make_vendor
from ticketing.foundation.db import bare
from ticketing.foundation.ids import new_id
from ticketing.payments.ledger import Unbalanced, post
from ticketing.payments.rules import JournalKind, LedgerAccount, refund_entries, sale_entries

minor = st.integers(min_value=0, max_value=10**12)


@given(paid=minor, fee=minor, tax=minor)
def test_a_sale_balances_whatever_its_parts(paid: int, fee: int, tax: int) -> None:
    entries = dict(sale_entries(paid_minor=paid, fee_minor=fee, tax_minor=tax))
    assert sum(entries.values()) == 0
    assert entries[LedgerAccount.BUYER_RECEIVABLE] == paid + fee
    assert -entries[LedgerAccount.VENDOR_PAYABLE] - entries[LedgerAccount.TAX] == paid


@given(amount=minor, fee=minor, tax=minor)
def test_a_refund_balances_whatever_its_parts(amount: int, fee: int, tax: int) -> None:
    entries = dict(refund_entries(amount_minor=amount, fee_minor=fee, tax_minor=tax))
    assert sum(entries.values()) == 0
    assert entries[LedgerAccount.REFUNDS] == -amount


@given(paid=minor, fee=minor, tax=minor)
def test_a_sale_given_back_in_full_leaves_nothing_owed_to_the_vendor(paid: int, fee: int, tax: int) -> None:
    sold = dict(sale_entries(paid_minor=paid, fee_minor=fee, tax_minor=tax))
    returned = dict(refund_entries(amount_minor=paid + fee, fee_minor=fee, tax_minor=tax))
    for account in (LedgerAccount.VENDOR_PAYABLE, LedgerAccount.PLATFORM_FEE, LedgerAccount.TAX):
        assert sold[account] + returned[account] == 0


def test_nothing_is_written_when_a_journal_does_not_balance(session: Session) -> None:
    order_id, vendor_id = new_id(), make_vendor(session).id
    entries = [(LedgerAccount.PROVIDER_CLEARING, 100), (LedgerAccount.BUYER_RECEIVABLE, -99)]
    with pytest.raises(Unbalanced, match="capture"):
        post(bare(session), kind=JournalKind.CAPTURE, entries=entries, vendor_id=vendor_id, currency="EUR", order_id=order_id)
    assert entries_of(session, order_id) == []


def test_empty_entries_are_left_out_when_a_sale_has_no_fee_and_no_tax(session: Session) -> None:
    order_id = new_id()
    entries = sale_entries(paid_minor=1_000, fee_minor=0, tax_minor=0)
    post(bare(session), kind=JournalKind.SALE, entries=entries, vendor_id=make_vendor(session).id, currency="JPY", order_id=order_id)
    assert entries_of(session, order_id) == [("buyer_receivable", 1_000, "JPY"), ("vendor_payable", -1_000, "JPY")]


def entries_of(session: Session, order_id: UUID) -> list[tuple[str, int, str]]:
    rows = session.execute(
        text("select account, amount_minor, currency from ledger_entry where order_id = :id order by account"), {"id": order_id}
    )
    return [(row.account, row.amount_minor, row.currency) for row in rows]
