"""Composing mails: text and HTML from one set of values; QR codes as pictures inside; amounts and dates as the reader writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy, default
from functools import partial
from typing import Any
from uuid import UUID

from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ticketing.accounts.claims import PERSONS
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.links import LinkSigner, link_address, open_link
from ticketing.accounts.profile import contact_address
from ticketing.accounts.service import email_of
from ticketing.foundation.errors import TicketingError
from ticketing.foundation.money import Money
from ticketing.foundation.settings import Settings
from ticketing.messages.preferences import UnsubscribeSigner, when_wanted
from ticketing.messages.rules import OPTIONAL, MessageKind, OptionalKind
from ticketing.orders.service import get_order
from ticketing.tickets.qr import TicketSigner, qr_png
from ticketing.tickets.service import TicketView, order_tickets
from ticketing.waitinglist.rules import OfferLink
from ticketing.waitingroom.tokens import PlaceSigner, PlaceToken

SUBJECTS = {
    MessageKind.ORDER_CONFIRMED: "Your tickets: {title} (order {code})",
    MessageKind.ORDER_CANCELLED: "Cancelled: order {code}",
    MessageKind.TICKET_CANCELLED: "Cancelled: ticket {code}",
    MessageKind.PAYMENT_RETURNED: "Your payment comes back: order {code}",
    MessageKind.VERIFY_EMAIL: "Confirm your e-mail address",
    MessageKind.RESET_PASSWORD: "Set a new password",
    MessageKind.CHANGE_EMAIL: "Confirm your new e-mail address",
    MessageKind.ADDRESS_CHANGING: "Your e-mail address is being changed",
    MessageKind.FIND_ORDERS: "Your orders",
    MessageKind.EVENT_POSTPONED: "New time: {title}",
    MessageKind.YOUR_TURN: "It is your turn: {title}",
    MessageKind.PLACES_OFFERED: "Places for you: {title}",
    MessageKind.SEATS_CHANGED: "Your seats have changed: {title} (order {code})",
    MessageKind.LAYOUT_CONFLICTS: "New seats are needed: {venue}",
}
LINK_PATHS = {
    MessageKind.VERIFY_EMAIL: "/verify",
    MessageKind.RESET_PASSWORD: "/reset",
    MessageKind.CHANGE_EMAIL: "/new-address",
    MessageKind.FIND_ORDERS: "/find",
}
"""Where the storefront follows the links of these mails."""


class UnfoldedHeader(UnstructuredHeader, BaseHeader):
    """A header of one long address: folded as others are it would be cut into encoded words, which mail programs don't put together."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_headers = HeaderRegistry()
_headers.map_to_type("list-unsubscribe", UnfoldedHeader)
POLICY = default.clone(header_factory=_headers)

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

TURN = """
select e.id as event_id, e.title, e.zone, q.position, q.turn_ends_at at time zone e.zone as until_local, u.locale
from queue_entry q join event e on e.id = q.event_id join user_account u on u.id = :recipient
where q.id = :entry and q.state = 'admitted' and q.turn_ends_at > :now
"""

OFFER = """
select e.title, e.zone, w.quantity, w.offer_ends_at at time zone e.zone as until_local, u.locale
from waiting_list_entry w join event e on e.id = w.event_id join user_account u on u.id = :recipient
where w.id = :entry and w.state = 'offered' and w.offer_ends_at > :now
"""

TICKET = """
select t.code, e.title, t.order_id, o.currency, v.name as vendor_name, u.locale,
  (select sum(amount_minor)::bigint from refund_line r where r.order_line_id = t.order_line_id) as refund_minor
from ticket t join event e on e.id = t.event_id join ticket_order o on o.id = t.order_id join vendor v on v.id = o.vendor_id
join user_account u on u.id = :recipient
where t.id = :ticket
"""

POSTPONED = """
select e.title, e.zone, p.from_local_start, p.to_local_start, n.name as venue_name, n.city, v.name as vendor_name, u.locale, mine.codes,
  mine.order_id
from event_postponement p join event e on e.id = p.event_id join venue n on n.id = e.venue_id join vendor v on v.id = e.vendor_id
join user_account u on u.id = :recipient
join lateral (
  select array_agg(t.code order by t.code) as codes, max(t.order_id::text)::uuid as order_id from ticket t
  where t.event_id = e.id and t.holder_id = u.id and t.state in ('valid', 'listed')
) mine on mine.codes is not null
where p.id = :postponement and e.status in ('published', 'postponed')
  and not exists (select from event_postponement later where later.event_id = p.event_id and later.id > p.id)
"""

