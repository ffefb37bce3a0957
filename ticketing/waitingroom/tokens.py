"""The token of a place in a queue: signed, so that a poll needs no look at the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from ticketing.foundation.errors import NotFound
from ticketing.foundation.settings import Secrets
from ticketing.waitingroom.enter import Place

DIGEST_BYTES = 16
NOT_DRAWN = 0
TOKEN_BYTES = 16 + 16 + 8 + DIGEST_BYTES


class NoSuchPlace(NotFound):
    """The token is none of ours."""


@dataclass(frozen=True, slots=True)
class PlaceToken:
    """Whose place it is; `position` is what it was when the token was made, `NOT_DRAWN` before the opening."""

    event_id: UUID
    entry_id: UUID
    position: int

    @classmethod
    def of(cls, place: Place) -> PlaceToken:
        return cls(place.event_id, place.entry_id, place.position or NOT_DRAWN)


@dataclass(frozen=True, slots=True)
class PlaceSigner:
    key: bytes

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> PlaceSigner:
        return cls(secrets.derive("queue-place"))

    def write(self, place: PlaceToken) -> str:
        """What stands in the address of a place: 75 characters."""
        body = place.event_id.bytes + place.entry_id.bytes + place.position.to_bytes(8, "big")
        return base64.urlsafe_b64encode(body + self._digest(body)).decode().rstrip("=")

    def read(self, token: str) -> PlaceToken:
        """Raises `NoSuchPlace`."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        body, digest = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if len(raw) != TOKEN_BYTES or not hmac.compare_digest(digest, self._digest(body)):
            raise NoSuchPlace("There is no such place in a queue.")
        return PlaceToken(UUID(bytes=body[:16]), UUID(bytes=body[16:32]), int.from_bytes(body[32:], "big"))

    def _digest(self, body: bytes) -> bytes:
        return hmac.new(self.key, body, hashlib.sha256).digest()[:DIGEST_BYTES]
