"""Rotating the keys of contact data: everything is read with the new key, and what was broken off is finished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rotation import reencrypt_contacts
from ticketing.accounts.rules import ContactKind
from ticketing.accounts.service import create_guest, email_of
from ticketing.commands.keys import retire_keys, rotate_keys, rows_by_key
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings, ensure_secrets, read_secrets
from ticketing.messages.push import add_subscription


@pytest.fixture
def ring(tmp_path: Path) -> Settings:
    """An installation with keys of its own."""
    settings = Settings(home=tmp_path, environment="test")
    ensure_secrets(settings)
    return settings


def fill(database: Database, settings: Settings, guests: int) -> dict[str, str]:
    """Guests' ids and addresses."""
    cipher = ContactCipher.from_settings(settings)
    made = {}
    with database.transaction() as session:
        for _ in range(guests):
            email = f"{uuid4().hex}@example.org"
            user_id = create_guest(session, email=email, display_name="Ada", cipher=cipher, now=database_now(session), phone="+49 30 1234")
            made[str(user_id)] = email
    return made


def emails(database: Database, cipher: ContactCipher, user_ids: list[str]) -> dict[str, str | None]:
    with database.transaction() as session:
        return {user_id: email_of(session, user_id=user_id, cipher=cipher) for user_id in user_ids}  # type: ignore[arg-type]


def test_everything_is_under_the_new_key_and_the_old_one_is_forgotten(database: Database, ring: Settings) -> None:
    people = fill(database, ring, 5)
    serving = ContactCipher.from_settings(ring)  # a process that started before
    assert rotate_keys(ring, database, batch=3) == 10
    assert rows_by_key(database) == {"c2": 10}
    assert read_secrets(ring).contact_key_id == "c2"
    assert emails(database, ContactCipher.from_secrets(read_secrets(ring)), list(people)) == people
    assert emails(database, serving, list(people)) == people  # it learns of the new key
    assert retire_keys(ring, database) == ["c1"]
    assert list(read_secrets(ring).contact_keys) == ["c2"]
    assert emails(database, ContactCipher.from_settings(ring), list(people)) == people
    assert ring.secrets_path.stat().st_mode & 0o777 == 0o600


def test_rotation_that_was_broken_off_is_finished_before_another_begins(database: Database, ring: Settings) -> None:
    fill(database, ring, 4)
    rotate_keys(ring, database)
    late = ContactCipher.from_settings(ring)  # the settings know the first key
    with database.transaction() as session:  # as a process that was not restarted leaves it, or a rotation that was killed
        assert reencrypt_contacts(session, cipher=late, limit=3) == 3
    assert retire_keys(ring, database) == []
    assert rotate_keys(ring, database) == 3
    assert rows_by_key(database) == {"c2": 8}
    assert rotate_keys(ring, database) == 8
    assert rows_by_key(database) == {"c3": 8}


ROTATE_AND_DIE = """
import sys
from pathlib import Path
from ticketing.commands.keys import rotate_keys
from ticketing.foundation import faults
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

faults.arm("batch_reencrypted", after=2)
rotate_keys(Settings(home=Path(sys.argv[1])), Database(core_url=sys.argv[2], owner_url="", reader_url=""), batch=3)
"""


def test_everything_is_read_when_a_rotation_is_killed_and_run_again_while_guests_arrive(database: Database, ring: Settings) -> None:
    people = fill(database, ring, 6)
    serving = ContactCipher.from_settings(ring)
    command = [sys.executable, "-c", ROTATE_AND_DIE, str(ring.home), database.url(Role.CORE)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
    assert subprocess.run(command, check=False, env=environment, timeout=60).returncode == -signal.SIGKILL
    assert rows_by_key(database) == {"c1": 6, "c2": 6}
    assert emails(database, serving, list(people)) == people  # in the middle
    people |= fill(database, ring, 2)  # by a process that still has the old key
    assert rotate_keys(ring, database, batch=3) == 10
    assert rows_by_key(database) == {"c2": 16}
    assert emails(database, ContactCipher.from_secrets(read_secrets(ring)), list(people)) == people


def test_addresses_are_found_by_their_blind_index_after_a_rotation(database: Database, ring: Settings) -> None:
    (email,) = fill(database, ring, 1).values()
    rotate_keys(ring, database)
    index = ContactCipher.from_settings(ring).blind_index(ContactKind.EMAIL, email)
    with database.transaction() as session:
        assert session.execute(text("select count(*) from user_contact where blind_index = :i"), {"i": index}).scalar_one() == 1


def test_push_subscriptions_are_rotated_as_well(database: Database, ring: Settings) -> None:
    (user_id,) = fill(database, ring, 1)
    cipher = ContactCipher.from_settings(ring)
    point = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
    with database.transaction() as session:
        add_subscription(
            session,
            user_id=user_id,  # type: ignore[arg-type]
            endpoint="https://push.example.org/1",
            p256dh=point,
            auth="AAAAAAAAAAAAAAAAAAAAAA",
            cipher=cipher,
            now=database_now(session),
        )
    assert rotate_keys(ring, database) == 3
    with database.transaction() as session:
        value, key_id = session.execute(text("select value_encrypted, key_id from push_subscription")).one()
    assert key_id == "c2"
    assert "https://push.example.org/1" in cipher.decrypt(value, key_id)


def test_a_key_that_is_nowhere_is_asked_for_by_name(ring: Settings) -> None:
    cipher = ContactCipher.from_settings(ring)
    value, _ = cipher.encrypt("ada@example.org")
    with pytest.raises(Misconfigured, match="'c9'"):
        cipher.decrypt(value, "c9")