REFUNDS = """
select sum(amount_minor)::bigint as amount_minor, max(currency) as currency, max(reason) as reason, max(order_id::text)::uuid as order_id
from refund where {which}
"""


RESEATED = f"""
select m.ticket_id as id, t.order_id, s.name || ', row ' || l.row_label || ', seat ' || l.seat_label as old_seat
from reseating_move m
join reseating r on r.id = m.reseating_id and r.state = 'applied'
join ticket t on t.id = m.ticket_id
join layout_seat l on l.layout_id = r.from_layout_id and l.seat_no = m.from_seat_no
join section s on s.id = l.section_id
where (t.id = :subject or t.order_id = :subject) and t.holder_id in {PERSONS.replace(":person", ":recipient")}
order by r.decided_at desc
"""
CONFLICTS = """
select e.title, e.local_start, v.name as venue_name, u.locale, r.sold, r.held,
  (select count(distinct group_no) from reseating_move m where m.reseating_id = r.id and m.unplaced is not null)::int as unplaced
from reseating r
join event e on e.id = r.event_id
join venue v on v.id = e.venue_id
join user_account u on u.id = :recipient
where r.to_layout_id = :layout and r.state = 'proposed'
order by e.starts_at, e.id
"""


class NothingToSay(TicketingError):
    """The message no longer has a reason to be sent; says why."""


class NotNow(TicketingError):
    """Its reader has quiet hours."""

    def __init__(self, until: datetime) -> None:
        super().__init__("quiet hours")
        self.until = until


