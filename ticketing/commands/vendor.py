"""`ticketing vendor`: vendors and their members."""

from __future__ import annotations

import click

from ticketing.accounts import service
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import MemberRole
from ticketing.catalog.service import connect_payment_account
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.settings import load_settings


@click.group()
def command() -> None:
    """Vendors and their members."""


@command.command()
@click.argument("slug")
@click.option("--name", required=True)
@click.option("--zone", required=True, help="IANA zone in which business days are counted, e.g. Europe/Berlin.")
@click.option("--fee-bps", type=click.IntRange(0, 10_000), default=0, help="Platform fee in ten-thousandths of the price.")
@click.option("--fee-fixed", type=click.IntRange(0), default=0, help="Platform fee per ticket, in minor units.")
@click.option("--payment-account", help="Its account at the fake provider.")
def add(slug: str, name: str, zone: str, fee_bps: int, fee_fixed: int, payment_account: str | None) -> None:
    """Add a vendor."""
    database = Database.from_settings(load_settings())
    with database.transaction() as session:
        vendor_id = service.create_vendor(session, slug=slug, name=name, zone=zone, fee_bps=fee_bps, fee_fixed_minor=fee_fixed)
        connect_payment_account(session, vendor_id=vendor_id, provider="fake", account_ref=payment_account or f"acct_{slug}")
    click.echo(f"Added vendor {slug}.")


@command.command("add-member")
@click.argument("slug")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", type=click.Choice([role.value for role in MemberRole]), default=MemberRole.OWNER.value, show_default=True)
@click.password_option(help="Asked for when it is not given.")
def add_member(slug: str, email: str, name: str, role: str, password: str) -> None:
    """Make an account that may act for a vendor."""
    settings = load_settings()
    database = Database.from_settings(settings)
    cipher = ContactCipher.from_secrets(settings.secrets)
    password_hash = hash_password(password)
    with database.transaction() as session:
        vendor = service.find_vendor(session, slug=slug)
        now = database_now(session)
        user_id = service.register(session, email=email, password_hash=password_hash, display_name=name, cipher=cipher, now=now)
        service.add_member(session, vendor_id=vendor.id, user_id=user_id, role=MemberRole(role))
    click.echo(f"{name} may act for {slug} as {role}.")
