"""What accounts keep on people: everything by which somebody can be reached or named, or signs in. All of it is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.members import remove_member
from ticketing.accounts.rules import UserKind
from ticketing.accounts.sessions import disable_account
from ticketing.foundation.person import Part, Person, Rows, rows_of

ERASED_NAME = "Erased"
"""What pages show where somebody's name was."""

EXPORTS = {
    "user_account": """
select id, kind, display_name, locale, is_operator, is_analyst, analytics_id, created_at, disabled_at, claimed_by_id
from user_account where id = any(:ids) order by created_at, id""",
    "user_contact": """
select user_id, kind, value_encrypted, key_id, is_login, in_use, verified_at from user_contact where user_id = any(:ids) order by id""",
    "user_credential": "select user_id, changed_at from user_credential where user_id = any(:ids)",
    "user_session": """
select id, user_id, audience, created_at, expires_at, revoked_at, user_agent from user_session where user_id = any(:ids)
order by created_at, id""",
    "identity": "select user_id, provider, subject, created_at from identity where user_id = any(:ids) order by provider, subject",
    "vendor_member": """
select m.user_id, m.vendor_id, v.name as vendor_name, m.role from vendor_member m join vendor v on v.id = m.vendor_id
where m.user_id = any(:ids) order by v.name""",
    "api_client": "select id, vendor_id, name, created_at, removed_at from api_client where created_by = any(:ids) order by created_at, id",
    "oauth_grant": """
select g.id, g.user_id, c.name as program, g.scopes, g.redirect_uri, g.created_at, g.code_used_at, g.revoked_at
from oauth_grant g join api_client c on c.id = g.client_id where g.user_id = any(:ids) order by g.created_at, g.id""",
    "refresh_token": """
select t.grant_id, t.created_at, t.expires_at, t.spent_at from refresh_token t join oauth_grant g on g.id = t.grant_id
where g.user_id = any(:ids) order by t.created_at, t.id""",
    "account_link": """
select user_id, purpose, created_at, expires_at, used_at from account_link where user_id = any(:ids) order by created_at, id""",
    "link_request": """
select purpose, asked_at from link_request
where blind_index in (select blind_index from user_contact where user_id = any(:ids)) order by asked_at, id""",
    "idempotency_key": "select key, kind, resource_id, created_at from idempotency_key where actor_id = any(:ids) order by created_at, key",
}
"""Without secrets: no digest of a token, no password's hash."""

ERASE = (
    "delete from link_request where blind_index in (select blind_index from user_contact where user_id = any(:ids))",
    "delete from account_link where user_id = any(:ids)",
    "delete from refresh_token where grant_id in (select id from oauth_grant where user_id = any(:ids))",
    "delete from oauth_grant where user_id = any(:ids)",
    "delete from identity where user_id = any(:ids)",
    "delete from user_session where user_id = any(:ids)",
    "delete from user_credential where user_id = any(:ids)",
    "delete from user_contact where user_id = any(:ids)",
    "delete from vendor_member where user_id = any(:ids)",
    "delete from idempotency_key where kind = 'visitor' and resource_id = any(:ids)",
    "update idempotency_key set key = gen_random_uuid(), request_digest = '' where actor_id = any(:ids)",
    """
update user_account set display_name = :name, locale = default, is_operator = false, is_analyst = false, analytics_id = null
where id = any(:ids)""",
)
"""In the order in which rows refer to each other."""

FATES = {
    "user_account": "Kept without name, rights and analytics_id, shut for ever: orders and tickets need somebody that they were of.",
    "user_contact": "Deleted.",
    "user_credential": "Deleted.",
    "user_session": "Deleted.",
    "identity": "Deleted.",
    "vendor_member": "Deleted; the last owner of a vendor makes somebody else one first.",
    "api_client": "Kept: the vendor's program; who registered it stays as an id that names nobody.",
    "oauth_grant": "Deleted.",
    "refresh_token": "Deleted.",
    "account_link": "Deleted.",
    "link_request": "Deleted.",
    "idempotency_key": "Kept for its 48 hours under a random key: a key is whatever the person's program made up.",
}

MEMBERSHIPS = "select vendor_id, user_id from vendor_member where user_id = any(:ids) order by vendor_id, user_id"


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Addresses are readable; tokens and passwords, of which only digests are kept, are not given out."""
    for table, select in EXPORTS.items():
        rows = rows_of(session, select, ids=list(person.ids))
        yield table, (_readable(row, person) for row in rows) if table == "user_contact" else rows


def _readable(row: Mapping[str, Any], person: Person) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in ("value_encrypted", "key_id")}
    return kept | {"value": person.decrypt(row["value_encrypted"], row["key_id"])}


def erase_person(session: Session, person: Person) -> None:
    """Deletes; the account stays as an id."""
    for statement in ERASE:
        bound = {"ids": list(person.ids)} | ({"name": ERASED_NAME} if ":name" in statement else {})
        session.execute(text(statement), bound)


def shut_for_ever(session: Session, person: Person, *, actor_id: UUID) -> None:
    """The first step of erasing: nobody acts as this person any more, and the warehouse knows them no more.

    Raises `LastOwner` when a vendor would be left without an owner.
    """
    for vendor_id, user_id in session.execute(text(MEMBERSHIPS), {"ids": list(person.ids)}).all():
        remove_member(session, vendor_id=vendor_id, user_id=user_id, actor_id=actor_id)
    for user_id in person.ids:
        disable_account(session, user_id=user_id, actor_id=actor_id, now=person.now)
    session.execute(text("update user_account set analytics_id = null where id = any(:ids)"), {"ids": list(person.ids)})


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is to us."""

    kind: UserKind
    is_claimed: bool
    """A guest whose purchases an account has claimed: whoever has that account decides."""


def standing_of(session: Session, *, user_id: UUID) -> Standing | None:
    """None when it is nobody."""
    row = session.execute(text("select kind, claimed_by_id is not null from user_account where id = :user"), {"user": user_id}).first()
    return None if row is None else Standing(UserKind(row[0]), row[1])


PART = Part("accounts", FATES, export_person, erase_person)