@dataclass(frozen=True, slots=True)
class Composer:
    """What composing needs: keys to read addresses and to sign tickets and links, and where the shop is."""

    cipher: ContactCipher
    signer: TicketSigner
    links: LinkSigner
    places: PlaceSigner
    unsubscribing: UnsubscribeSigner
    public_url: str
    desk_url: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Composer:
        secrets = settings.secrets
        return cls(
            ContactCipher.from_settings(settings),
            TicketSigner.from_secrets(secrets),
            LinkSigner.from_secrets(secrets),
            PlaceSigner.from_secrets(secrets),
            UnsubscribeSigner.from_secrets(secrets),
            settings.public_url,
            settings.desk_url,
        )

    def compose(self, session: Session, *, kind: MessageKind, subject_id: UUID, recipient_id: UUID, now: datetime) -> EmailMessage:
        """The mail without sender, recipient, date and id.

        `subject_id` is the order's, for `payment_returned` the refund's, for links the link's, for a turn that of the place in the
        queue, for a changing address the old address', for a moved event that of the move, for new seats the order's or the
        ticket's, for conflicts the layout's. Raises `NothingToSay`, `NotNow`.
        """
        if kind in OPTIONAL:
            return self._optional_mail(session, kind=kind, subject_id=subject_id, recipient_id=recipient_id, now=now)
        if kind in LINK_PATHS:
            return self._link_mail(session, kind=kind, link_id=subject_id, now=now)
        if kind is MessageKind.ADDRESS_CHANGING:
            return _mail(kind, subject=SUBJECTS[kind], values={"link": f"{self.public_url}/forgot"})
        if kind is MessageKind.PLACES_OFFERED:
            return self._offer_mail(session, entry_id=subject_id, recipient_id=recipient_id, now=now)
        if kind is MessageKind.EVENT_POSTPONED:
            return self._postponed_mail(session, postponement_id=subject_id, recipient_id=recipient_id)
        if kind is MessageKind.SEATS_CHANGED:
            return self._reseated_mail(session, subject_id=subject_id, recipient_id=recipient_id)
        if kind is MessageKind.LAYOUT_CONFLICTS:
            return self._conflicts_mail(session, layout_id=subject_id, recipient_id=recipient_id)
        if kind is MessageKind.TICKET_CANCELLED:
            return self._ticket_mail(session, ticket_id=subject_id, recipient_id=recipient_id)
        return self._order_mail(session, kind=kind, subject_id=subject_id, recipient_id=recipient_id)

    def address(self, session: Session, *, kind: MessageKind, subject_id: UUID, recipient_id: UUID) -> str:
        """Where the mail goes: a link to the address that it is to prove, a warning to the old one. Raises `NothingToSay`."""
        if kind in LINK_PATHS:
            return link_address(session, link_id=subject_id, cipher=self.cipher)
        if kind is MessageKind.ADDRESS_CHANGING:
            return contact_address(session, contact_id=subject_id, cipher=self.cipher)
        address = email_of(session, user_id=recipient_id, cipher=self.cipher)
        if address is None:
            raise NothingToSay("no address")
        return address

    def _optional_mail(self, session: Session, *, kind: MessageKind, subject_id: UUID, recipient_id: UUID, now: datetime) -> EmailMessage:
        """One that its reader may not want, or not now; it says how to have no more of them (RFC 8058)."""
        optional = OptionalKind(kind.value)
        wanted_at = when_wanted(session, user_id=recipient_id, kind=optional, now=now)
        if wanted_at is None:
            raise NothingToSay("not wanted")
        if wanted_at > now:
            raise NotNow(wanted_at)
        unsubscribe = f"{self.public_url}/unsubscribe/{kind.value}/{self.unsubscribing.token(recipient_id, optional)}"
        mail = self._turn_mail(session, entry_id=subject_id, recipient_id=recipient_id, now=now, unsubscribe=unsubscribe)
        mail["List-Unsubscribe"] = f"<{unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return mail

    def _link_mail(self, session: Session, *, kind: MessageKind, link_id: UUID, now: datetime) -> EmailMessage:
        purpose = open_link(session, link_id=link_id, now=now)
        if purpose is None:
            raise NothingToSay("the link was used, or is too old")
        link = f"{self.public_url}{LINK_PATHS[kind]}/{self.links.token(link_id, purpose)}"
        return _mail(kind, subject=SUBJECTS[kind], values={"link": link})

    def _turn_mail(self, session: Session, *, entry_id: UUID, recipient_id: UUID, now: datetime, unsubscribe: str) -> EmailMessage:
        turn = session.execute(text(TURN), {"entry": entry_id, "recipient": recipient_id, "now": now}).one_or_none()
        if turn is None:
            raise NothingToSay("the turn is over")
        link = f"{self.public_url}/queue/{self.places.write(PlaceToken(turn.event_id, entry_id, turn.position))}"
        until = _wall_time(turn.until_local, locale=turn.locale)
        return _mail(
            MessageKind.YOUR_TURN,
            subject=SUBJECTS[MessageKind.YOUR_TURN].format(title=turn.title),
            values={"turn": turn, "link": link, "until": until, "unsubscribe": unsubscribe},
        )

    def _offer_mail(self, session: Session, *, entry_id: UUID, recipient_id: UUID, now: datetime) -> EmailMessage:
        offer = session.execute(text(OFFER), {"entry": entry_id, "recipient": recipient_id, "now": now}).one_or_none()
        if offer is None:
            raise NothingToSay("the offer is over")
        link = f"{self.public_url}/offers/{self.links.token(entry_id, OfferLink.OFFER)}"
        values = {"offer": offer, "link": link, "until": _wall_time(offer.until_local, locale=offer.locale)}
        return _mail(MessageKind.PLACES_OFFERED, subject=SUBJECTS[MessageKind.PLACES_OFFERED].format(title=offer.title), values=values)

    def _reseated_mail(self, session: Session, *, subject_id: UUID, recipient_id: UUID) -> EmailMessage:
        """The subject is the order, or one ticket that its buyer has given to somebody."""
        moved = session.execute(text(RESEATED), {"subject": subject_id, "recipient": recipient_id}).all()
        old_seats = {row.id: row.old_seat for row in reversed(moved)}
        order_id = moved[0].order_id if moved else subject_id
        signed = order_tickets(session, order_id=order_id, signer=self.signer)
        tickets = [ticket for ticket in signed if ticket.id in old_seats and ticket.state in ("valid", "listed")]
        if not tickets:
            raise NothingToSay("none of the tickets is valid any more")
        reader = session.execute(text(READER), {"recipient": recipient_id, "order": order_id}).one()
        code, title = tickets[0].order_code, tickets[0].event_title
        values = {
            "tickets": tickets,
            "old_seats": old_seats,
            "code": code,
            "reader": reader,
            "link": f"{self.public_url}/orders/{order_id}",
            "wall_time": partial(_wall_time, locale=reader.locale),
        }
        kind = MessageKind.SEATS_CHANGED
        mail = _mail(kind, subject=SUBJECTS[kind].format(code=code, title=title), values=values)
        _attach_codes(mail, tickets)
        return mail

    def _conflicts_mail(self, session: Session, *, layout_id: UUID, recipient_id: UUID) -> EmailMessage:
        events = session.execute(text(CONFLICTS), {"layout": layout_id, "recipient": recipient_id}).all()
        if not events:
            raise NothingToSay("every plan is decided")
        values = {"events": events, "link": self.desk_url, "wall_time": partial(_wall_time, locale=events[0].locale)}
        kind = MessageKind.LAYOUT_CONFLICTS
        return _mail(kind, subject=SUBJECTS[kind].format(venue=events[0].venue_name), values=values)

    def _ticket_mail(self, session: Session, *, ticket_id: UUID, recipient_id: UUID) -> EmailMessage:
        ticket = session.execute(text(TICKET), {"ticket": ticket_id, "recipient": recipient_id}).one()
        refund = Money(ticket.refund_minor, ticket.currency).format(ticket.locale) if ticket.refund_minor else None
        values = {"ticket": ticket, "refund": refund, "link": f"{self.public_url}/orders/{ticket.order_id}"}
        return _mail(MessageKind.TICKET_CANCELLED, subject=SUBJECTS[MessageKind.TICKET_CANCELLED].format(code=ticket.code), values=values)

    def _postponed_mail(self, session: Session, *, postponement_id: UUID, recipient_id: UUID) -> EmailMessage:
        moved = session.execute(text(POSTPONED), {"postponement": postponement_id, "recipient": recipient_id}).one_or_none()
        if moved is None:
            raise NothingToSay("the event was moved again or called off, or no ticket is valid any more")
        values = {
            "moved": moved,
            "was": _wall_time(moved.from_local_start, locale=moved.locale),
            "takes_place": _wall_time(moved.to_local_start, locale=moved.locale),
            "link": f"{self.public_url}/orders/{moved.order_id}",
        }
        subject = SUBJECTS[MessageKind.EVENT_POSTPONED].format(title=moved.title)
        return _mail(MessageKind.EVENT_POSTPONED, subject=subject, values=values)

    def _order_mail(self, session: Session, *, kind: MessageKind, subject_id: UUID, recipient_id: UUID) -> EmailMessage:
        refund = _refund(session, kind, subject_id)
        order_id = refund.order_id if kind is MessageKind.PAYMENT_RETURNED else subject_id
        order = get_order(session, order_id=order_id)
        tickets = [ticket for ticket in order_tickets(session, order_id=order_id, signer=self.signer) if ticket.state == "valid"]
        if kind is MessageKind.ORDER_CONFIRMED and not tickets:
            raise NothingToSay("no ticket of the order is valid any more")
        reader = session.execute(text(READER), {"recipient": recipient_id, "order": order_id}).one()
        values = {
            "order": order,
            "tickets": tickets,
            "refund": refund,
            "reader": reader,
            "titles": list(dict.fromkeys(line.event_title for line in order.lines)),
            "link": f"{self.public_url}/orders/{order.id}",
            "money": lambda amount_minor, currency: Money(amount_minor, currency).format(reader.locale),
            "day": partial(format_date, format="full", locale=reader.locale),
            "wall_time": partial(_wall_time, locale=reader.locale),
        }
        mail = _mail(kind, subject=SUBJECTS[kind].format(code=order.code, title=order.lines[0].event_title), values=values)
        if kind is MessageKind.ORDER_CONFIRMED:
            _attach_codes(mail, tickets)
        return mail


