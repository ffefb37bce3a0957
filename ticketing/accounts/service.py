"""Accounts: registering, guests, credentials, vendors and their members."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.passwords import verify_password
from ticketing.accounts.rules import ContactKind, MemberRole, UserKind, normalise_email
from ticketing.accounts.tables import UserAccount, UserContact, UserCredential, Vendor, VendorMember
from ticketing.audit.service import record, record_many
from ticketing.foundation.clock import zone as check_zone
from ticketing.foundation.errors import Conflict, Invalid, NotFound, Unauthenticated
from ticketing.foundation.ids import new_id

ADDRESS = re.compile(r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}\.[^@\s.\x00-\x1f]{2,63}$")
SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


class AddressNotAcceptable(Invalid):
    """Not an e-mail address."""


class AddressTaken(Conflict):
    """An account with this address exists: sign in instead."""


class WrongCredentials(Unauthenticated):
    """Address and password don't go together."""


class VendorNotFound(NotFound):
    """No such vendor."""


class SlugTaken(Conflict):
    """A vendor with this short name exists."""


class AlreadyMember(Conflict):
    """The person acts for this vendor already."""


@dataclass(frozen=True, slots=True)
class VendorView:
    id: UUID
    slug: str
    name: str
    zone: str
    fee_bps: int
    fee_fixed_minor: int


def register(
    session: Session,
    *,
    email: str,
    password_hash: str | None,
    display_name: str,
    cipher: ContactCipher,
    now: datetime,
    is_operator: bool = False,
    is_analyst: bool = False,
    proven: bool = False,
) -> UUID:
    """An account with a password (hash it before the transaction), or without one for who signs in elsewhere.

    `proven`: the address is known to be theirs. Raises `AddressNotAcceptable`, `AddressTaken`.
    """
    index = cipher.blind_index(ContactKind.EMAIL, email)
    if session.execute(select(UserContact.id).where(UserContact.blind_index == index, UserContact.is_login)).first():
        raise address_taken()
    user = UserAccount(
        kind=UserKind.REGISTERED, display_name=clean_name(display_name), is_operator=is_operator, is_analyst=is_analyst, created_at=now
    )
    session.add(user)
    session.flush()
    if password_hash is not None:
        session.add(UserCredential(user_id=user.id, password_hash=password_hash, changed_at=now))
    try:
        _add_contact(
            session,
            user_id=user.id,
            kind=ContactKind.EMAIL,
            value=email,
            cipher=cipher,
            is_login=True,
            proven_at=now if proven else None,
        )
    except IntegrityError:  # another registration of this moment was first
        raise address_taken() from None
    record(session, actor_id=user.id, action="user.registered", subject_id=user.id)
    return user.id


def create_guest(
    session: Session, *, email: str, display_name: str, cipher: ContactCipher, now: datetime, phone: str | None = None
) -> UUID:
    """A person without a password: enough to buy. Raises `AddressNotAcceptable`."""
    user = UserAccount(kind=UserKind.GUEST, display_name=clean_name(display_name), created_at=now)
    session.add(user)
    session.flush()
    _add_contact(session, user_id=user.id, kind=ContactKind.EMAIL, value=email, cipher=cipher, is_login=False)
    if phone:
        _add_contact(session, user_id=user.id, kind=ContactKind.PHONE, value=phone.strip(), cipher=cipher, is_login=False)
    record(session, actor_id=user.id, action="user.guest_created", subject_id=user.id)
    return user.id


def create_guests(session: Session, *, people: Sequence[tuple[str, str]], cipher: ContactCipher, now: datetime) -> list[UUID]:
    """Many guests at once, as (e-mail address, name): what `create_guest` does for one, in three statements."""
    guests = [(new_id(), clean_address(email), clean_name(name)) for email, name in people]
    if not guests:
        return []
    users = [{"id": user_id, "kind": UserKind.GUEST, "display_name": name, "created_at": now} for user_id, _, name in guests]
    session.execute(insert(UserAccount), users)
    session.execute(insert(UserContact), [_contact(user_id, ContactKind.EMAIL, email, cipher) for user_id, email, _ in guests])
    record_many(session, [(user_id, "user.guest_created", user_id) for user_id, _, _ in guests])
    return [user_id for user_id, _, _ in guests]


