"""Contact data at rest: AES-256-GCM under a key ring; found by exact normalised value through a keyed blind index."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticketing.accounts.rules import ContactKind, normalise_email
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Secrets

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class ContactCipher:
    key_id: str
    keys: dict[str, bytes]
    index_key: bytes

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> ContactCipher:
        keys = {key_id: base64.b64decode(key) for key_id, key in secrets.contact_keys.items()}
        return cls(secrets.contact_key_id, keys, secrets.bytes_of("blind_index_key"))

    def encrypt(self, value: str) -> tuple[bytes, str]:
        """(nonce and ciphertext, id of the key)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.keys[self.key_id]).encrypt(nonce, value.encode(), None), self.key_id

    def decrypt(self, value: bytes, key_id: str) -> str:
        """Raises `Misconfigured` when the key is not in the ring."""
        if key_id not in self.keys:
            raise Misconfigured(f"Contact key {key_id!r} is not in the key ring: restore it to secrets.json.")
        return AESGCM(self.keys[key_id]).decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], None).decode()

    def blind_index(self, kind: ContactKind, value: str) -> bytes:
        """HMAC-SHA256 of the normalised value: equal for equal addresses, and tells nothing without the key."""
        normal = normalise_email(value) if kind is ContactKind.EMAIL else value
        return hmac.new(self.index_key, f"{kind.value}:{normal}".encode(), hashlib.sha256).digest()
