"""The receipt of a paid order as a PDF: who sold what, for how much, with which tax, and what went back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from babel.dates import format_datetime
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.clock import zone
from ticketing.foundation.errors import Conflict
from ticketing.foundation.money import Money
from ticketing.orders.read import OrderLineView, OrderView
from ticketing.orders.rules import LineState
from ticketing.orders.service import get_order
from ticketing.tickets.printing import BOLD, PLAIN, fonts, write, write_right

LOCALE = "en_GB"
MARGIN = 20 * mm
LINE = 18
FOOT = 60 * mm
"""Room for the sums; where less is left, they go to the next page."""


class OrderNotPaid(Conflict):
    """There is no receipt of what has not been paid."""


@dataclass(frozen=True, slots=True)
class Receipt:
    order: OrderView
    seller: str
    paid_at: datetime
    zone: str
    """The seller's."""


def get_receipt(session: Session, *, order_id: UUID, buyer_id: UUID) -> Receipt:
    """What a receipt says. Raises `OrderNotFound`, `OrderNotPaid`."""
    order = get_order(session, order_id=order_id, buyer_id=buyer_id)
    if order.confirmed_at is None:
        raise OrderNotPaid("This order has not been paid.", order_id=order_id)
    vendor = session.execute(text("select name, zone from vendor where id = :vendor"), {"vendor": order.vendor_id}).one()
    return Receipt(order, vendor.name, order.confirmed_at, vendor.zone)


def receipt_pdf(receipt: Receipt) -> bytes:
    """Pages of A4. The same receipt gives the same bytes."""
    fonts()
    order = receipt.order
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setTitle(f"Receipt {order.code}")
    y = _head(canvas, receipt)
    for line in order.lines:
        if y < MARGIN + LINE:
            canvas.showPage()
            y = A4[1] - MARGIN
        _row(canvas, y, _what(line), _money(line.price_minor, order))
        y -= LINE
    if y < MARGIN + FOOT:
        canvas.showPage()
        y = A4[1] - MARGIN
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, y + LINE - 6, A4[0] - MARGIN, y + LINE - 6)
    for label, amount, font in _sums(order):
        _row(canvas, y - 4, label, amount, font=font)
        y -= LINE
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _head(canvas: Canvas, receipt: Receipt) -> float:
    """Who sold to which order, and when it was paid; returns where the lines begin."""
    width, height = A4
    y = height - MARGIN - 20
    write(canvas, MARGIN, y, "Receipt", font=BOLD, size=20, most=width)
    paid = format_datetime(receipt.paid_at.astimezone(zone(receipt.zone)), "d MMMM yyyy, HH:mm", locale=LOCALE)
    city = receipt.zone.rpartition("/")[2].replace("_", " ")
    for label, value in (("Order", receipt.order.code), ("Sold by", receipt.seller), ("Paid", f"{paid} ({city} time)")):
        y -= LINE + 4
        write(canvas, MARGIN, y, label, size=9, most=32 * mm)
        write(canvas, MARGIN + 34 * mm, y, value, font=BOLD, size=11, most=width - 2 * MARGIN - 34 * mm)
    return y - 2 * LINE


def _row(canvas: Canvas, y: float, what: str, amount: str, *, font: str = PLAIN) -> None:
    width = A4[0]
    write(canvas, MARGIN, y, what, font=font, size=10, most=width - 2 * MARGIN - 40 * mm)
    write_right(canvas, width - MARGIN, y, amount, font=font, size=10)


def _what(line: OrderLineView) -> str:
    words: list[Any] = [line.event_title, line.section_name or line.ticket_type_name]
    if line.seat_label:
        words += [f"row {line.row_label}", f"seat {line.seat_label}"]
    return ", ".join(words) + (" (cancelled)" if line.state is LineState.CANCELLED else "")


def _sums(order: OrderView) -> list[tuple[str, str, str]]:
    """(label, amount, font) from the subtotal to what went back; only what there is."""
    rows = [("Sum of the prices", order.subtotal_minor, PLAIN)]
    if order.discount_minor:
        rows.append(("Discount", -order.discount_minor, PLAIN))
    rows += [("Fees", order.fee_minor, PLAIN), ("Total paid", order.total_minor, BOLD)]
    if order.tax_minor:
        rows.append(("of which tax", order.tax_minor, PLAIN))
    if order.refunded_minor:
        rows.append(("Refunded", -order.refunded_minor, BOLD))
    return [(label, _money(amount, order), font) for label, amount, font in rows]


def _money(amount_minor: int, order: OrderView) -> str:
    return Money(amount_minor, order.currency).format(LOCALE)
