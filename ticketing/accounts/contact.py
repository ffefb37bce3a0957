"""Contact data at rest: AES-256-GCM under a key ring; found by exact normalised value through a keyed blind index."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticketing.accounts.rules import ContactKind, normalise_email
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Secrets, Settings, read_secrets

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class ContactCipher:
    key_id: str
    keys: dict[str, bytes]
    index_key: bytes
    newest: Callable[[], Secrets] | None = None
    """Where the key ring is read anew when a key is missing: keys are rotated while processes serve."""

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> ContactCipher:
        return cls(secrets.contact_key_id, _ring(secrets), secrets.bytes_of("blind_index_key"))

    @classmethod
    def from_settings(cls, settings: Settings) -> ContactCipher:
        """One that learns of keys that are added later."""
        secrets = settings.secrets
        return cls(secrets.contact_key_id, _ring(secrets), secrets.bytes_of("blind_index_key"), lambda: read_secrets(settings))

    def encrypt(self, value: str) -> tuple[bytes, str]:
        """(nonce and ciphertext, id of the key)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.keys[self.key_id]).encrypt(nonce, value.encode(), None), self.key_id

    def decrypt(self, value: bytes, key_id: str) -> str:
        """Raises `Misconfigured` when the key is not in the ring."""
        if key_id not in self.keys and self.newest is not None:
            self.keys.update(_ring(self.newest()))
        if key_id not in self.keys:
            raise Misconfigured(f"Contact key {key_id!r} is not in the key ring: restore it to secrets.json.")
        return AESGCM(self.keys[key_id]).decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], None).decode()

    def blind_index(self, kind: ContactKind, value: str) -> bytes:
        """HMAC-SHA256 of the normalised value: equal for equal addresses, and tells nothing without the key."""
        return self.index_of(kind.value, normalise_email(value) if kind is ContactKind.EMAIL else value)

    def index_of(self, sort: str, value: str) -> bytes:
        """The blind index of any other sort of value."""
        return hmac.new(self.index_key, f"{sort}:{value}".encode(), hashlib.sha256).digest()


def _ring(secrets: Secrets) -> dict[str, bytes]:
    return {key_id: base64.b64decode(key) for key_id, key in secrets.contact_keys.items()}
