"""QR codes of tickets: signed when they are shown, never stored.

Layout (bytes): version 1 · key id length 1, key id · event 16 · ticket 16 · order code 8 · seat 4 (-1: none) · buyer
reference 4 · nonce 8 · Ed25519 signature 64. Written as base32 without padding, which QR's alphanumeric mode packs well.
No personal data: the buyer reference is a keyed digest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import struct
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import zxingcpp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image, ImageOps

from ticketing.foundation.errors import Invalid
from ticketing.foundation.settings import Secrets

VERSION = 1
FIELDS = struct.Struct(">16s16s8si4s8s")
SIGNATURE_BYTES = 64
PIXELS_PER_MODULE = 6


class TicketCodeRefused(Invalid):
    """Not a code that we signed; which it is says the subclass."""


class TicketCodeMalformed(TicketCodeRefused):
    """Not a ticket code at all, or one of a version we don't know."""


class TicketKeyUnknown(TicketCodeRefused):
    """Signed with a key that this installation doesn't have."""


class TicketCodeForged(TicketCodeRefused):
    """Laid out as ours, and not signed by us as it stands."""


@dataclass(frozen=True, slots=True)
class TicketCode:
    """What a QR code says."""

    event_id: UUID
    ticket_id: UUID
    order_code: str
    seat_no: int | None
    buyer_reference: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class TicketSigner:
    key_id: str
    private: Ed25519PrivateKey
    reference_key: bytes

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> TicketSigner:
        seed = secrets.bytes_of("ticket_signing_key")
        reference_key = hashlib.sha256(b"buyer-reference" + seed).digest()
        return cls(secrets.ticket_key_id, Ed25519PrivateKey.from_private_bytes(seed), reference_key)

    def sign(self, *, event_id: UUID, ticket_id: UUID, order_code: str, seat_no: int | None, holder_id: UUID, nonce: bytes) -> str:
        """The text of a QR code: 199 characters with a key id of two, 200 with one of three."""
        reference = hmac.new(self.reference_key, holder_id.bytes, hashlib.sha256).digest()[:4]
        seat = -1 if seat_no is None else seat_no
        fields = FIELDS.pack(event_id.bytes, ticket_id.bytes, order_code.encode(), seat, reference, bytes(nonce))
        body = bytes([VERSION, len(self.key_id)]) + self.key_id.encode() + fields
        return _base32(body + self.private.sign(body))

    def verify(self, text: str) -> TicketCode:
        """The fields of a genuine code; raises `TicketCodeMalformed`, `TicketKeyUnknown` or `TicketCodeForged`.

        There is one way to write a code: small letters, padding or stray bits in the last letter are refused.
        """
        try:
            raw = base64.b32decode(text + "=" * (-len(text) % 8))
        except (binascii.Error, ValueError) as error:
            raise TicketCodeMalformed("This is not a ticket code.") from error
        head = 2 + raw[1] if len(raw) > 1 else 0
        if len(raw) != head + FIELDS.size + SIGNATURE_BYTES or raw[0] != VERSION or _base32(raw) != text:
            raise TicketCodeMalformed("This is not a ticket code.")
        if raw[2:head] != self.key_id.encode():
            raise TicketKeyUnknown("This ticket code was signed with a key we don't know.")
        body, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
        try:
            self.private.public_key().verify(signature, body)
        except InvalidSignature as error:
            raise TicketCodeForged("This ticket code is not as we signed it.") from error
        event, ticket, order, seat, reference, nonce = FIELDS.unpack(body[head:])
        return TicketCode(UUID(bytes=event), UUID(bytes=ticket), order.decode(), None if seat < 0 else seat, reference, nonce)


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")


def _modules(text: str) -> Image.Image:
    """The code's modules, a pixel each, dark ones black. Made by a compiled library: in Python it was two fifths of a mail's time."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    pixels = np.asarray(code.to_image(scale=1, add_quiet_zones=False))
    return Image.fromarray(pixels.astype(np.uint8), "L")


def qr_modules(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The code's modules as a square of greys, dark ones below 128."""
    return np.asarray(_modules(text))


def qr_svg(text: str) -> str:
    """An inline SVG, dark on nothing, scaled by its container; two modules of quiet zone, its container adds the rest."""
    modules = qr_modules(text) < 128
    side = len(modules) + 4
    squares = "".join(f"M{x + 2},{y + 2}h1v1h-1z" for y, x in np.argwhere(modules).tolist())
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path d="{squares}"/></svg>'


def qr_png(text: str) -> bytes:
    """A PNG for mails, with the quiet zone of four modules that the standard asks for: some readers show mails on black."""
    modules = ImageOps.expand(_modules(text), border=4, fill=255).convert("1")
    out = io.BytesIO()
    modules.resize((modules.width * PIXELS_PER_MODULE,) * 2, Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()
