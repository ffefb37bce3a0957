"""Limits on trying codes: a short one could be guessed."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request

from ticketing.foundation.limits import Limits

CODES_PER_BUYER = "30 per 5 minutes"
CODES_PER_CLIENT = "300 per 5 minutes"
"""An address may be that of a whole house. At this rate four random letters or digits take two weeks to find."""


def limit_codes(request: Request, *, buyer_id: UUID) -> None:
    """Count a request with a code; raises `TooManyRequests`. May wait: not for event loops."""
    limits: Limits = request.app.state.limits
    limits.spend("codes", CODES_PER_CLIENT, "client", request.client.host if request.client else "")
    limits.spend("codes", CODES_PER_BUYER, "buyer", str(buyer_id))