FIRST_VISIT = text("""
insert into idempotency_key (actor_id, key, request_digest, kind, resource_id) values (:nobody, :key, '', 'visitor', :visitor)
on conflict (actor_id, key) do nothing returning resource_id
""")
NOBODY = UUID(int=0)
"""The actor of a request by somebody who has no account yet."""


def admit_visitor(session: Session, *, key: str, now: datetime) -> UUID:
    """Somebody who has begun to choose seats; who they are comes at checkout.

    `key` is a secret of the form that was sent: sent twice it is the same visitor, so that pressing twice doesn't hold twice.
    """
    visitor_id = new_id()
    values = {"nobody": NOBODY, "key": f"visitor:{key}"}
    if session.execute(FIRST_VISIT, values | {"visitor": visitor_id}).first() is None:
        known = text("select resource_id from idempotency_key where actor_id = :nobody and key = :key")
        return UUID(str(session.execute(known, values).scalar_one()))
    session.add(UserAccount(id=visitor_id, kind=UserKind.GUEST, display_name="Visitor", created_at=now))
    session.flush()
    record(session, actor_id=visitor_id, action="user.guest_created", subject_id=visitor_id)
    return visitor_id


def introduce_visitor(session: Session, *, user_id: UUID, email: str, display_name: str, cipher: ContactCipher) -> None:
    """Name and address of a visitor. Raises `AddressNotAcceptable`, `Invalid`."""
    name = clean_name(display_name)
    _add_contact(session, user_id=user_id, kind=ContactKind.EMAIL, value=email, cipher=cipher, is_login=False)
    session.get_one(UserAccount, user_id).display_name = name
    record(session, actor_id=user_id, action="user.introduced", subject_id=user_id)


def address_taken() -> AddressTaken:
    """Another account signs in with this address."""
    return AddressTaken("There is an account with this address: sign in instead.")


def clean_name(name: str, *, field: str = "display_name") -> str:
    """A name as it is kept: blanks are single. Raises `Invalid`."""
    name = " ".join(name.split())
    if not 0 < len(name) <= 120:
        raise Invalid("A name has 1 to 120 characters.", fields={field: "length"})
    if not name.isprintable():
        raise Invalid("A name has letters and signs that can be shown.", fields={field: "characters"})
    return name


def clean_address(email: str) -> str:
    value = normalise_email(email)
    if not ADDRESS.match(value):
        raise AddressNotAcceptable("This is not an e-mail address.", fields={"email": "format"})
    return value


def _contact(user_id: UUID, kind: ContactKind, value: str, cipher: ContactCipher, *, is_login: bool = False) -> dict[str, Any]:
    encrypted, key_id = cipher.encrypt(value)
    values = {"user_id": user_id, "kind": kind, "value_encrypted": encrypted, "key_id": key_id, "is_login": is_login}
    return values | {"blind_index": cipher.blind_index(kind, value)}


def _add_contact(
    session: Session,
    *,
    user_id: UUID,
    kind: ContactKind,
    value: str,
    cipher: ContactCipher,
    is_login: bool,
    proven_at: datetime | None = None,
) -> None:
    value = clean_address(value) if kind is ContactKind.EMAIL else value
    session.add(UserContact(**_contact(user_id, kind, value, cipher, is_login=is_login), verified_at=proven_at))
    session.flush()


@dataclass(frozen=True, slots=True)
class Credential:
    """What is checked outside the transaction: the account that has an address, and the hash of its password."""

    user_id: UUID | None
    password_hash: str | None


def find_credential(session: Session, *, email: str, cipher: ContactCipher) -> Credential:
    """The credential of an enabled account with this address; an empty one when there is none."""
    row = session.execute(
        select(UserCredential.user_id, UserCredential.password_hash)
        .join(UserContact, UserContact.user_id == UserCredential.user_id)
        .join(UserAccount, UserAccount.id == UserCredential.user_id)
        .where(UserContact.blind_index == cipher.blind_index(ContactKind.EMAIL, email), UserContact.is_login)
        .where(UserAccount.disabled_at.is_(None))
    ).first()
    return Credential(row.user_id, row.password_hash) if row else Credential(None, None)


@dataclass(frozen=True, slots=True)
class Verified:
    """An account whose password was right, for the hash that was checked."""

    user_id: UUID
    checked_hash: str
    better_hash: str | None
    """To be stored in place of one that was imported, or made with weaker parameters."""


