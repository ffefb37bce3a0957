"""Erasing a person: refused while something is open, begun in one transaction, carried out feature by feature, finished.

Beginning shuts the account for ever and leaves a row; from then on the erasure is finished whatever happens: by the same call, by
another one, by the flow `janitor`. Every step may be killed and done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from ticketing.accounts.claims import persons_of
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.members import check_owners_remain
from ticketing.accounts.personal import shut_for_ever
from ticketing.audit.service import record
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Conflict
from ticketing.foundation.faults import fault_point
from ticketing.foundation.person import Person
from ticketing.foundation.settings import Settings
from ticketing.orders.personal import pending_orders
from ticketing.payments.personal import open_payments, open_refunds
from ticketing.privacy.parts import PARTS
from ticketing.privacy.tables import Erasure
from ticketing.tickets.personal import upcoming_tickets


class MattersOpen(Conflict):
    """Tickets for events to come, or money on its way: `tickets`, `orders`, `payments`, `refunds` name them."""


@dataclass(frozen=True, slots=True)
class OpenMatters:
    """What would be lost, or could not be told to anybody, if the person were erased now."""

    tickets: list[UUID]
    orders: list[UUID]
    """Placed, and not paid."""
    payments: list[UUID]
    refunds: list[UUID]


def person_of(session: Session, *, user_id: UUID, settings: Settings, now: datetime) -> Person:
    """Who somebody is, with the guests that they have claimed; the account itself last."""
    ids = sorted(persons_of(session, user_id=user_id), key=lambda id: (id == user_id, id))
    return Person(user_id, tuple(ids), now, ContactCipher.from_settings(settings).decrypt, settings.photos_path)


def open_matters(session: Session, person: Person) -> OpenMatters:
    """What stands in the way of an erasure."""
    return OpenMatters(
        tickets=[ticket.id for ticket in upcoming_tickets(session, person)],
        orders=pending_orders(session, person),
        payments=open_payments(session, person),
        refunds=open_refunds(session, person),
    )


def check_erasable(session: Session, *, person: Person, giving_up: bool, cancelled: bool) -> None:
    """`giving_up`: money on its way is no reason; tickets and orders are none before they are `cancelled`.

    Raises `MattersOpen`, `LastOwner`.
    """
    check_owners_remain(session, user_ids=person.ids)
    found = open_matters(session, person)
    to_cancel = bool(found.tickets or found.orders) and (cancelled or not giving_up)
    on_its_way = bool(found.payments or found.refunds) and not giving_up
    if to_cancel or on_its_way:
        raise matters_open(found)


def matters_open(matters: OpenMatters) -> MattersOpen:
    return MattersOpen(
        "There are tickets for events to come, or money on its way: use or cancel them first, or give them up.",
        tickets=matters.tickets,
        orders=matters.orders,
        payments=matters.payments,
        refunds=matters.refunds,
    )


def begin_erasure(session: Session, *, person: Person, actor_id: UUID, giving_up: bool) -> None:
    """From here on nobody acts as this person, and there is no way back. Raises `MattersOpen`, `LastOwner`.

    Begun before: nothing happens.
    """
    session.execute(text("select from user_account where id = any(:ids) order by id for update"), {"ids": list(person.ids)})
    if is_begun(session, user_id=person.user_id):
        return
    check_erasable(session, person=person, giving_up=giving_up, cancelled=True)
    shut_for_ever(session, person, actor_id=actor_id)
    session.add(Erasure(user_id=person.user_id, asked_by=actor_id, asked_at=person.now))
    record(session, actor_id=actor_id, action="user.erasure_begun", subject_id=person.user_id)


def is_begun(session: Session, *, user_id: UUID) -> bool:
    """Whether somebody is erased, or being erased."""
    return session.get(Erasure, user_id) is not None


def carry_out(database: Database, *, user_id: UUID, settings: Settings) -> None:
    """Erase somebody whose erasure is begun: one transaction for each feature. Done again, it does what is left; finished, nothing."""
    for part in PARTS:
        with database.transaction() as session:
            if not _is_open(session, user_id):
                return
            part.erase(session, person_of(session, user_id=user_id, settings=settings, now=database_now(session)))
        fault_point("person_part_erased")
    with database.transaction() as session:
        if _is_open(session, user_id):
            session.execute(update(Erasure).where(Erasure.user_id == user_id).values(finished_at=database_now(session)))
            record(session, actor_id=None, action="user.erased", subject_id=user_id)


def _is_open(session: Session, user_id: UUID) -> bool:
    """Locked, so that of two who carry it out at once one waits."""
    begun = select(Erasure.user_id).where(Erasure.user_id == user_id, Erasure.finished_at.is_(None)).with_for_update()
    return session.execute(begun).first() is not None


def open_erasures(database: Database) -> int:
    """How many are begun and not finished."""
    with database.transaction() as session:
        return session.execute(select(func.count()).where(Erasure.finished_at.is_(None))).scalar_one()


def finish_erasures(database: Database, *, settings: Settings, most: int = 100) -> int:
    """Carry out what was begun and not finished, the oldest first; returns how many."""
    with database.transaction() as session:
        waiting = select(Erasure.user_id).where(Erasure.finished_at.is_(None)).order_by(Erasure.asked_at, Erasure.user_id).limit(most)
        user_ids = list(session.execute(waiting).scalars())
    for user_id in user_ids:
        carry_out(database, user_id=user_id, settings=settings)
    return len(user_ids)
