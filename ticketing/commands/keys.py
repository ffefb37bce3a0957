"""`ticketing keys`: the key ring that contact data is encrypted with."""

from __future__ import annotations

from collections import Counter

import click

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rotation import BATCH, contacts_by_key, record_rotation, reencrypt_contacts, with_new_key, without_keys
from ticketing.foundation.db import Database
from ticketing.foundation.faults import fault_point
from ticketing.foundation.settings import Secrets, Settings, change_secrets, load_settings, read_secrets
from ticketing.messages.push import reencrypt_subscriptions, subscriptions_by_key

REENCRYPT = (reencrypt_contacts, reencrypt_subscriptions)


@click.group()
def command() -> None:
    """The key ring of contact data."""


@command.command()
def show() -> None:
    """Each key, and how much is encrypted with it."""
    settings = load_settings()
    secrets, used = read_secrets(settings), rows_by_key(Database.from_settings(settings))
    for key_id in secrets.contact_keys:
        present = " (the present one)" if key_id == secrets.contact_key_id else ""
        click.echo(f"{key_id}: {used[key_id]} rows{present}")


@command.command()
def rotate() -> None:
    """Make a new key and encrypt everything with it. Stopped and run again, it goes on where it was."""
    settings = load_settings()
    done = rotate_keys(settings, Database.from_settings(settings))
    click.echo(
        f"{done} rows are encrypted with {read_secrets(settings).contact_key_id}. Restart what serves, then `ticketing keys retire`."
    )


@command.command()
def retire() -> None:
    """Forget old keys that nothing is encrypted with. First restart everything that serves: it encrypts with the key it started with."""
    settings = load_settings()
    gone = retire_keys(settings, Database.from_settings(settings))
    click.echo(f"Forgot {', '.join(gone)}." if gone else "No key can be forgotten.")


def rows_by_key(database: Database) -> Counter[str]:
    """How many rows of all tables are under each key."""
    with database.transaction() as session:
        return Counter(contacts_by_key(session)) + Counter(subscriptions_by_key(session))


def rotate_keys(settings: Settings, database: Database, *, batch: int = BATCH) -> int:
    """A new key, unless a rotation was broken off, which then is finished; returns how many rows were encrypted anew."""
    ring = read_secrets(settings)
    unfinished = len(ring.contact_keys) > 1 and rows_by_key(database).keys() - {ring.contact_key_id}
    if not unfinished:
        ring = change_secrets(settings, with_new_key)  # on disk before anything is encrypted with it
        with database.transaction() as session:
            record_rotation(session, action="keys.rotated")
    cipher = ContactCipher.from_secrets(ring)
    done = 0
    for reencrypt in REENCRYPT:
        while True:
            with database.transaction() as session:
                rows = reencrypt(session, cipher=cipher, limit=batch)
            if rows == 0:
                break
            fault_point("batch_reencrypted")
            done += rows
    return done


def retire_keys(settings: Settings, database: Database) -> list[str]:
    """Drop the old keys under which there is nothing; returns them."""
    before = read_secrets(settings)
    used = rows_by_key(database)

    def drop(secrets: Secrets) -> Secrets:
        return without_keys(secrets, [key_id for key_id in before.contact_keys if key_id not in used])

    after = change_secrets(settings, drop)
    gone = sorted(before.contact_keys.keys() - after.contact_keys.keys())
    if gone:
        with database.transaction() as session:
            record_rotation(session, action="keys.retired")
    return gone
