"""Access tokens: ten minutes, signed, for one audience, good for the scopes they name.

Ed25519 is what EdDSA with that curve is called since RFC 9864. A token says who it is for; whether that account stands is
looked up each time.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from ticketing.foundation.ids import new_id
from ticketing.foundation.settings import Settings

log = logging.getLogger(__name__)
ALGORITHM = "Ed25519"
AUDIENCE = "api"
TYPE = "at+jwt"
LIFE = timedelta(minutes=10)
LONGEST = 2_000


class Scope(StrEnum):
    """What an access token may be good for. Signing in, passwords and programs themselves are for sessions only."""

    PROFILE = "profile"
    BUY = "buy"
    """Hold, order, pay, tickets."""
    EVENTS = "events"
    """A vendor's events and waiting rooms."""
    WEBHOOKS = "webhooks"
    SALES = "sales"
    """A vendor's figures."""


FOR_CLIENTS_THEMSELVES = frozenset({Scope.EVENTS, Scope.WEBHOOKS, Scope.SALES})
"""What a client may be granted without a person: its vendor's things."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a valid token says."""

    subject: UUID
    """The person it acts for; the client itself where it acts for its vendor."""
    client_id: UUID
    scopes: frozenset[str]

    @property
    def is_of_client(self) -> bool:
        return self.subject == self.client_id


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Signs and reads them."""

    key: OKPKey
    key_id: str
    issuer: str

    @classmethod
    def from_settings(cls, settings: Settings) -> AccessTokens:
        private = Ed25519PrivateKey.from_private_bytes(settings.secrets.derive("access-token"))
        key_id = hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()[:16]
        return cls(OKPKey.import_key(private), key_id, settings.public_url)

    def make(self, access: Access, *, now: datetime) -> str:
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": str(access.subject),
            "client_id": str(access.client_id),
            "scope": " ".join(sorted(access.scopes)),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFE).timestamp()),
            "jti": str(new_id()),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self.key_id, "typ": TYPE}, claims, self.key, algorithms=[ALGORITHM])

    def read(self, token: str, *, now: datetime) -> Access | None:
        """None for whatever is not one of ours, or not valid at `now`."""
        if len(token) > LONGEST:
            return None
        try:
            found = jwt.decode(token, self.key, algorithms=[ALGORITHM])
            claims = found.claims
            in_time = int(claims["iat"]) - LIFE.total_seconds() <= now.timestamp() < int(claims["exp"])
            if found.header.get("typ") != TYPE or claims["iss"] != self.issuer or claims["aud"] != AUDIENCE or not in_time:
                return None
            return Access(UUID(claims["sub"]), UUID(claims["client_id"]), frozenset(claims["scope"].split()))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def public_keys(self) -> dict[str, Any]:
        """JWKS: the public halves."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}]}


def looks_signed(token: str) -> bool:
    """Whether a bearer token is meant to be one of these: sessions' tokens have no dots."""
    return token.count(".") == 2
