"""People whom a vendor's staff serve: guests, with an address that they are written to, or without a name at all."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rules import ContactKind, UserKind
from ticketing.accounts.service import clean_address, clean_name
from ticketing.foundation.db import Connection
from ticketing.foundation.ids import new_id


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address as they are kept: the address encrypted."""

    display_name: str
    value_encrypted: bytes
    key_id: str
    blind_index: bytes


GUEST = """
insert into user_account (id, kind, display_name, created_at) values (%(id)s, %(kind)s, %(name)s, app_now())
"""

CONTACT = """
insert into user_contact (id, user_id, kind, value_encrypted, key_id, blind_index)
values (%(contact)s, %(id)s, %(kind)s, %(encrypted)s, %(key)s, %(index)s)
"""

CREATED = "insert into audit_entry (actor_id, action, subject_id) values (%s, 'user.guest_created', %s)"
NAMELESS = "Walk-in"


def describe_person(*, email: str, display_name: str, cipher: ContactCipher) -> Person:
    """Raises `AddressNotAcceptable`, `Invalid`."""
    address, name = clean_address(email), clean_name(display_name)
    encrypted, key_id = cipher.encrypt(address)
    return Person(name, encrypted, key_id, cipher.blind_index(ContactKind.EMAIL, address))


def create_walk_in(connection: Connection, *, person: Person | None, actor_id: UUID) -> UUID:
    """A guest in the caller's transaction; None: somebody who gives no name. `actor_id` is who serves them."""
    guest = new_id()
    connection.execute(GUEST, {"id": guest, "kind": UserKind.GUEST.value, "name": person.display_name if person else NAMELESS})
    if person is not None:
        contact = {"contact": new_id(), "id": guest, "kind": ContactKind.EMAIL.value}
        stored = {"encrypted": person.value_encrypted, "key": person.key_id, "index": person.blind_index}
        connection.execute(CONTACT, contact | stored)
    connection.execute(CREATED, [actor_id, guest])
    return guest
