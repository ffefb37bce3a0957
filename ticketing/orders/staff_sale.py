"""Staff sell at the door, or give tickets away: hold, order and confirmation in one transaction.

The steps are those of every sale, on other terms: the claim of `inventory.claim`, the order of `orders.place`, for a sale at the
door the settlement of `orders.settle` of a payment that was taken by hand. What is given away costs nothing and has no payment.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ticketing.accounts.walk_ins import Person, create_walk_in
from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.idempotency import reused
from ticketing.foundation.ids import new_id
from ticketing.inventory.blocks import note_given_away
from ticketing.inventory.claim import ClaimHandler, ClaimRequest, EventNotFound
from ticketing.inventory.holds import HoldView
from ticketing.inventory.retake import retake_places
from ticketing.inventory.rules import Terms
from ticketing.inventory.writer import RunAlone
from ticketing.orders.confirm import confirm_order
from ticketing.orders.pay import OrderNotFound, ProviderNotOffered
from ticketing.orders.place import PlaceHandler, PlaceRequest
from ticketing.orders.read import OrderView, read_orders
from ticketing.orders.rules import Channel
from ticketing.orders.settle import SettleHandler, Settlement, SettleRequest
from ticketing.payments.providers import ProviderNotice

CASH = "cash"
"""The provider of money taken by hand: by us nobody is asked for it, and nobody is asked to give it back."""


class TakenWith(StrEnum):
    """What money was taken with at the door."""

    CASH = "cash"
    CARD_TERMINAL = "card_terminal"
    """The vendor's own, beside this system."""


@dataclass(frozen=True, slots=True)
class StaffSale:
    order_id: UUID
    code: str
    vendor_ids: tuple[UUID, ...]
    """For which the member may do this."""
    actor_id: UUID
    """The member."""
    person: Person | None
    """None: somebody without a name."""
    event_id: UUID
    seats: tuple[int, ...]
    places: tuple[tuple[UUID, int], ...]
    key: str
    digest: bytes
    taken_with: TakenWith | None
    """None: it is given away."""
    note: str = ""

    @property
    def terms(self) -> Terms:
        return Terms.COMPLIMENTARY if self.taken_with is None else Terms.BOX_OFFICE

    @property
    def channel(self) -> Channel:
        return Channel.COMPLIMENTARY if self.taken_with is None else Channel.BOX_OFFICE

    def claim(self, buyer_id: UUID) -> ClaimRequest:
        """Its hold. The keys of its parts are made of the order's id: the member's own key guards the whole."""
        return ClaimRequest(
            new_id(),
            self.event_id,
            buyer_id,
            f"hold:{self.order_id}",
            self.digest,
            self.seats,
            self.places,
            terms=self.terms,
            actor_id=self.actor_id,
        )

    def check(self) -> None:
        """Raises `Invalid` for what no state of the event could make right."""
        self.claim(self.actor_id).check()


CASH_ACCOUNT = "select id from payment_account where vendor_id = %s and provider = 'cash' and kind = 'cash' and removed_at is null"

PAYMENT = """
with new_payment as (
  insert into payment (id, vendor_id, order_id, provider, payment_account_id, currency, amount_minor, session_expires_at, created_at)
  select %(payment)s, vendor_id, id, %(provider)s, %(account)s, currency, total_minor, expires_at, app_now()
  from ticket_order where id = %(order)s
),
new_history as (
  insert into order_event (order_id, kind, detail) values (%(order)s, 'payment_started', %(detail)s)
),
new_key as (
  insert into idempotency_key (actor_id, key, request_digest, kind, resource_id)
  values (%(buyer)s, 'payment:' || %(order)s::uuid, %(digest)s, 'payment', %(payment)s)
)
insert into audit_entry (actor_id, action, subject_id, digest) values (%(actor)s, 'payment.started', %(payment)s, %(digest)s)
"""

LINES = "select l.*, uuidv7() as ticket_id from order_line l where order_id = %s order by line_no"

CONFIRMED = """
with new_history as (
  insert into order_event (order_id, kind, detail) values (%(order)s, 'confirmed', %(detail)s)
),
new_outbox as (
  insert into outbox (topic, subject_id) values ('order.confirmed', %(order)s)
)
insert into audit_entry (actor_id, action, subject_id) values (%(actor)s, 'order.confirmed', %(order)s)
"""

DONE = """
with new_key as (
  insert into idempotency_key (actor_id, key, request_digest, kind, resource_id)
  values (%(actor)s, %(key)s, %(digest)s, %(kind)s, %(order)s)
)
insert into audit_entry (actor_id, action, subject_id, digest) values (%(actor)s, %(action)s, %(order)s, %(digest)s)
"""