def _attach_codes(mail: EmailMessage, tickets: Sequence[TicketView]) -> None:
    page: Any = mail.get_body(("html",))
    for ticket in tickets:
        page.add_related(qr_png(ticket.qr_text), "image", "png", cid=f"<{ticket.code}>", filename=f"{ticket.code}.png")


def _mail(kind: MessageKind, *, subject: str, values: dict[str, Any]) -> EmailMessage:
    mail = EmailMessage(POLICY)
    mail["Subject"] = subject
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(environment.get_template(f"{kind.value}.txt").render(values), cte="quoted-printable")
    mail.add_alternative(environment.get_template(f"{kind.value}.html").render(values), subtype="html", cte="quoted-printable")
    return mail


def _refund(session: Session, kind: MessageKind, subject_id: UUID) -> Row[Any]:
    """What goes back, in all; `amount_minor` is null when nothing does."""
    which = "id = :id" if kind is MessageKind.PAYMENT_RETURNED else "order_id = :id and reason = 'requested'"
    return session.execute(text(REFUNDS.format(which=which)), {"id": subject_id}).one()


def _wall_time(value: datetime, *, locale: str) -> str:
    """`Friday 18 December 2026, 19:30`: the local time of the event, which is stored as such."""
    return f"{format_date(value, 'full', locale=locale)}, {format_time(value, 'short', locale=locale)}"
