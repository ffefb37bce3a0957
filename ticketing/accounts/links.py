"""Links in mails that prove an address or set a new password: signed, used once, short-lived, and never stored.

The token is the link's id and a keyed digest of it, so the mail can be composed, and composed again, from the row alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from ticketing.accounts.claims import claim_purchases
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rules import ContactKind, LinkPurpose, UserKind
from ticketing.accounts.sessions import end_sessions
from ticketing.accounts.tables import AccountLink, LinkRequest, UserAccount, UserContact, UserCredential
from ticketing.audit.service import record
from ticketing.foundation.errors import Expired
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.settings import Secrets

LIFE = {
    LinkPurpose.VERIFY_EMAIL: timedelta(days=2),
    LinkPurpose.RESET_PASSWORD: timedelta(hours=1),
    LinkPurpose.CHANGE_EMAIL: timedelta(days=1),
    LinkPurpose.FIND_ORDERS: timedelta(days=1),
}
TOPICS = {
    LinkPurpose.VERIFY_EMAIL: "account.verification_asked",
    LinkPurpose.RESET_PASSWORD: "account.reset_asked",
    LinkPurpose.CHANGE_EMAIL: "account.change_asked",
    LinkPurpose.FIND_ORDERS: "account.orders_asked",
}
DIGEST_BYTES = 16

TAKE_REQUESTS = """
delete from link_request where id = any(array(select id from link_request order by id limit :limit for update skip locked))
returning blind_index, purpose
"""


class LinkNotValid(Expired):
    """The link was used, is too old, or is none of ours."""


@dataclass(frozen=True, slots=True)
class LinkSigner:
    key: bytes

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> LinkSigner:
        return cls(secrets.derive("account-link"))

    def token(self, link_id: UUID, purpose: StrEnum) -> str:
        """What stands in the address: 43 characters."""
        return base64.urlsafe_b64encode(link_id.bytes + self._digest(link_id, purpose)).decode().rstrip("=")

    def read(self, token: str, purpose: StrEnum) -> UUID:
        """The link's id; raises `LinkNotValid`."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            link_id = UUID(bytes=raw[:16])
        except ValueError:
            raise not_valid() from None
        if not hmac.compare_digest(raw[16:], self._digest(link_id, purpose)):
            raise not_valid()
        return link_id

    def _digest(self, link_id: UUID, purpose: StrEnum) -> bytes:
        return hmac.new(self.key, link_id.bytes + purpose.value.encode(), hashlib.sha256).digest()[:DIGEST_BYTES]


def not_valid() -> LinkNotValid:
    """The one answer to every link that does not work: which it is helps nobody but an attacker."""
    return LinkNotValid("This link was used already, or is too old: ask for a new one.")


def request_link(session: Session, *, email: str, purpose: LinkPurpose, cipher: ContactCipher, now: datetime) -> None:
    """Have a link mailed to the account with this address, if there is one.

    One row is written, and nothing is looked up: known and unknown addresses take the same time. `answer_requests` does the rest.
    """
    index = cipher.blind_index(ContactKind.EMAIL, email)
    session.add(LinkRequest(blind_index=index, purpose=purpose, asked_at=now))


def answer_requests(session: Session, *, limit: int, now: datetime) -> int:
    """Make the links that were asked for; returns how many requests there were. Any number of processes may do so at once."""
    asked = session.execute(text(TAKE_REQUESTS), {"limit": limit}).all()
    for index, purpose in asked:
        _make_for(session, index=index, purpose=LinkPurpose(purpose), now=now)
    return len(asked)


def ask_link(session: Session, *, email: str, purpose: LinkPurpose, cipher: ContactCipher, now: datetime) -> None:
    """Have a link mailed to the enabled account with this address; nothing happens when there is none.

    For callers who know that there is one: it takes longer then.
    """
    _make_for(session, index=cipher.blind_index(ContactKind.EMAIL, email), purpose=purpose, now=now)


def _make_for(session: Session, *, index: bytes, purpose: LinkPurpose, now: datetime) -> None:
    known = select(UserContact.id, UserContact.user_id).join(UserAccount, UserAccount.id == UserContact.user_id)
    known = known.where(UserContact.blind_index == index, UserAccount.disabled_at.is_(None))
    if purpose is LinkPurpose.FIND_ORDERS:
        known = known.where(UserContact.in_use).order_by(UserContact.is_login.desc(), UserContact.id.desc())
    else:
        known = known.where(UserContact.is_login)
    contact = session.execute(known.limit(1)).first()
    if contact is not None:
        make_link(session, user_id=contact.user_id, contact_id=contact.id, purpose=purpose, now=now)


