"""States of an entry in a waiting list."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

OFFER_TIME = timedelta(minutes=30)
"""An offer is a hold, and lasts so long (never past the end of sales)."""


class EntryState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    """Places are held for them, until the offer ends."""
    BOUGHT = "bought"
    LAPSED = "lapsed"
    """The offer ended unused, or could not be made: the buyer has as many places already as one may."""
    LEFT = "left"


class OfferLink(StrEnum):
    """What the signed link of a mail is for."""

    OFFER = "waiting_list_offer"


OPEN = frozenset({EntryState.WAITING, EntryState.OFFERED})