def check_password(credential: Credential, password: str) -> Verified:
    """Raises `WrongCredentials`. Slow: call it outside a transaction."""
    right, better_hash = verify_password(password, credential.password_hash)
    if not right or credential.user_id is None or credential.password_hash is None:
        raise wrong_credentials()
    return Verified(credential.user_id, credential.password_hash, better_hash)


def confirm_credential(session: Session, *, verified: Verified) -> None:
    """The last word before a session is opened, in its transaction: the account is locked, stands, and still has the password.

    Checking took its time, in which the password may have been reset or the account disabled. Raises `WrongCredentials`.
    """
    found = session.execute(
        select(UserCredential)
        .join(UserAccount, UserAccount.id == UserCredential.user_id)
        .where(UserCredential.user_id == verified.user_id, UserCredential.password_hash == verified.checked_hash)
        .where(UserAccount.disabled_at.is_(None))
        .with_for_update()
    ).scalar_one_or_none()
    if found is None:
        raise wrong_credentials()
    if verified.better_hash is not None:
        found.password_hash = verified.better_hash
        record(session, actor_id=verified.user_id, action="user.password_rehashed", subject_id=verified.user_id)


def wrong_credentials() -> WrongCredentials:
    """One answer, whatever is wrong."""
    return WrongCredentials("Address and password don't go together.")


def email_of(session: Session, *, user_id: UUID, cipher: ContactCipher) -> str | None:
    """A person's e-mail address, decrypted; for a guest whose purchases were claimed, that of the account."""
    contact = session.execute(
        select(UserContact.value_encrypted, UserContact.key_id)
        .join(UserAccount, UserContact.user_id == func.coalesce(UserAccount.claimed_by_id, UserAccount.id))
        .where(UserAccount.id == user_id, UserContact.kind == ContactKind.EMAIL, UserContact.in_use)
        .order_by(UserContact.is_login.desc(), UserContact.id)
        .limit(1)
    ).first()
    return None if contact is None else cipher.decrypt(contact.value_encrypted, contact.key_id)


def create_vendor(
    session: Session,
    *,
    slug: str,
    name: str,
    zone: str,
    fee_bps: int = 0,
    fee_fixed_minor: int = 0,
    actor_id: UUID | None = None,
) -> UUID:
    """A vendor; `actor_id` is nobody's for the command line. Raises `Invalid`, `UnknownZone`, `SlugTaken`."""
    if not SLUG.fullmatch(slug):
        raise Invalid(f"{slug!r} is no short name: small letters, digits, hyphens.", fields={"slug": "format"})
    check_zone(zone)
    values = {"id": new_id(), "slug": slug, "name": clean_name(name, field="name"), "zone": zone}
    vendor = pg_insert(Vendor).values(values | {"fee_bps": fee_bps, "fee_fixed_minor": fee_fixed_minor})
    made = session.execute(vendor.on_conflict_do_nothing(index_elements=["slug"]).returning(Vendor.id)).scalar_one_or_none()
    if made is None:
        raise SlugTaken(f"There is a vendor {slug!r} already.", slug=slug)
    record(session, actor_id=actor_id, action="vendor.created", subject_id=made)
    return made


def add_member(session: Session, *, vendor_id: UUID, user_id: UUID, role: MemberRole, actor_id: UUID | None = None) -> None:
    """Let a person act for a vendor; `actor_id` is nobody's for the command line. Raises `AlreadyMember`."""
    member = {"vendor_id": vendor_id, "user_id": user_id, "role": role}
    # no conflict target: for that, the vendors' role would need rights that it does not have
    added = pg_insert(VendorMember).values(member).on_conflict_do_nothing().returning(VendorMember.user_id)
    if session.execute(added).first() is None:
        raise AlreadyMember("This person acts for the vendor already: change the role.", user_id=user_id)
    record(session, actor_id=actor_id, action="vendor.member_added", subject_id=vendor_id)
    record(session, actor_id=actor_id, action="user.became_member", subject_id=user_id)


def find_vendor(session: Session, *, slug: str) -> VendorView:
    """Raises `VendorNotFound`."""
    vendor = session.execute(select(Vendor).where(Vendor.slug == slug)).scalar_one_or_none()
    if vendor is None:
        raise VendorNotFound(f"There is no vendor {slug!r}: add it with `ticketing vendor add`.", slug=slug)
    return VendorView(vendor.id, vendor.slug, vendor.name, vendor.zone, vendor.fee_bps, vendor.fee_fixed_minor)
