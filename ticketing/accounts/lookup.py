"""Who sent a request, for hot paths: sessions are looked up in batches, and remembered for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any
from uuid import UUID

from ticketing.accounts.access import ScopeMissing
from ticketing.accounts.access_tokens import Access, AccessTokens, Scope, looks_signed
from ticketing.accounts.rules import Audience
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Connection
from ticketing.foundation.errors import Unauthenticated
from ticketing.foundation.ids import token_digest

REMEMBERED_SECONDS = 5.0
"""A sign-out, or a token's end, reaches the hot paths of every process within this time."""
MOST_REMEMBERED = 100_000

LOOK_UP = """
select s.token_digest, s.user_id
from unnest(%s::bytea[]) as wanted(digest)
join user_session s on s.token_digest = wanted.digest
join user_account u on u.id = s.user_id
where s.audience = %s and s.revoked_at is null and s.expires_at > app_now() and u.disabled_at is null
"""

LOOK_UP_ACCOUNTS = """
select u.id, c.id
from unnest(%s::uuid[], %s::uuid[]) as wanted(user_id, client_id)
join user_account u on u.id = wanted.user_id
join api_client c on c.id = wanted.client_id
where u.disabled_at is null and c.removed_at is null
"""


class SessionLookupHandler:
    """The writer's handler: digests of tokens in, user ids (or None) out."""

    def conflict_keys(self, request: bytes) -> Iterable[Hashable]:
        return ()

    def run(self, connection: Connection, requests: Sequence[bytes], *, alone: bool) -> list[Any]:
        users = {bytes(digest): user for digest, user in connection.execute(LOOK_UP, [list(requests), Audience.SHOP.value])}
        return [users.get(digest) for digest in requests]


class AccountLookupHandler:
    """The writer's handler: access tokens' contents in, user ids (or None) out."""

    def conflict_keys(self, request: Access) -> Iterable[Hashable]:
        return ()

    def run(self, connection: Connection, requests: Sequence[Access], *, alone: bool) -> list[Any]:
        asked = [request.subject for request in requests], [request.client_id for request in requests]
        stand = set(connection.execute(LOOK_UP_ACCOUNTS, asked).fetchall())
        return [request.subject if (request.subject, request.client_id) in stand else None for request in requests]


class SessionCache:
    """Remembers who a token belongs to."""

    def __init__(
        self,
        look_up: Callable[[bytes], Awaitable[UUID | None]],
        *,
        look_up_account: Callable[[Access], Awaitable[UUID | None]],
        access_tokens: AccessTokens | None = None,
    ) -> None:
        self._look_up = look_up
        self._look_up_account = look_up_account
        self._access_tokens = access_tokens
        self._known: dict[str, tuple[UUID, float]] = {}

    async def user_of(self, token: str | None) -> UUID:
        """The signed-in buyer; raises `Unauthenticated`, and `ScopeMissing` for an access token that is not good for buying."""
        if token is None:
            raise Unauthenticated("Sign in first: POST /api/login or /api/guests.")
        known = self._known.get(token)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        user_id = await (self._of_access(token) if looks_signed(token) else self._look_up(token_digest(token)))
        if user_id is None:
            raise Unauthenticated("This session has ended: sign in again.")
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = (user_id, time.monotonic() + REMEMBERED_SECONDS)
        return user_id

    async def _of_access(self, token: str) -> UUID | None:
        access = None if self._access_tokens is None else self._access_tokens.read(token, now=utc_now())
        if access is None:
            return None
        if access.is_of_client:
            raise ScopeMissing("A program that acts for its vendor can't buy.")
        if Scope.BUY not in access.scopes:
            raise ScopeMissing("The access token is not good for this: it lacks the scope buy.", scope=Scope.BUY.value)
        return await self._look_up_account(access)
