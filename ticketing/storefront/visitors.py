"""Buyers who have not signed in: a session of their own from the first form they send."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request

from ticketing.accounts import service as accounts
from ticketing.accounts.http import current_user
from ticketing.accounts.rules import Audience
from ticketing.accounts.sessions import open_session
from ticketing.foundation.db import database_now

Key = Annotated[str, Form(min_length=20, max_length=100)]
"""Minted when the form was rendered: sent twice, it is one request."""


def buyer_or_visitor(request: Request, key: str) -> tuple[UUID, str | None]:
    """The signed-in buyer, or the form's visitor with a session of their own (whose address comes at checkout)."""
    user = current_user(request)
    if user is not None:
        return user.user_id, None
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        user_id = accounts.admit_visitor(session, key=key, now=now)
        return user_id, open_session(session, user_id=user_id, audience=Audience.SHOP, now=now)