def make_link(
    session: Session, *, user_id: UUID, contact_id: UUID, purpose: LinkPurpose, now: datetime, actor_id: UUID | None = None
) -> None:
    """Have a link mailed to this address of a person."""
    link = AccountLink(user_id=user_id, contact_id=contact_id, purpose=purpose, created_at=now, expires_at=now + LIFE[purpose])
    session.add(link)
    session.flush()
    enqueue(session, topic=TOPICS[purpose], subject_id=link.id, payload={"user_id": str(user_id)})
    record(session, actor_id=actor_id, action=f"user.{purpose.value}_asked", subject_id=user_id)


def people_of_link(session: Session, *, link_id: UUID, now: datetime) -> dict[UUID, UserKind]:
    """Everybody enabled whose address the link was mailed to: guests have a new account with each visit. Raises `LinkNotValid`."""
    index = session.execute(
        select(UserContact.blind_index)
        .join(AccountLink, AccountLink.contact_id == UserContact.id)
        .where(AccountLink.id == link_id, AccountLink.purpose == LinkPurpose.FIND_ORDERS, AccountLink.expires_at > now)
    ).scalar_one_or_none()
    if index is None:
        raise not_valid()
    people = select(UserAccount.id, UserAccount.kind).join(UserContact, UserContact.user_id == UserAccount.id)
    people = people.where(UserContact.blind_index == index, UserContact.in_use, UserAccount.disabled_at.is_(None))
    return dict(session.execute(people).tuples().all())


def link_address(session: Session, *, link_id: UUID, cipher: ContactCipher) -> str:
    """The address that a link was made for."""
    contact = session.execute(
        select(UserContact.value_encrypted, UserContact.key_id)
        .join(AccountLink, AccountLink.contact_id == UserContact.id)
        .where(AccountLink.id == link_id)
    ).one()
    return cipher.decrypt(contact.value_encrypted, contact.key_id)


def open_link(session: Session, *, link_id: UUID, now: datetime) -> LinkPurpose | None:
    """The purpose of a link that still works; None when it does not."""
    return session.execute(
        select(AccountLink.purpose).where(AccountLink.id == link_id, AccountLink.used_at.is_(None), AccountLink.expires_at > now)
    ).scalar_one_or_none()


def verify_email(session: Session, *, link_id: UUID, now: datetime) -> UUID:
    """The address is its owner's, and so is what guests bought with it; returns whose. Raises `LinkNotValid`."""
    user_id, _ = use_link(session, link_id=link_id, purpose=LinkPurpose.VERIFY_EMAIL, now=now)
    record(session, actor_id=user_id, action="user.email_verified", subject_id=user_id)
    claim_purchases(session, user_id=user_id)
    return user_id


def reset_password(session: Session, *, link_id: UUID, password_hash: str, now: datetime) -> UUID:
    """A new password (hash it before the transaction); every session ends. Raises `LinkNotValid`."""
    user_id, _ = use_link(session, link_id=link_id, purpose=LinkPurpose.RESET_PASSWORD, now=now)
    end_links(session, user_id=user_id, purpose=LinkPurpose.CHANGE_EMAIL, now=now)  # whoever asked for it may be who was shut out
    session.merge(UserCredential(user_id=user_id, password_hash=password_hash, changed_at=now))
    end_sessions(session, user_id=user_id, now=now)
    record(session, actor_id=user_id, action="user.password_reset", subject_id=user_id)
    claim_purchases(session, user_id=user_id)  # the link proved the address
    return user_id


def use_link(session: Session, *, link_id: UUID, purpose: LinkPurpose, now: datetime) -> tuple[UUID, UUID]:
    """Spend the link, and with it every other of its purpose; who followed it has the address. (person, contact)

    Raises `LinkNotValid`.
    """
    used = session.execute(
        update(AccountLink)
        .where(AccountLink.id == link_id, AccountLink.purpose == purpose, AccountLink.used_at.is_(None), AccountLink.expires_at > now)
        .where(AccountLink.user_id.in_(select(UserAccount.id).where(UserAccount.disabled_at.is_(None))))
        .values(used_at=now)
        .returning(AccountLink.user_id, AccountLink.contact_id)
    ).first()
    if used is None:
        raise not_valid()
    end_links(session, user_id=used.user_id, purpose=purpose, now=now)
    session.execute(update(UserContact).where(UserContact.id == used.contact_id, UserContact.verified_at.is_(None)).values(verified_at=now))
    return used.user_id, used.contact_id


def end_links(session: Session, *, user_id: UUID, purpose: LinkPurpose, now: datetime) -> None:
    """A person's links of a purpose that were not used work no more."""
    unused = (AccountLink.user_id == user_id, AccountLink.purpose == purpose, AccountLink.used_at.is_(None))
    session.execute(update(AccountLink).where(*unused).values(used_at=now))
