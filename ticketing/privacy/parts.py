"""The features that keep something on people. A new one adds its part here: one import, one line."""

from __future__ import annotations

from ticketing.accounts.personal import PART as ACCOUNTS
from ticketing.audit.personal import PART as AUDIT
from ticketing.foundation.person import Part
from ticketing.inventory.personal import PART as INVENTORY
from ticketing.messages.personal import PART as MESSAGES
from ticketing.orders.personal import PART as ORDERS
from ticketing.payments.personal import PART as PAYMENTS
from ticketing.photos.personal import PART as PHOTOS
from ticketing.privacy.personal import PART as ERASURES
from ticketing.promotions.personal import PART as PROMOTIONS
from ticketing.recommendations.personal import PART as RECOMMENDATIONS
from ticketing.tickets.personal import PART as TICKETS
from ticketing.waitinglist.personal import PART as WAITING_LIST
from ticketing.waitingroom.personal import PART as WAITING_ROOM
from ticketing.webhooks_out.personal import PART as WEBHOOKS

PARTS: tuple[Part, ...] = (
    RECOMMENDATIONS,
    WEBHOOKS,
    MESSAGES,
    PHOTOS,
    ORDERS,
    WAITING_LIST,
    WAITING_ROOM,
    TICKETS,
    INVENTORY,
    PAYMENTS,
    PROMOTIONS,
    ACCOUNTS,
    AUDIT,
    ERASURES,
)
"""Higher features before lower ones: what refers to others goes first."""


def fates() -> dict[str, str]:
    """Table → what erasure does to a person's rows, and why."""
    return {table: fate for part in PARTS for table, fate in part.fates.items()}
