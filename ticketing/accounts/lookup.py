"""Who sent a request, for hot paths: sessions are looked up in batches, and remembered for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any
from uuid import UUID

from ticketing.accounts.rules import Audience
from ticketing.foundation.db import Connection
from ticketing.foundation.errors import Unauthenticated
from ticketing.foundation.ids import token_digest

REMEMBERED_SECONDS = 5.0
"""A sign-out reaches the hot paths of every process within this time."""
MOST_REMEMBERED = 100_000

LOOK_UP = """
select s.token_digest, s.user_id
from unnest(%s::bytea[]) as wanted(digest)
join user_session s on s.token_digest = wanted.digest
join user_account u on u.id = s.user_id
where s.audience = %s and s.revoked_at is null and s.expires_at > app_now() and u.disabled_at is null
"""


class SessionLookupHandler:
    """The writer's handler: digests of tokens in, user ids (or None) out."""

    def conflict_keys(self, request: bytes) -> Iterable[Hashable]:
        return ()

    def run(self, connection: Connection, requests: Sequence[bytes], *, alone: bool) -> list[Any]:
        users = {bytes(digest): user for digest, user in connection.execute(LOOK_UP, [list(requests), Audience.SHOP.value])}
        return [users.get(digest) for digest in requests]


class SessionCache:
    """Remembers who a token belongs to."""

    def __init__(self, look_up: Callable[[bytes], Awaitable[UUID | None]]) -> None:
        self._look_up = look_up
        self._known: dict[str, tuple[UUID, float]] = {}

    async def user_of(self, token: str | None) -> UUID:
        """The signed-in buyer; raises `Unauthenticated`."""
        if token is None:
            raise Unauthenticated("Sign in first: POST /api/login or /api/guests.")
        known = self._known.get(token)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        user_id = await self._look_up(token_digest(token))
        if user_id is None:
            raise Unauthenticated("This session has ended: sign in again.")
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = (user_id, time.monotonic() + REMEMBERED_SECONDS)
        return user_id
