"""A person's profile. A new address counts when a link that was mailed to it was followed; the old address is told when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from babel import Locale, UnknownLocaleError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.accounts.claims import claim_purchases
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.links import end_links, make_link, use_link
from ticketing.accounts.rules import ContactKind, LinkPurpose, UserKind
from ticketing.accounts.service import address_taken, clean_address, clean_name
from ticketing.accounts.sessions import UserNotFound
from ticketing.accounts.tables import AccountLink, UserAccount, UserContact, UserCredential
from ticketing.audit.service import record
from ticketing.foundation.errors import Invalid
from ticketing.foundation.outbox import enqueue


class PasswordWrong(Invalid):
    """The present password is asked for, and this is not it."""


class LocaleUnknown(Invalid):
    """No way of writing amounts and dates that we know."""


@dataclass(frozen=True, slots=True)
class ProfileView:
    user_id: UUID
    kind: UserKind
    display_name: str
    locale: str
    email: str | None
    email_verified: bool
    new_email: str | None
    """Asked for, and not confirmed yet."""


def read_profile(session: Session, *, user_id: UUID, cipher: ContactCipher, now: datetime) -> ProfileView:
    """A person as they see themselves; raises `UserNotFound`."""
    user = session.get(UserAccount, user_id)
    if user is None:
        raise UserNotFound("There is no such account.", user_id=user_id)
    mine = (UserContact.user_id == user_id, UserContact.kind == ContactKind.EMAIL)
    used = select(UserContact).where(*mine, UserContact.in_use).order_by(UserContact.is_login.desc(), UserContact.id).limit(1)
    email = session.execute(used).scalar_one_or_none()
    asked = select(UserContact).join(AccountLink, AccountLink.contact_id == UserContact.id)
    asked = asked.where(*mine, AccountLink.purpose == LinkPurpose.CHANGE_EMAIL, AccountLink.used_at.is_(None), AccountLink.expires_at > now)
    new = session.execute(asked.order_by(AccountLink.id.desc()).limit(1)).scalar_one_or_none()

    def address(contact: UserContact | None) -> str | None:
        return None if contact is None else cipher.decrypt(contact.value_encrypted, contact.key_id)

    verified = email is not None and email.verified_at is not None
    return ProfileView(user.id, user.kind, user.display_name, user.locale, address(email), verified, address(new))


def password_hash_of(session: Session, *, user_id: UUID) -> str | None:
    """What a password is checked against, outside the transaction; None for people without one."""
    return session.execute(select(UserCredential.password_hash).where(UserCredential.user_id == user_id)).scalar_one_or_none()


def change_profile(session: Session, *, user_id: UUID, display_name: str, locale: str) -> None:
    """Name, and how amounts and dates are written. Raises `Invalid`, `LocaleUnknown`."""
    user = session.execute(select(UserAccount).where(UserAccount.id == user_id).with_for_update()).scalar_one()
    name = clean_name(display_name)
    try:
        Locale.parse(locale)
    except (UnknownLocaleError, ValueError, TypeError):
        raise LocaleUnknown("A locale is a language and a country, as in en_GB.", fields={"locale": "unknown"}) from None
    if (user.display_name, user.locale) != (name, locale):
        user.display_name, user.locale = name, locale
        record(session, actor_id=user_id, action="user.profile_changed", subject_id=user_id)


def ask_new_address(session: Session, *, user_id: UUID, email: str, cipher: ContactCipher, now: datetime) -> None:
    """Mail a link to a new address, and tell the old one; nothing happens when it is the present one.

    Check the password before. Raises `AddressNotAcceptable`; `AddressTaken` when another account signs in with it.
    """
    address = clean_address(email)
    index = cipher.blind_index(ContactKind.EMAIL, address)
    session.execute(select(UserAccount.id).where(UserAccount.id == user_id).with_for_update())
    if _address_taken(session, index=index, user_id=user_id):
        raise address_taken()
    mine = (UserContact.user_id == user_id, UserContact.kind == ContactKind.EMAIL)
    used = select(UserContact.id, UserContact.blind_index).where(*mine, UserContact.in_use)
    old = session.execute(used.order_by(UserContact.is_login.desc(), UserContact.id).limit(1)).first()
    if old is not None and old.blind_index == index:
        return
    known = select(UserContact.id).where(*mine, UserContact.blind_index == index).limit(1)
    contact_id = session.execute(known).scalar_one_or_none()
    if contact_id is None:
        encrypted, key_id = cipher.encrypt(address)
        new = UserContact(
            user_id=user_id, kind=ContactKind.EMAIL, value_encrypted=encrypted, key_id=key_id, blind_index=index, in_use=False
        )
        session.add(new)
        session.flush()
        contact_id = new.id
    make_link(session, user_id=user_id, contact_id=contact_id, purpose=LinkPurpose.CHANGE_EMAIL, now=now, actor_id=user_id)
    if old is not None:
        enqueue(session, topic="account.address_changing", subject_id=old.id, payload={"user_id": str(user_id)})


def confirm_new_address(session: Session, *, link_id: UUID, now: datetime) -> UUID:
    """The new address replaces the old one, and what guests bought with it is claimed; returns whose.

    Raises `LinkNotValid`, `AddressTaken`.
    """
    user_id, contact_id = use_link(session, link_id=link_id, purpose=LinkPurpose.CHANGE_EMAIL, now=now)
    user = session.execute(select(UserAccount).where(UserAccount.id == user_id).with_for_update()).scalar_one()
    mine = update(UserContact).where(UserContact.user_id == user_id, UserContact.kind == ContactKind.EMAIL)
    session.execute(mine.where(UserContact.id != contact_id).values(in_use=False, is_login=False))
    try:
        with session.begin_nested():
            is_login = user.kind is UserKind.REGISTERED
            session.execute(mine.where(UserContact.id == contact_id).values(in_use=True, is_login=is_login, verified_at=now))
    except IntegrityError:
        raise address_taken() from None
    end_links(session, user_id=user_id, purpose=LinkPurpose.RESET_PASSWORD, now=now)  # they went to the old address
    record(session, actor_id=user_id, action="user.address_changed", subject_id=user_id)
    claim_purchases(session, user_id=user_id)
    return user_id


def contact_address(session: Session, *, contact_id: UUID, cipher: ContactCipher) -> str:
    """One address of a person, also one that is no longer in use."""
    contact = session.get_one(UserContact, contact_id)
    return cipher.decrypt(contact.value_encrypted, contact.key_id)


def _address_taken(session: Session, *, index: bytes, user_id: UUID) -> bool:
    others = select(UserContact.id).where(UserContact.blind_index == index, UserContact.is_login, UserContact.user_id != user_id)
    return session.execute(others).first() is not None
