"""What guests bought becomes an account's when the account proves the guest's address.

Nothing that happened is rewritten: orders, holds, payments and the audit still name the guest who bought. The guest is marked as
claimed, and whoever asks for a person's orders and tickets asks for those of the guests as well.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, aliased

from ticketing.accounts.rules import ContactKind, UserKind
from ticketing.accounts.tables import UserAccount, UserContact
from ticketing.audit.service import record_many

PERSONS = "(select id from user_account where id = :person or claimed_by_id = :person)"
"""In SQL: everybody that `:person` is, the person and the guests that were claimed."""


def persons_of(session: Session, *, user_id: UUID) -> set[UUID]:
    """Everybody that this person is: the account and the guests whose purchases it has claimed."""
    return set(session.execute(text(f"select id from {PERSONS} p"), {"person": user_id}).scalars())


def holder_of(session: Session, *, user_id: UUID) -> tuple[UUID, UserKind]:
    """Who has what this user has: the account that has claimed a guest, else the user."""
    account = aliased(UserAccount)
    holder = select(account.id, account.kind).join(UserAccount, func.coalesce(UserAccount.claimed_by_id, UserAccount.id) == account.id)
    return session.execute(holder.where(UserAccount.id == user_id)).tuples().one()


def claim_purchases(session: Session, *, user_id: UUID) -> list[UUID]:
    """Claim what enabled guests bought with the account's proven addresses; returns the guests. A guest claims nothing."""
    mine, account = aliased(UserContact), aliased(UserAccount)
    proven = (
        select(mine.blind_index)
        .join(account, account.id == mine.user_id)
        .where(mine.user_id == user_id, mine.kind == ContactKind.EMAIL, mine.in_use, mine.verified_at.is_not(None))
        .where(account.kind == UserKind.REGISTERED)
    )
    guests = select(UserContact.user_id).where(UserContact.blind_index.in_(proven), UserContact.in_use)
    claimed = update(UserAccount).where(UserAccount.id.in_(guests), UserAccount.kind == UserKind.GUEST)
    claimed = claimed.where(UserAccount.claimed_by_id.is_(None), UserAccount.disabled_at.is_(None)).values(claimed_by_id=user_id)
    guest_ids = list(session.execute(claimed.returning(UserAccount.id), execution_options={"synchronize_session": False}).scalars())
    if guest_ids:
        record_many(session, [(user_id, "user.purchases_claimed", guest_id) for guest_id in guest_ids])
    return guest_ids
