"""What outgoing webhooks obey: events, states, pauses between attempts, signatures (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from uuid import UUID


class WebhookEventKind(StrEnum):
    """What a vendor may be told; also the topics of the outbox."""

    ORDER_CONFIRMED = "order.confirmed"
    ORDER_CANCELLED = "order.cancelled"
    EVENT_PUBLISHED = "event.published"


class DeliveryState(StrEnum):
    PENDING = "pending"
    """To be tried, or tried again, from `next_try_at` on."""
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """Tried as often as is tried; may be replayed."""
    ABANDONED = "abandoned"
    """Its endpoint was removed."""


REPLAYED = {
    DeliveryState.PENDING: frozenset({DeliveryState.PENDING}),
    DeliveryState.SENDING: frozenset[DeliveryState](),
    DeliveryState.DELIVERED: frozenset({DeliveryState.PENDING}),
    DeliveryState.GIVEN_UP: frozenset({DeliveryState.PENDING}),
    DeliveryState.ABANDONED: frozenset[DeliveryState](),
}
"""What a replay may start from."""

MOST_ATTEMPTS = 13
FIRST_PAUSE = timedelta(seconds=40)
"""Doubles with each attempt: thirteen attempts take 45 hours."""
SPREAD = 0.1
"""By up to this share a pause is longer, by chance: what failed together is not tried again together."""
GIVEN_UP_IN_A_ROW = 5
"""So many deliveries given up, with none delivered between them, disable their endpoint."""
SECRET_PURPOSE = "webhook-secret"  # noqa: S105 - what a key is derived for, no secret
SECRET_OVERLAP = timedelta(hours=24)
"""After a rotation both secrets sign for so long."""
LONGEST_ANSWER = 500
"""Characters of an answer that the log keeps."""


def pause_after(attempt: int, *, chance: float) -> timedelta:
    """Before the next attempt, after the `attempt`-th has failed (from 1); `chance` is in [0, 1)."""
    return FIRST_PAUSE * float(2 ** (attempt - 1)) * (1 + SPREAD * chance)


def secret_bytes(key: bytes, endpoint_id: UUID, version: int) -> bytes:
    """The endpoint's secret of a version: derived, so that no copy of the database holds it."""
    return hmac.new(key, f"{endpoint_id}:{version}".encode(), hashlib.sha256).digest()


def secret_text(secret: bytes) -> str:
    """As the receiver keeps it."""
    return "whsec_" + base64.b64encode(secret).decode()


def signature(secrets: Sequence[bytes], *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The header `Webhook-Signature`: one entry for each secret."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()}" for secret in secrets)


def kept_answer(body: bytes) -> str:
    """The beginning of an answer, as text that PostgreSQL can keep."""
    return body[: 4 * LONGEST_ANSWER].decode(errors="replace").replace("\x00", "\ufffd")[:LONGEST_ANSWER]
