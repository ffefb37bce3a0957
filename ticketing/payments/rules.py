"""Payments: states of payments and refunds, accounts of the ledger."""

from __future__ import annotations

from enum import StrEnum


class PaymentState(StrEnum):
    CREATED = "created"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    FAILED = "failed"
    EXPIRED = "expired"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"


PAYMENT_TRANSITIONS: dict[PaymentState, frozenset[PaymentState]] = {
    PaymentState.CREATED: frozenset({PaymentState.AUTHORISED, PaymentState.CAPTURED, PaymentState.FAILED, PaymentState.EXPIRED}),
    PaymentState.AUTHORISED: frozenset({PaymentState.CAPTURED, PaymentState.FAILED, PaymentState.EXPIRED}),
    PaymentState.FAILED: frozenset({PaymentState.CAPTURED}),  # late money is real money
    PaymentState.EXPIRED: frozenset({PaymentState.CAPTURED}),
    PaymentState.CAPTURED: frozenset({PaymentState.PARTLY_REFUNDED, PaymentState.REFUNDED, PaymentState.DISPUTED}),
    PaymentState.PARTLY_REFUNDED: frozenset({PaymentState.REFUNDED, PaymentState.DISPUTED}),
    PaymentState.REFUNDED: frozenset(),
    PaymentState.DISPUTED: frozenset({PaymentState.WON, PaymentState.LOST}),
    PaymentState.WON: frozenset(),
    PaymentState.LOST: frozenset(),
}


class RefundState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The provider did not answer: keeps its key and its reservation until it is looked up."""


REFUND_TRANSITIONS: dict[RefundState, frozenset[RefundState]] = {
    RefundState.PLANNED: frozenset({RefundState.SENT}),
    RefundState.SENT: frozenset({RefundState.SUCCEEDED, RefundState.FAILED, RefundState.UNKNOWN}),
    RefundState.UNKNOWN: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.SUCCEEDED: frozenset({RefundState.FAILED}),  # the bank sent it back
    RefundState.FAILED: frozenset({RefundState.SENT}),  # the next attempt
}


class RefundReason(StrEnum):
    REQUESTED = "requested"
    """The buyer cancelled under the event's policy."""
    LATE_CAPTURE = "late_capture"
    """Money arrived after the places were gone."""
    DOUBLE_CAPTURE = "double_capture"
    """Another payment had paid the order already."""


class LedgerAccount(StrEnum):
    """Debits are positive, credits negative; a journal sums to zero per currency."""

    BUYER_RECEIVABLE = "buyer_receivable"
    PROVIDER_CLEARING = "provider_clearing"
    VENDOR_PAYABLE = "vendor_payable"
    PLATFORM_FEE = "platform_fee"
    TAX = "tax"
    REFUNDS = "refunds"
    """Owed to buyers: credited when a refund is planned, debited when it has been paid."""


class JournalKind(StrEnum):
    SALE = "sale"
    """buyer_receivable against vendor_payable, platform_fee and tax, per event."""
    CAPTURE = "capture"
    """provider_clearing against buyer_receivable."""
    REFUND_PLANNED = "refund_planned"
    REFUND_PAID = "refund_paid"
    """refunds against provider_clearing."""
    UNAPPLIED_CAPTURE = "unapplied_capture"
    """Money that pays nothing: provider_clearing against refunds."""


def sale_entries(*, paid_minor: int, fee_minor: int, tax_minor: int) -> list[tuple[LedgerAccount, int]]:
    """The journal of a sale for one event: what was paid for places (tax included), and the fee on top."""
    return [
        (LedgerAccount.BUYER_RECEIVABLE, paid_minor + fee_minor),
        (LedgerAccount.VENDOR_PAYABLE, tax_minor - paid_minor),
        (LedgerAccount.PLATFORM_FEE, -fee_minor),
        (LedgerAccount.TAX, -tax_minor),
    ]


def refund_entries(*, amount_minor: int, fee_minor: int, tax_minor: int) -> list[tuple[LedgerAccount, int]]:
    """The journal that decides to give back `amount_minor`, of which `fee_minor` is fee and `tax_minor` is tax."""
    return [
        (LedgerAccount.VENDOR_PAYABLE, amount_minor - fee_minor - tax_minor),
        (LedgerAccount.PLATFORM_FEE, fee_minor),
        (LedgerAccount.TAX, tax_minor),
        (LedgerAccount.REFUNDS, -amount_minor),
    ]