class StaffSaleHandler:
    """The writer's handler for `StaffSale`, each in a transaction of its own; outcomes are `OrderView` or an error."""

    def __init__(self) -> None:
        self._claims, self._places, self._settlements = ClaimHandler(), PlaceHandler(), SettleHandler()

    def conflict_keys(self, request: StaffSale) -> Iterable[Hashable]:
        yield (request.actor_id, request.key)

    def run(self, connection: Connection, requests: Sequence[StaffSale], *, alone: bool) -> list[Any]:
        return [self._sell(connection, request) if alone else RunAlone() for request in requests]

    def _sell(self, connection: Connection, request: StaffSale) -> OrderView:
        """Whatever stops it is raised, so that nothing of it stays."""
        if known := _known(connection, request):
            return known
        vendor = connection.execute("select vendor_id from event where id = %s", [request.event_id]).fetchone()
        if vendor is None or vendor[0] not in request.vendor_ids:
            raise EventNotFound("There is no such event.", event_id=request.event_id)
        buyer_id = create_walk_in(connection, person=request.person, actor_id=request.actor_id)
        (hold,) = self._claims.run(connection, [request.claim(buyer_id)], alone=True)
        if not isinstance(hold, HoldView):
            raise hold
        placing = PlaceRequest(
            request.order_id,
            request.code,
            buyer_id,
            (hold.id,),
            f"order:{request.order_id}",
            request.digest,
            request.channel,
            actor_id=request.actor_id,
        )
        (order,) = self._places.run(connection, [placing], alone=True)
        if not isinstance(order, OrderView):
            raise order
        if request.taken_with is None:
            _give(connection, request, order)
        else:
            self._take_money(connection, request, order, request.taken_with)
        connection.execute(
            DONE,
            {
                "actor": request.actor_id,
                "key": request.key,
                "digest": request.digest,
                "kind": request.channel.value,
                "order": order.id,
                "action": f"order.{request.channel.value}",
            },
        )
        return read_orders(connection, [order.id])[0]

    def _take_money(self, connection: Connection, request: StaffSale, order: OrderView, taken_with: TakenWith) -> None:
        account = connection.execute(CASH_ACCOUNT, [order.vendor_id]).fetchone()
        if account is None:
            raise ProviderNotOffered("You take no cash yet: add it to your payment methods.", provider=CASH)
        payment_id = new_id()
        connection.execute(
            PAYMENT,
            {
                "payment": payment_id,
                "order": order.id,
                "provider": CASH,
                "account": account[0],
                "buyer": order.buyer_id,
                "actor": request.actor_id,
                "digest": request.digest,
                "detail": Jsonb({"payment_id": str(payment_id), "taken_with": taken_with.value}),
            },
        )
        notice = ProviderNotice(
            CASH, f"taken:{payment_id}", "payment.captured", f"taken:{payment_id}", payment_id, order.total_minor, order.currency, b"{}"
        )
        (settled,) = self._settlements.run(connection, [SettleRequest.of(notice)], alone=True)
        if settled is not Settlement.CONFIRMED:
            raise RuntimeError(f"money that was taken at the door was {settled}")


def _known(connection: Connection, request: StaffSale) -> OrderView | None:
    """The order that was made under this key. Raises `IdempotencyKeyReused`, `OrderNotFound`."""
    row = connection.execute(
        "select kind, request_digest, resource_id from idempotency_key where actor_id = %s and key = %s", [request.actor_id, request.key]
    ).fetchone()
    if row is None:
        return None
    kind, digest, order_id = row
    if kind != request.channel.value or digest != request.digest:
        raise reused(key=request.key)
    (order,) = read_orders(connection, [order_id])
    if order.vendor_id not in request.vendor_ids:
        raise OrderNotFound("There is no such order.", order_id=order_id)
    return order.as_replayed()


def _give(connection: Connection, request: StaffSale, order: OrderView) -> None:
    with named_cursor(connection) as cursor:
        lines = cursor.execute(LINES, [order.id]).fetchall()
    if order.total_minor != 0 or retake_places(connection, order_id=order.id, buyer_id=order.buyer_id, lines=lines) is not False:
        raise RuntimeError("what is given away costs something, or is not held")
    note_given_away(connection, event_id=request.event_id, seats=request.seats)
    confirm_order(connection, order_id=order.id, payment_id=None, lines=lines, late=False)
    detail = Jsonb({"note": request.note} if request.note else {})
    connection.execute(CONFIRMED, {"order": order.id, "detail": detail, "actor": request.actor_id})
