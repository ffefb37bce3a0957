"""Who acts for a vendor: added, given another role, removed by its owners. A vendor always has an owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rules import ContactKind, MemberRole
from ticketing.accounts.service import add_member, create_vendor
from ticketing.accounts.tables import UserAccount, UserContact, VendorMember
from ticketing.audit.service import record
from ticketing.foundation.errors import Conflict, NotFound


class MemberNotFound(NotFound):
    """This person does not act for the vendor."""


class AccountNotFound(NotFound):
    """No enabled account has proved this address."""


class LastOwner(Conflict):
    """The vendor would have no owner left."""


@dataclass(frozen=True, slots=True)
class MemberView:
    user_id: UUID
    display_name: str
    role: MemberRole


def open_vendor(session: Session, *, owner_id: UUID, slug: str, name: str, zone: str) -> UUID:
    """A vendor of somebody who has just registered. Raises `Invalid`, `UnknownZone`, `SlugTaken`."""
    vendor_id = create_vendor(session, slug=slug, name=name, zone=zone, actor_id=owner_id)
    add_member(session, vendor_id=vendor_id, user_id=owner_id, role=MemberRole.OWNER, actor_id=owner_id)
    return vendor_id


def find_account(session: Session, *, email: str, cipher: ContactCipher) -> UUID:
    """The account that has proved this address: who registers with somebody else's is not taken for them.

    Raises `AccountNotFound`.
    """
    found = session.execute(
        select(UserContact.user_id)
        .join(UserAccount, UserAccount.id == UserContact.user_id)
        .where(UserContact.blind_index == cipher.blind_index(ContactKind.EMAIL, email), UserContact.is_login)
        .where(UserContact.verified_at.is_not(None), UserAccount.disabled_at.is_(None))
    ).scalar_one_or_none()
    if found is None:
        raise AccountNotFound("No account has this address, or it is not confirmed yet.")
    return found


def roles_of_members(session: Session, *, vendor_id: UUID) -> dict[UUID, MemberRole]:
    """Everybody who acts for the vendor."""
    rows = session.execute(select(VendorMember.user_id, VendorMember.role).where(VendorMember.vendor_id == vendor_id))
    return dict(rows.tuples().all())


def with_names(session: Session, *, roles: dict[UUID, MemberRole]) -> list[MemberView]:
    """The members as they are shown, by name. Not for the vendors' role, which sees no accounts."""
    names = select(UserAccount.id, UserAccount.display_name).where(UserAccount.id.in_(list(roles)))
    members = [MemberView(user_id, name, roles[user_id]) for user_id, name in session.execute(names)]
    return sorted(members, key=lambda member: (member.display_name.lower(), member.user_id))


def change_role(session: Session, *, vendor_id: UUID, user_id: UUID, role: MemberRole, actor_id: UUID) -> None:
    """Raises `MemberNotFound`, `LastOwner`."""
    present = _lock(session, vendor_id=vendor_id, user_id=user_id, remains_owner=role is MemberRole.OWNER)
    if present is role:
        return
    session.execute(update(VendorMember).where(VendorMember.vendor_id == vendor_id, VendorMember.user_id == user_id).values(role=role))
    record(session, actor_id=actor_id, action="vendor.member_role_changed", subject_id=vendor_id)
    record(session, actor_id=actor_id, action="user.member_role_changed", subject_id=user_id)


def remove_member(session: Session, *, vendor_id: UUID, user_id: UUID, actor_id: UUID) -> None:
    """They act for the vendor no more, from their next call on. Raises `MemberNotFound`, `LastOwner`."""
    _lock(session, vendor_id=vendor_id, user_id=user_id, remains_owner=False)
    session.execute(delete(VendorMember).where(VendorMember.vendor_id == vendor_id, VendorMember.user_id == user_id))
    record(session, actor_id=actor_id, action="vendor.member_removed", subject_id=vendor_id)
    record(session, actor_id=actor_id, action="user.member_removed", subject_id=user_id)


def check_owners_remain(session: Session, *, user_ids: Collection[UUID]) -> None:
    """Look, without locking anything, whether vendors keep an owner when these accounts are gone. Raises `LastOwner`."""
    mine = select(VendorMember.vendor_id).where(VendorMember.user_id.in_(user_ids), VendorMember.role == MemberRole.OWNER)
    others = select(VendorMember.vendor_id).where(VendorMember.user_id.not_in(user_ids), VendorMember.role == MemberRole.OWNER)
    alone = session.execute(mine.except_(others)).scalars().all()
    if alone:
        raise LastOwner("A vendor needs an owner: make somebody else one first.", vendor_ids=sorted(alone))


def _lock(session: Session, *, vendor_id: UUID, user_id: UUID, remains_owner: bool) -> MemberRole:
    """The member's present role. The owners are locked first, in one order: of two who leave at once, the second is the last."""
    owned = select(VendorMember.user_id).where(VendorMember.vendor_id == vendor_id, VendorMember.role == MemberRole.OWNER)
    owners: Sequence[UUID] = session.execute(owned.order_by(VendorMember.user_id).with_for_update()).scalars().all()
    member = select(VendorMember.role).where(VendorMember.vendor_id == vendor_id, VendorMember.user_id == user_id)
    role = session.execute(member.with_for_update()).scalar_one_or_none()
    if role is None:
        raise MemberNotFound("This person does not act for the vendor.", user_id=user_id)
    if user_id in owners and len(owners) == 1 and not remains_owner:
        raise LastOwner("A vendor needs an owner: make somebody else one first.", user_id=user_id)
    return role
