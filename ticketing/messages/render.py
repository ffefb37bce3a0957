"""Composing mails: text and HTML from one set of values; QR codes as inline pictures; a Message-ID that stays the same."""

from __future__ import annotations

from email.message import EmailMessage
from uuid import UUID

from babel.dates import format_datetime
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy.orm import Session

from ticketing.foundation.money import Money
from ticketing.messages.rules import MessageKind
from ticketing.orders.service import get_order
from ticketing.tickets.qr import TicketSigner, qr_png
from ticketing.tickets.service import order_tickets

LOCALE = "en_GB"
SUBJECTS = {
    MessageKind.ORDER_CONFIRMED: "Your tickets, order {code}",
    MessageKind.ORDER_CANCELLED: "Cancelled: order {code}",
    MessageKind.PAYMENT_RETURNED: "Your payment comes back, order {code}",
}

environment = Environment(
    loader=PackageLoader("ticketing.messages"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals["money"] = lambda amount, currency: Money(amount, currency).format(LOCALE)
environment.filters["wall_time"] = lambda value: format_datetime(value, "EEEE d MMMM yyyy, HH:mm", locale=LOCALE)
environment.filters["city_of"] = lambda zone: zone.rpartition("/")[2].replace("_", " ") + " time"


def compose(
    session: Session,
    *,
    kind: MessageKind,
    order_id: UUID,
    message_id: UUID,
    address: str,
    sender: str,
    signer: TicketSigner,
    public_url: str,
) -> EmailMessage | None:
    """The mail for an order; None when there is nothing left to say (tickets that are all cancelled)."""
    order = get_order(session, order_id=order_id)
    tickets = [ticket for ticket in order_tickets(session, order_id=order_id, signer=signer) if ticket.state == "valid"]
    if kind is MessageKind.ORDER_CONFIRMED and not tickets:
        return None
    values = {"order": order, "tickets": tickets, "link": f"{public_url}/orders/{order.id}"}
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = address
    mail["Subject"] = SUBJECTS[kind].format(code=order.code)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(environment.get_template(f"{kind.value}.txt").render(values))
    mail.add_alternative(environment.get_template(f"{kind.value}.html").render(values), subtype="html")
    if kind is MessageKind.ORDER_CONFIRMED:
        html = mail.get_payload()[1]  # type: ignore[index]
        for ticket in tickets:
            html.add_related(qr_png(ticket.qr_text), "image", "png", cid=f"<{ticket.code}>", filename=f"{ticket.code}.png")  # type: ignore[union-attr]
    return mail
