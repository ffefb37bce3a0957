"""Registering, signing in, sessions and whom they open what for."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.accounts.conftest import NOW
from ticketing.accounts import service, sessions
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.accounts.service import AddressNotAcceptable, AddressTaken, SlugTaken, VendorNotFound, Verified, WrongCredentials
from ticketing.accounts.sessions import NotForDesk
from ticketing.foundation.errors import Invalid

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)


def register(session: Session, cipher: ContactCipher, email: str = "ada@example.org", **options: bool) -> UUID:
    return service.register(session, email=email, password_hash=HASH, display_name="Ada", cipher=cipher, now=NOW, **options)


def actions(session: Session, subject: UUID) -> list[str]:
    rows = session.execute(text("select action from audit_entry where subject_id = :subject order by id"), {"subject": subject})
    return list(rows.scalars())


def test_person_can_sign_in_when_registered(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher, " Ada@Example.org ")
    credential = service.find_credential(session, email="ada@example.ORG", cipher=cipher)
    assert service.check_password(credential, PASSWORD) == Verified(user_id, HASH, None)
    assert actions(session, user_id) == ["user.registered"]


def test_address_is_stored_encrypted_when_registered(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher)
    stored = session.execute(text("select value_encrypted from user_contact where user_id = :user"), {"user": user_id}).scalar_one()
    assert b"ada" not in bytes(stored)
    assert service.email_of(session, user_id=user_id, cipher=cipher) == "ada@example.org"


def test_address_is_refused_when_an_account_has_it(session: Session, cipher: ContactCipher) -> None:
    register(session, cipher)
    with pytest.raises(AddressTaken):
        register(session, cipher, "ADA@example.org")


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.org", "ada@example", "a da@example.org", "ada@exa mple.org"])
def test_address_is_refused_when_it_is_none(session: Session, cipher: ContactCipher, email: str) -> None:
    with pytest.raises(AddressNotAcceptable):
        register(session, cipher, email)


def test_name_is_refused_when_it_is_blank(session: Session, cipher: ContactCipher) -> None:
    with pytest.raises(Invalid):
        service.create_guest(session, email="ada@example.org", display_name="  ", cipher=cipher, now=NOW)


def test_guest_may_share_an_address_when_an_account_has_it(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher)
    guest_id = service.create_guest(session, email="ada@example.org", display_name="Ada", cipher=cipher, now=NOW)
    assert service.find_credential(session, email="ada@example.org", cipher=cipher).user_id == user_id != guest_id


def test_wrong_password_and_unknown_address_look_alike_when_signing_in(session: Session, cipher: ContactCipher) -> None:
    register(session, cipher)
    said = set()
    for email, password in (("ada@example.org", "wrong password"), ("bob@example.org", PASSWORD)):
        with pytest.raises(WrongCredentials) as caught:
            service.check_password(service.find_credential(session, email=email, cipher=cipher), password)
        said.add((caught.value.message, str(caught.value.details)))
    assert len(said) == 1


def test_session_is_found_when_its_audience_matches(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher, is_operator=True)
    token = sessions.open_session(session, user_id=user_id, audience=Audience.SHOP, now=NOW)
    found = sessions.find_session(session, token=token, audience=Audience.SHOP, now=NOW)
    assert found is not None
    assert (found.user_id, found.display_name, found.is_operator) == (user_id, "Ada", True)
    assert sessions.find_session(session, token=token, audience=Audience.DESK, now=NOW) is None


def test_token_is_not_stored_when_a_session_opens(session: Session, cipher: ContactCipher) -> None:
    token = sessions.open_session(session, user_id=register(session, cipher), audience=Audience.SHOP, now=NOW)
    stored = session.execute(text("select token_digest from user_session")).scalars()
    assert all(token.encode() not in bytes(digest) and len(bytes(digest)) == 32 for digest in stored)


@pytest.mark.parametrize(("audience", "length"), [(Audience.SHOP, timedelta(days=30)), (Audience.DESK, timedelta(hours=12))])
def test_session_ends_when_its_time_is_over(session: Session, cipher: ContactCipher, audience: Audience, length: timedelta) -> None:
    user_id = register(session, cipher, is_analyst=True)
    token = sessions.open_session(session, user_id=user_id, audience=audience, now=NOW)
    assert sessions.find_session(session, token=token, audience=audience, now=NOW + length - timedelta(seconds=1))
    assert sessions.find_session(session, token=token, audience=audience, now=NOW + length) is None


def test_session_ends_when_signed_out(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher)
    token = sessions.open_session(session, user_id=user_id, audience=Audience.SHOP, now=NOW)
    other = sessions.open_session(session, user_id=user_id, audience=Audience.SHOP, now=NOW)
    sessions.sign_out(session, token=token, now=NOW)
    sessions.sign_out(session, token=token, now=NOW)
    assert sessions.find_session(session, token=token, audience=Audience.SHOP, now=NOW) is None
    assert sessions.find_session(session, token=other, audience=Audience.SHOP, now=NOW)
    assert actions(session, user_id).count("session.ended") == 1


def test_nothing_opens_when_the_account_is_disabled(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher)
    token = sessions.open_session(session, user_id=user_id, audience=Audience.SHOP, now=NOW)
    session.execute(text("update user_account set disabled_at = :now where id = :user"), {"now": NOW, "user": user_id})
    session.expire_all()
    assert sessions.find_session(session, token=token, audience=Audience.SHOP, now=NOW) is None
    assert service.find_credential(session, email="ada@example.org", cipher=cipher).user_id is None
    with pytest.raises(WrongCredentials):
        service.check_password(service.find_credential(session, email="ada@example.org", cipher=cipher), PASSWORD)


def test_desk_stays_shut_when_a_buyer_knocks(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher)
    with pytest.raises(NotForDesk):
        sessions.open_session(session, user_id=user_id, audience=Audience.DESK, now=NOW)


def test_desk_opens_with_memberships_when_a_member_knocks(session: Session, cipher: ContactCipher) -> None:
    user_id = register(session, cipher)
    vendor_id = service.create_vendor(session, slug="opera", name="Opera", zone="Europe/Berlin", fee_bps=300)
    service.add_member(session, vendor_id=vendor_id, user_id=user_id, role=MemberRole.FINANCE)
    token = sessions.open_session(session, user_id=user_id, audience=Audience.DESK, now=NOW)
    found = sessions.find_session(session, token=token, audience=Audience.DESK, now=NOW)
    assert found is not None
    assert [(m.vendor_id, m.slug, m.role, m.zone) for m in found.memberships] == [(vendor_id, "opera", "finance", "Europe/Berlin")]


def test_vendor_is_refused_when_its_short_name_or_zone_is_none(session: Session) -> None:
    service.create_vendor(session, slug="opera", name="Opera", zone="Europe/Berlin")
    with pytest.raises(SlugTaken):
        service.create_vendor(session, slug="opera", name="Other opera", zone="Europe/Berlin")
    with pytest.raises(Invalid):
        service.create_vendor(session, slug="The Opera", name="Opera", zone="Europe/Berlin")
    with pytest.raises(Invalid):
        service.create_vendor(session, slug="opera-2", name="Opera", zone="Mars/Olympus")
    with pytest.raises(VendorNotFound):
        service.find_vendor(session, slug="opera-3")


def test_visitor_is_the_same_when_a_form_is_sent_twice(session: Session) -> None:
    first = service.admit_visitor(session, key="a" * 43, now=NOW)
    assert service.admit_visitor(session, key="a" * 43, now=NOW) == first
    assert service.admit_visitor(session, key="b" * 43, now=NOW) != first
    assert actions(session, first) == ["user.guest_created"]


def test_visitor_has_an_address_when_introduced(session: Session, cipher: ContactCipher) -> None:
    user_id = service.admit_visitor(session, key="a" * 43, now=NOW)
    assert service.email_of(session, user_id=user_id, cipher=cipher) is None
    service.introduce_visitor(session, user_id=user_id, email="ada@example.org", display_name="Ada", cipher=cipher)
    assert service.email_of(session, user_id=user_id, cipher=cipher) == "ada@example.org"
    assert actions(session, user_id) == ["user.guest_created", "user.introduced"]
