"""How a vendor is paid, and which of it an event takes. All of it runs in transactions of the role `vendor`.

A card is paid on a provider's page. Cash on arrival and bank transfers can be listed with their instructions; an order can be
paid with what has a provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import CHANGEABLE, EventFixed, lock_own_event
from ticketing.catalog.rules import EventStatus, PaymentKind
from ticketing.catalog.tables import Event, EventPaymentMethod, PaymentAccount
from ticketing.foundation.errors import Conflict, Invalid, NotFound


class PaymentMethodNotFound(NotFound):
    """No such method, or another vendor's."""


class PaymentMethodExists(Conflict):
    """The vendor has a method of this kind and provider: change it, or remove it first."""


class PaymentMethodNeeded(Conflict):
    """An event on sale would be left without a way to pay for it; `details["event_id"]` is the first."""


@dataclass(frozen=True, slots=True)
class PaymentMethodView:
    id: UUID
    vendor_id: UUID
    kind: PaymentKind
    provider: str
    """Of a card; else the kind again."""
    account_ref: str
    label: str
    instructions: str
    payable_online: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentMethods:
    payment_methods: list[PaymentMethodView]


@dataclass(frozen=True, slots=True)
class EventPaymentMethods:
    event_id: UUID
    payment_methods: list[PaymentMethodView]


def add_payment_method(
    session: Session,
    *,
    vendor_id: UUID,
    kind: PaymentKind,
    provider: str | None,
    account_ref: str,
    label: str,
    instructions: str,
    actor_id: UUID,
    now: datetime,
) -> PaymentMethodView:
    """A new way to be paid; events take it once they are told to. Raises `PaymentMethodExists`."""
    name = provider or kind.value
    session.execute(text("select pg_advisory_xact_lock(hashtextextended('payment-method:' || :key, 0))"), {"key": f"{vendor_id}:{name}"})
    living = select(PaymentAccount.id).where(
        PaymentAccount.vendor_id == vendor_id, PaymentAccount.provider == name, PaymentAccount.removed_at.is_(None)
    )
    if (found := session.execute(living).scalar()) is not None:
        raise PaymentMethodExists("You have this way to be paid already.", payment_method_id=found)
    account = PaymentAccount(
        vendor_id=vendor_id,
        provider=name,
        account_ref=account_ref,
        kind=kind,
        label=label,
        instructions=instructions,
        created_at=now,
    )
    session.add(account)
    session.flush()
    record(session, actor_id=actor_id, action="payment_account.connected", subject_id=account.id)
    return _view(account)


def list_payment_methods(session: Session, *, vendor_ids: Sequence[UUID]) -> PaymentMethods:
    """All that are not removed."""
    living = select(PaymentAccount).where(PaymentAccount.vendor_id.in_(vendor_ids), PaymentAccount.removed_at.is_(None))
    return PaymentMethods([_view(account) for account in session.execute(living.order_by(PaymentAccount.id)).scalars()])


def change_payment_method(
    session: Session, *, vendor_ids: Sequence[UUID], method_id: UUID, label: str, instructions: str, actor_id: UUID
) -> PaymentMethodView:
    """Other words; another account is another method, for refunds go where the money came from. Raises `PaymentMethodNotFound`."""
    account = _lock(session, vendor_ids, method_id)
    account.label, account.instructions = label, instructions
    session.flush()
    record(session, actor_id=actor_id, action="payment_account.changed", subject_id=method_id)
    return _view(account)


LEFT_WITHOUT = """
select e.id from event_payment_method m join event e on e.id = m.event_id
where m.payment_account_id = :method and e.status in ('published', 'postponed') and e.sales_close_at > app_now()
  and not exists (
    select from event_payment_method o join payment_account a on a.id = o.payment_account_id
    where o.event_id = e.id and a.id <> :method and a.kind = 'card')
order by e.id limit 1
"""


def remove_payment_method(session: Session, *, vendor_ids: Sequence[UUID], method_id: UUID, actor_id: UUID, now: datetime) -> None:
    """No event takes it any more; what was begun with it is finished with it. Raises `PaymentMethodNotFound`, `PaymentMethodNeeded`."""
    account = _lock(session, vendor_ids, method_id)
    taking = select(EventPaymentMethod.event_id).where(EventPaymentMethod.payment_account_id == method_id)
    session.execute(select(Event.id).where(Event.id.in_(taking)).order_by(Event.id).with_for_update())
    if account.kind is PaymentKind.CARD and (event_id := session.execute(text(LEFT_WITHOUT), {"method": method_id}).scalar()):
        raise PaymentMethodNeeded("An event on sale could not be paid for any more: give it another method first.", event_id=event_id)
    session.execute(delete(EventPaymentMethod).where(EventPaymentMethod.payment_account_id == method_id))
    account.removed_at = now
    record(session, actor_id=actor_id, action="payment_account.removed", subject_id=method_id)


def set_event_payment_methods(
    session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, method_ids: Sequence[UUID], actor_id: UUID
) -> EventPaymentMethods:
    """What an event takes from now on: exactly these.

    Raises `EventUnknown`, `EventFixed`, `PaymentMethodNeeded` for an event on sale that nobody could pay for, `Invalid`.
    """
    event = lock_own_event(session, vendor_ids=vendor_ids, event_id=event_id, version=None)
    if event.status not in CHANGEABLE:
        raise EventFixed(f"The event is {event.status.value}: it can't be changed any more.", event_id=event_id)
    wanted = select(PaymentAccount).where(
        PaymentAccount.id.in_(method_ids), PaymentAccount.vendor_id == event.vendor_id, PaymentAccount.removed_at.is_(None)
    )
    accounts = session.execute(wanted.order_by(PaymentAccount.id).with_for_update(key_share=True)).scalars().all()
    if len(accounts) < len(set(method_ids)):
        raise Invalid("There is no such payment method.", fields={"payment_method_ids": "are not all the vendor's"})
    if event.status is not EventStatus.DRAFT and not any(account.kind is PaymentKind.CARD for account in accounts):
        raise PaymentMethodNeeded("The event is published: it needs a card that it can be paid with.", event_id=event_id)
    session.execute(delete(EventPaymentMethod).where(EventPaymentMethod.event_id == event_id))
    session.add_all(EventPaymentMethod(vendor_id=event.vendor_id, event_id=event_id, payment_account_id=a.id) for a in accounts)
    session.execute(update(Event).where(Event.id == event_id).values(version=Event.version + 1))
    session.flush()
    record(session, actor_id=actor_id, action="event.payment_methods_set", subject_id=event_id)
    return EventPaymentMethods(event_id, [_view(account) for account in accounts])


def _lock(session: Session, vendor_ids: Sequence[UUID], method_id: UUID) -> PaymentAccount:
    living = select(PaymentAccount).where(
        PaymentAccount.id == method_id, PaymentAccount.vendor_id.in_(vendor_ids), PaymentAccount.removed_at.is_(None)
    )
    account = session.execute(living.with_for_update()).scalar_one_or_none()
    if account is None:
        raise PaymentMethodNotFound("There is no such payment method.", payment_method_id=method_id)
    return account


def _view(account: PaymentAccount) -> PaymentMethodView:
    return PaymentMethodView(
        id=account.id,
        vendor_id=account.vendor_id,
        kind=account.kind,
        provider=account.provider,
        account_ref=account.account_ref,
        label=account.label,
        instructions=account.instructions,
        payable_online=account.kind is PaymentKind.CARD,
        created_at=account.created_at,
    )
