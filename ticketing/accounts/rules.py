"""Who may act for whom."""

from __future__ import annotations

from enum import StrEnum


class UserKind(StrEnum):
    REGISTERED = "registered"
    GUEST = "guest"
    """A person without a password; enough to buy."""


class ContactKind(StrEnum):
    EMAIL = "email"
    PHONE = "phone"


class MemberRole(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    FINANCE = "finance"
    SUPPORT = "support"
    SCANNER = "scanner"


class Audience(StrEnum):
    """What a session opens: the storefront and API, or the dashboards."""

    SHOP = "shop"
    DESK = "desk"


class LinkPurpose(StrEnum):
    """What a link in a mail is good for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose
    CHANGE_EMAIL = "change_email"
    FIND_ORDERS = "find_orders"
    """Shows the orders of an address to who reads its mail; works again until its time is over."""


def normalise_email(value: str) -> str:
    """The form in which an address is looked up: trimmed, lower case (mailboxes that differ by case don't exist in practice)."""
    return value.strip().lower()
