"""What a member does for a vendor from the dashboards: the same services as over HTTP, under the same rules.

Who the session belongs to, and what they are to the vendor, is looked up for every action again: a page that was drawn before
somebody lost their role shows buttons that no longer work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ticketing.accounts.access import Caller, Endpoint, RoleMissing, allow
from ticketing.accounts.rules import Audience
from ticketing.accounts.sessions import find_session
from ticketing.authorisation import RULES
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.errors import Forbidden, Unauthenticated

PUBLISH: Endpoint = ("POST", "/api/events/{event_id}/publish")
CHANGE_EVENT: Endpoint = ("PATCH", "/api/events/{event_id}")
CLOSE: Endpoint = ("POST", "/api/events/{event_id}/close-sales")
REOPEN: Endpoint = ("POST", "/api/events/{event_id}/reopen-sales")
POSTPONE: Endpoint = ("POST", "/api/events/{event_id}/postpone")
CLONE: Endpoint = ("POST", "/api/events/{event_id}/clone")
CHANGE_TYPE: Endpoint = ("PATCH", "/api/events/{event_id}/ticket-types/{ticket_type_id}")
READ_TYPES: Endpoint = ("GET", "/api/events/{event_id}/ticket-types")
RELEASE_BLOCK: Endpoint = ("DELETE", "/api/events/{event_id}/blocks/{block_id}")
READ_BLOCKS: Endpoint = ("GET", "/api/events/{event_id}/blocks")
LIST_EVENTS: Endpoint = ("GET", "/api/vendors/{vendor_id}/events")
READ_VENUES: Endpoint = ("GET", "/api/venues")
ADD_VENUE: Endpoint = ("POST", "/api/venues")
ADD_CONFIGURATION: Endpoint = ("POST", "/api/venues/{venue_id}/configurations")
DRAFT_LAYOUT: Endpoint = ("POST", "/api/configurations/{configuration_id}/layouts")
PUBLISH_LAYOUT: Endpoint = ("POST", "/api/layouts/{layout_id}/publish")
READ_PLANS: Endpoint = ("GET", "/api/events/{event_id}/reseatings")
PROPOSE_PLAN: Endpoint = ("POST", "/api/events/{event_id}/reseatings")
APPLY_PLAN: Endpoint = ("POST", "/api/reseatings/{reseating_id}/apply")
REFUSE_PLAN: Endpoint = ("POST", "/api/reseatings/{reseating_id}/refuse")


@dataclass(frozen=True)
class Acting:
    """One transaction as the role `vendor`, for one member of one vendor."""

    session: Any
    now: datetime
    actor_id: UUID
    own: list[UUID]
    """The vendor, as services take it."""

    @property
    def who(self) -> dict[str, Any]:
        """What every service that changes something asks: whose it is, when, and who does it."""
        return {"vendor_ids": self.own, "now": self.now, "actor_id": self.actor_id}


@dataclass(frozen=True)
class Office:
    """One vendor's back office, for whoever holds the session."""

    database: Database
    token: str = field(repr=False)
    vendor_id: UUID

    def caller(self, endpoint: Endpoint) -> Caller:
        """Who acts, if the API's rule for `endpoint` lets them act for this vendor now. Raises `Unauthenticated`, `RoleMissing`."""
        with self.database.transaction() as session:
            user = find_session(session, token=self.token, audience=Audience.DESK, now=database_now(session))
        caller = allow(RULES[endpoint], user)
        if self.vendor_id not in caller.vendor_ids:
            raise RoleMissing("This is not for your role.")
        return caller

    def may(self, endpoint: Endpoint) -> bool:
        """Whether to show a button; the action asks again."""
        try:
            self.caller(endpoint)
        except (Forbidden, Unauthenticated):
            return False
        return True

    @contextmanager
    def acting(self, endpoint: Endpoint) -> Iterator[Acting]:
        """One transaction under the API's rule for `endpoint`; sees and changes rows of this vendor alone. Raises as `caller` does."""
        caller = self.caller(endpoint)
        with self.database.transaction(Role.VENDOR, vendor_ids=[self.vendor_id]) as session:
            yield Acting(session, database_now(session), caller.user_id, [self.vendor_id])
