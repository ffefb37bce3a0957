"""The key ring of contact data: a new key, everything encrypted anew in batches, old keys retired when nothing is under them.

A rotation may be stopped anywhere and run again: what is under the present key is done. Serving processes read the ring anew when
they meet a key that they don't know, and encrypt with the one they started with until they are restarted.
"""

from __future__ import annotations

import base64
import secrets as random
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.tables import UserContact
from ticketing.audit.service import record
from ticketing.foundation.ids import new_id
from ticketing.foundation.settings import Secrets

BATCH = 500
"""Contacts of one transaction: some hundredths of a second, in which nobody else changes them."""


def with_new_key(secrets: Secrets) -> Secrets:
    """The same with one more contact key, which is the present one."""
    number = 1 + max(int(key_id[1:]) for key_id in secrets.contact_keys if key_id[1:].isdecimal())
    key_id = f"c{number}"
    keys = secrets.contact_keys | {key_id: base64.b64encode(random.token_bytes(32)).decode()}
    return secrets.model_copy(update={"contact_key_id": key_id, "contact_keys": keys})


def without_keys(secrets: Secrets, retired: Collection[str]) -> Secrets:
    """The same without some of its old contact keys; the present one stays."""
    keys = {key_id: key for key_id, key in secrets.contact_keys.items() if key_id == secrets.contact_key_id or key_id not in retired}
    return secrets.model_copy(update={"contact_keys": keys})


def reencrypt_contacts(session: Session, *, cipher: ContactCipher, limit: int) -> int:
    """Encrypt up to `limit` contacts that are under another key with the present one; returns how many."""
    others = select(UserContact).where(UserContact.key_id != cipher.key_id).order_by(UserContact.id).limit(limit)
    contacts = session.execute(others.with_for_update()).scalars().all()
    for contact in contacts:
        contact.value_encrypted, contact.key_id = cipher.encrypt(cipher.decrypt(contact.value_encrypted, contact.key_id))
    return len(contacts)


def contacts_by_key(session: Session) -> dict[str, int]:
    """How many contacts are under each key."""
    counted = select(UserContact.key_id, func.count()).group_by(UserContact.key_id)
    return dict(session.execute(counted).tuples().all())


def record_rotation(session: Session, *, action: str) -> None:
    """`keys.rotated` or `keys.retired`: done by whoever has the machine, to nobody in particular."""
    record(session, actor_id=None, action=action, subject_id=new_id())
