"""Settling what is not the usual case: late money, a second capture, failed sessions, notices that fit nothing.

Money after expiry, in one transaction: the hold lives → confirm; the places are still free, the event stands and the cap
allows → claim again, flagged `late_reclaim`; else → a refund of all of it and an apology. Never a capture without one of these.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ticketing.foundation.db import Connection, named_cursor
from ticketing.inventory.retake import retake_places
from ticketing.orders.codes import give_back_uses, take_uses_again
from ticketing.orders.confirm import confirm_order
from ticketing.orders.package import may_have_again
from ticketing.payments.ledger import post
from ticketing.payments.providers import ProviderNotice
from ticketing.payments.refunds import plan_refund
from ticketing.payments.rules import PAYMENT_TRANSITIONS, JournalKind, LedgerAccount, PaymentState, RefundReason, sale_entries

FAILURES = {"payment.failed": PaymentState.FAILED, "payment.expired": PaymentState.EXPIRED}


def settle_alone(connection: Connection, notice: ProviderNotice, *, row_id: UUID) -> str:
    """Settle one notice in the caller's transaction; returns a value of `settle.Settlement`."""
    payment = _find_payment(connection, notice)
    if notice.kind not in ("payment.captured", *FAILURES):
        outcome, state = "noted", "ignored"
    elif payment is None:
        outcome, state = "parked", "parked"
    else:
        outcome = _capture(connection, notice, payment) if notice.kind == "payment.captured" else _fail(connection, notice, payment)
        state = "parked" if outcome == "parked" else "settled"
    connection.execute(
        "insert into provider_event (id, provider, event_key, kind, payment_ref, amount_minor, currency, body, state)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (provider, event_key) do update set state = excluded.state, tries = provider_event.tries + 1",
        [
            row_id,
            notice.provider,
            notice.event_key,
            notice.kind,
            notice.payment_ref,
            notice.amount_minor,
            notice.currency,
            notice.body,
            state,
        ],
    )
    return outcome


def _find_payment(connection: Connection, notice: ProviderNotice) -> Any:
    with named_cursor(connection) as cursor:
        return cursor.execute(
            "select id, vendor_id, order_id, state, amount_minor, currency, captured_minor, provider_ref from payment"
            " where provider = %s and (id = %s or provider_ref = %s) for no key update",
            [notice.provider, notice.reference, notice.payment_ref],
        ).fetchone()


def _fail(connection: Connection, notice: ProviderNotice, payment: Any) -> str:
    wanted = FAILURES[notice.kind]
    if wanted in PAYMENT_TRANSITIONS[PaymentState(payment.state)]:
        connection.execute("update payment set state = %s where id = %s", [wanted.value, payment.id])
        connection.execute("insert into audit_entry (action, subject_id) values (%s, %s)", [notice.kind, payment.id])
    return "noted"


def _capture(connection: Connection, notice: ProviderNotice, payment: Any) -> str:
    if payment.captured_minor > 0:
        return "repeated"
    fits = (notice.amount_minor, notice.currency) == (payment.amount_minor, payment.currency)
    if not fits or (payment.provider_ref is not None and payment.provider_ref != notice.payment_ref):
        return "parked"
    connection.execute(
        "update payment set state = 'captured', captured_minor = amount_minor, captured_at = app_now(),"
        " provider_ref = coalesce(provider_ref, %s) where id = %s",
        [notice.payment_ref, payment.id],
    )
    connection.execute("insert into audit_entry (action, subject_id) values ('payment.captured', %s)", [payment.id])
    with named_cursor(connection) as cursor:
        order = cursor.execute(
            "select id, vendor_id, buyer_id, code, state, currency, paid_by_payment from ticket_order where id = %s for no key update",
            [payment.order_id],
        ).fetchone()
        if order is None:
            raise RuntimeError("a payment without an order")
        if order.paid_by_payment is not None:
            return _give_back(connection, payment, RefundReason.DOUBLE_CAPTURE)
        if order.state == "cancelled":
            return _give_back(connection, payment, RefundReason.LATE_CAPTURE)
        lines = cursor.execute(
            "select l.*, uuidv7() as ticket_id from order_line l where order_id = %s order by line_no", [order.id]
        ).fetchall()
    if not may_have_again(connection, order_id=order.id, buyer_id=order.buyer_id):
        return _give_back(connection, payment, RefundReason.LATE_CAPTURE)
    if not take_uses_again(connection, order_id=order.id, buyer_id=order.buyer_id):
        return _give_back(connection, payment, RefundReason.LATE_CAPTURE)
    late = retake_places(connection, order_id=order.id, buyer_id=order.buyer_id, lines=lines)
    if late is None:
        give_back_uses(connection, [order.id])
        return _give_back(connection, payment, RefundReason.LATE_CAPTURE)
    _confirm(connection, order=order, payment=payment, lines=lines, late=late)
    return "reclaimed" if late else "confirmed"


def _confirm(connection: Connection, *, order: Any, payment: Any, lines: list[Any], late: bool) -> None:
    confirm_order(connection, order_id=order.id, payment_id=payment.id, lines=lines, late=late)
    sales: dict[UUID, list[int]] = {}
    for line in lines:
        paid, fee, tax = sales.setdefault(line.event_id, [0, 0, 0])
        sales[line.event_id] = [paid + line.price_minor - line.discount_minor, fee + line.fee_minor, tax + line.tax_minor]
    for event_id, (paid, fee, tax) in sales.items():
        _post(connection, JournalKind.SALE, payment, sale_entries(paid_minor=paid, fee_minor=fee, tax_minor=tax), event_id=event_id)
    amount = payment.amount_minor
    entries = [(LedgerAccount.PROVIDER_CLEARING, amount), (LedgerAccount.BUYER_RECEIVABLE, -amount)]
    _post(connection, JournalKind.CAPTURE, payment, entries)
    _note(connection, payment, "late_reclaimed" if late else "confirmed", topic="order.confirmed", audit="order.confirmed")


def _give_back(connection: Connection, payment: Any, reason: RefundReason) -> str:
    if payment.amount_minor == 0:
        return "noted"
    amount = payment.amount_minor
    entries = [(LedgerAccount.PROVIDER_CLEARING, amount), (LedgerAccount.REFUNDS, -amount)]
    _post(connection, JournalKind.UNAPPLIED_CAPTURE, payment, entries)
    refund_id = plan_refund(connection, payment_id=payment.id, amount_minor=amount, reason=reason)
    _note(connection, payment, "refund_planned", topic="payment.returned", audit=None, refund_id=str(refund_id))
    return "refund_planned"


def _post(
    connection: Connection, kind: JournalKind, payment: Any, entries: list[tuple[LedgerAccount, int]], *, event_id: UUID | None = None
) -> None:
    ids = {"vendor_id": payment.vendor_id, "order_id": payment.order_id, "payment_id": payment.id}
    post(connection, kind=kind, entries=entries, currency=payment.currency, event_id=event_id, **ids)


def _note(connection: Connection, payment: Any, kind: str, *, topic: str, audit: str | None, **detail: str) -> None:
    detail = {"payment_id": str(payment.id), **detail}
    connection.execute("insert into order_event (order_id, kind, detail) values (%s, %s, %s)", [payment.order_id, kind, Jsonb(detail)])
    connection.execute("insert into outbox (topic, subject_id, payload) values (%s, %s, %s)", [topic, payment.order_id, Jsonb(detail)])
    if audit:
        connection.execute("insert into audit_entry (action, subject_id) values (%s, %s)", [audit, payment.order_id])
