"""Composing mails: text and HTML from one set of values; QR codes as pictures inside; amounts and dates as the reader writes them."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from functools import partial
from typing import Any
from uuid import UUID

from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ticketing.foundation.errors import TicketingError
from ticketing.foundation.money import Money
from ticketing.messages.rules import MessageKind
from ticketing.orders.service import get_order
from ticketing.tickets.qr import TicketSigner, qr_png
from ticketing.tickets.service import order_tickets

SUBJECTS = {
    MessageKind.ORDER_CONFIRMED: "Your tickets: {title} (order {code})",
    MessageKind.ORDER_CANCELLED: "Cancelled: order {code}",
    MessageKind.PAYMENT_RETURNED: "Your payment comes back: order {code}",
}

environment = Environment(
    loader=PackageLoader("ticketing.messages"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters["city_of"] = lambda zone: zone.rpartition("/")[2].replace("_", " ") + " time"

READER = """
select u.locale, v.name as vendor_name, v.zone as vendor_zone, o.confirmed_at at time zone v.zone as confirmed_local
from user_account u, ticket_order o join vendor v on v.id = o.vendor_id
where u.id = :recipient and o.id = :order
"""

REFUNDS = """
select sum(amount_minor)::bigint as amount_minor, max(currency) as currency, max(reason) as reason, max(order_id::text)::uuid as order_id
from refund where {which}
"""


class NothingToSay(TicketingError):
    """The message no longer has a reason to be sent; says why."""


def compose(
    session: Session, *, kind: MessageKind, subject_id: UUID, recipient_id: UUID, signer: TicketSigner, public_url: str
) -> EmailMessage:
    """The mail without sender, recipient, date and id.

    `subject_id` is the order's, for `payment_returned` the refund's. Raises `NothingToSay`.
    """
    refund = _refund(session, kind, subject_id)
    order_id = refund.order_id if kind is MessageKind.PAYMENT_RETURNED else subject_id
    order = get_order(session, order_id=order_id)
    tickets = [ticket for ticket in order_tickets(session, order_id=order_id, signer=signer) if ticket.state == "valid"]
    if kind is MessageKind.ORDER_CONFIRMED and not tickets:
        raise NothingToSay("no ticket of the order is valid any more")
    reader = session.execute(text(READER), {"recipient": recipient_id, "order": order_id}).one()
    values = {
        "order": order,
        "tickets": tickets,
        "refund": refund,
        "reader": reader,
        "titles": list(dict.fromkeys(line.event_title for line in order.lines)),
        "link": f"{public_url}/orders/{order.id}",
        "money": lambda amount_minor, currency: Money(amount_minor, currency).format(reader.locale),
        "day": partial(format_date, format="full", locale=reader.locale),
        "wall_time": partial(_wall_time, locale=reader.locale),
    }
    mail = EmailMessage()
    mail["Subject"] = SUBJECTS[kind].format(code=order.code, title=order.lines[0].event_title)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(environment.get_template(f"{kind.value}.txt").render(values), cte="quoted-printable")
    html = environment.get_template(f"{kind.value}.html").render(values)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if kind is MessageKind.ORDER_CONFIRMED:
        page: Any = mail.get_body(("html",))
        for ticket in tickets:
            page.add_related(qr_png(ticket.qr_text), "image", "png", cid=f"<{ticket.code}>", filename=f"{ticket.code}.png")
    return mail


def _refund(session: Session, kind: MessageKind, subject_id: UUID) -> Row[Any]:
    """What goes back, in all; `amount_minor` is null when nothing does."""
    which = "id = :id" if kind is MessageKind.PAYMENT_RETURNED else "order_id = :id and reason = 'requested'"
    return session.execute(text(REFUNDS.format(which=which)), {"id": subject_id}).one()


def _wall_time(value: datetime, *, locale: str) -> str:
    """`Friday 18 December 2026, 19:30`: the local time of the event, which is stored as such."""
    return f"{format_date(value, 'full', locale=locale)}, {format_time(value, 'short', locale=locale)}"
