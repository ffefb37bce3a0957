"""Members of a vendor: owners add, change and remove them, and one owner always stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from ticketing.accounts.members import LastOwner, change_role, remove_member
from ticketing.accounts.rules import MemberRole
from ticketing.accounts.service import add_member
from ticketing.app import create_app
from ticketing.foundation.db import Database, Role
from ticketing.foundation.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: Database) -> Iterator[FastAPI]:
    app = create_app(settings, module_database)
    with TestClient(app):
        yield app


@dataclass
class Person:
    client: TestClient
    id: UUID
    email: str


@pytest.fixture
def new_person(app: FastAPI, module_database: Database) -> Any:
    def make(*, verified: bool = True, vendor: bool = False) -> Person:
        client = TestClient(app, base_url="http://localhost")
        email = f"{uuid4().hex}@example.org"
        body: dict[str, Any] = {"email": email, "password": PASSWORD, "display_name": email[:5]}
        if vendor:
            body["vendor"] = {"slug": f"v-{uuid4().hex[:8]}", "name": "Opera", "zone": "Europe/Berlin"}
        person = Person(client, UUID(client.post("/api/register", json=body).json()["user_id"]), email)
        if verified:
            with module_database.transaction() as session:
                session.execute(text("update user_contact set verified_at = now() where user_id = :user"), {"user": person.id})
        return person

    return make


@pytest.fixture
def owner(new_person: Any) -> Person:
    person: Person = new_person(vendor=True)
    return person


def members_path(owner: Person) -> str:
    (membership,) = owner.client.get("/api/me").json()["memberships"]
    return f"/api/vendors/{membership['vendor_id']}/members"


def test_member_acts_for_the_vendor_until_removed(owner: Person, new_person: Any, module_database: Database) -> None:
    path, grace = members_path(owner), new_person()
    added = owner.client.post(path, json={"email": grace.email.upper(), "role": "manager"})
    assert (added.status_code, added.json()) == (201, {"user_id": str(grace.id), "display_name": grace.email[:5], "role": "manager"})
    assert {member["role"] for member in grace.client.get(path).json()["members"]} == {"owner", "manager"}
    assert grace.client.post(path, json={"email": grace.email, "role": "owner"}).status_code == 403
    changed = owner.client.put(f"{path}/{grace.id}", json={"role": "scanner"})
    assert (changed.status_code, changed.json()["role"]) == (200, "scanner")
    assert grace.client.get(path).status_code == 403
    assert [owner.client.delete(f"{path}/{grace.id}").status_code for _ in range(2)] == [204, 404]
    assert grace.client.get("/api/me").json()["memberships"] == []
    with module_database.transaction() as session:
        done = text("select action, actor_id from audit_entry where subject_id = :user and action like 'user.%member%' order by id")
        assert list(session.execute(done, {"user": grace.id})) == [
            ("user.became_member", owner.id),
            ("user.member_role_changed", owner.id),
            ("user.member_removed", owner.id),
        ]


def test_only_a_confirmed_address_makes_a_member_and_only_once(owner: Person, new_person: Any) -> None:
    path, unproved, grace = members_path(owner), new_person(verified=False), new_person()
    for email in (unproved.email, "nobody@example.org"):
        answer = owner.client.post(path, json={"email": email, "role": "finance"})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/account-not-found")
    answers = [owner.client.post(path, json={"email": grace.email, "role": "finance"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]


def test_last_owner_stays(owner: Person, new_person: Any) -> None:
    path, grace = members_path(owner), new_person()
    for answer in (owner.client.delete(f"{path}/{owner.id}"), owner.client.put(f"{path}/{owner.id}", json={"role": "manager"})):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/last-owner")
    owner.client.post(path, json={"email": grace.email, "role": "owner"})
    assert owner.client.delete(f"{path}/{owner.id}").status_code == 204
    assert grace.client.delete(f"{path}/{grace.id}").status_code == 409


def test_other_vendors_members_are_out_of_reach(owner: Person, new_person: Any) -> None:
    other = new_person(vendor=True)
    path = members_path(other)
    assert owner.client.get(path).status_code == 404
    assert owner.client.post(path, json={"email": owner.email, "role": "owner"}).status_code == 404
    assert owner.client.put(f"{path}/{other.id}", json={"role": "scanner"}).status_code == 404
    assert owner.client.delete(f"{members_path(owner)}/{other.id}").status_code == 404


def test_one_owner_stays_when_two_leave_at_once(owner: Person, new_person: Any, module_database: Database) -> None:
    vendor_id, grace = UUID(members_path(owner).split("/")[3]), new_person()
    with module_database.transaction() as session:
        add_member(session, vendor_id=vendor_id, user_id=grace.id, role=MemberRole.OWNER, actor_id=owner.id)
    refused: list[UUID] = []
    first_has_left = threading.Event()

    def second() -> None:
        first_has_left.wait(10)
        try:
            with module_database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
                remove_member(session, vendor_id=vendor_id, user_id=grace.id, actor_id=grace.id)
        except LastOwner:
            refused.append(grace.id)

    thread = threading.Thread(target=second)
    thread.start()
    with module_database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        change_role(session, vendor_id=vendor_id, user_id=owner.id, role=MemberRole.FINANCE, actor_id=owner.id)
        first_has_left.set()
        thread.join(0.5)  # waits for the lock
        assert thread.is_alive()
    thread.join(10)
    assert refused == [grace.id]


def test_vendors_role_changes_no_other_vendors_members(owner: Person, new_person: Any, module_database: Database) -> None:
    """The database's own policy, whatever the code asks for."""
    other = new_person(vendor=True)
    mine, theirs = (UUID(members_path(person).split("/")[3]) for person in (owner, other))
    with module_database.transaction(Role.VENDOR, vendor_ids=[mine]) as session:
        for statement in ("update vendor_member set role = 'scanner'", "delete from vendor_member"):
            changed = session.execute(text(f"{statement} where vendor_id = :theirs"), {"theirs": theirs})
            assert changed.rowcount == 0  # type: ignore[attr-defined]
