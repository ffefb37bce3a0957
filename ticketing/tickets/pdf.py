"""A ticket to print: what, when, where, the QR code, and its code as text for a reader that fails."""

from __future__ import annotations

import io
from textwrap import wrap

import numpy as np
from babel.dates import format_datetime
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from ticketing.tickets.printing import BOLD, PLAIN, fonts, write
from ticketing.tickets.qr import qr_modules
from ticketing.tickets.service import TicketView

LOCALE = "en_GB"
MARGIN = 20 * mm
QR_SIDE = 62 * mm
QUIET_MODULES = 4
"""The white frame that the standard asks for."""
CODE_LETTERS_PER_LINE = 50


def ticket_pdf(*tickets: TicketView) -> bytes:
    """A page of A4 for each (at least one) of an order's tickets. The same tickets give the same bytes."""
    fonts()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setTitle(f"Ticket {tickets[0].code}" if len(tickets) == 1 else f"Tickets of order {tickets[0].order_code}")
    canvas.setSubject(tickets[0].event_title)
    for ticket in tickets:
        _draw_ticket(canvas, ticket)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw_ticket(canvas: Canvas, ticket: TicketView) -> None:
    width, height = A4
    most = width - 2 * MARGIN
    y = height - MARGIN - 20
    write(canvas, MARGIN, y, ticket.event_title, font=BOLD, size=20, most=most)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, y - 12, width - MARGIN, y - 12)
    y -= 40
    for label, value in _facts(ticket):
        write(canvas, MARGIN, y, label, size=9, most=32 * mm)
        write(canvas, MARGIN + 34 * mm, y, value, font=BOLD, size=12, most=most - 34 * mm)
        y -= 22
    y -= QR_SIDE
    _draw_code(canvas, ticket.qr_text, x=MARGIN, y=y)
    write(canvas, MARGIN + QR_SIDE + 8 * mm, y + QR_SIDE / 2, ticket.code, font=BOLD, size=18, most=most - QR_SIDE - 8 * mm)
    hint = "Show this code at the door, printed or on a phone."
    write(canvas, MARGIN + QR_SIDE + 8 * mm, y + QR_SIDE / 2 - 18, hint, size=9, most=most - QR_SIDE - 8 * mm)
    y -= 24
    write(canvas, MARGIN, y, "If the code can't be read:", size=8, most=most)
    for line in wrap(ticket.qr_text, CODE_LETTERS_PER_LINE):
        y -= 12
        write(canvas, MARGIN, y, line, font=PLAIN, size=8, most=most)


def _facts(ticket: TicketView) -> list[tuple[str, str]]:
    when = format_datetime(ticket.local_start, "EEEE d MMMM yyyy, HH:mm", locale=LOCALE)
    zone = ticket.zone.rpartition("/")[2].replace("_", " ")
    place = [ticket.section_name or ticket.ticket_type_name]
    if ticket.seat_label:
        place += [f"row {ticket.row_label}", f"seat {ticket.seat_label}"]
    return [
        ("When", f"{when} ({zone} time)"),
        ("Where", f"{ticket.venue_name}, {ticket.city}"),
        ("Place", ", ".join(place)),
        ("Ticket", ticket.ticket_type_name),
        ("Order", ticket.order_code),
    ]


def _draw_code(canvas: Canvas, text: str, *, x: float, y: float) -> None:
    """Squares rather than a picture: sharp at any size. Dark modules of a row that touch are one rectangle, without seams."""
    dark = qr_modules(text) < 128
    side = QR_SIDE / (len(dark) + 2 * QUIET_MODULES)
    canvas.setFillGray(0)
    for row, modules in enumerate(dark):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], modules.astype(np.int8), [0]))))
        top = y + QR_SIDE - (row + QUIET_MODULES + 1) * side
        for start, end in edges.reshape(-1, 2).tolist():
            canvas.rect(x + (start + QUIET_MODULES) * side, top, (end - start) * side, side, stroke=0, fill=1)
