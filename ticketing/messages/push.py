"""Push subscriptions: where a browser takes pushes. Address and keys are stored encrypted, each address once."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.audit.service import record
from ticketing.foundation.errors import Conflict, Invalid, NotFound
from ticketing.foundation.ids import new_id
from ticketing.messages.tables import PushSubscription

MOST_SUBSCRIPTIONS = 20
"""Of one person: old browsers are never signed off."""
AUTH_BYTES = 16
"""RFC 8291, 3.2."""


class PushKeysUnreadable(Invalid):
    """`p256dh` is a point of P-256, uncompressed, `auth` 16 bytes; both in base64url, as browsers give them."""


class PushSubscriptionNotFound(NotFound):
    """No such subscription of this person."""


class TooManyPushSubscriptions(Conflict):
    """Remove one first."""


@dataclass(frozen=True, slots=True)
class PushSubscriptionView:
    """Without address and keys: who knows them can push."""

    id: UUID
    host: str
    created_at: datetime


def add_subscription(
    session: Session, *, user_id: UUID, endpoint: str, p256dh: str, auth: str, cipher: ContactCipher, now: datetime
) -> PushSubscriptionView:
    """Keep a browser's address; check before that it may be called. One that is known becomes this person's: it is the same browser.

    Raises `PushKeysUnreadable`, `TooManyPushSubscriptions`.
    """
    _check_keys(p256dh, auth)
    session.execute(text("select from user_account where id = :user for no key update"), {"user": user_id})
    index = cipher.index_of("push", endpoint)
    others = select(func.count()).where(PushSubscription.user_id == user_id, PushSubscription.endpoint_index != index)
    if session.execute(others).scalar_one() >= MOST_SUBSCRIPTIONS:
        raise TooManyPushSubscriptions(f"There are {MOST_SUBSCRIPTIONS} subscriptions: remove one first.")
    encrypted, key_id = cipher.encrypt(json.dumps({"endpoint": endpoint, "p256dh": p256dh, "auth": auth}))
    host = urlsplit(endpoint).hostname or ""
    values = {"id": new_id(), "user_id": user_id, "host": host, "value_encrypted": encrypted, "key_id": key_id, "created_at": now}
    new = insert(PushSubscription).values(endpoint_index=index, **values)
    kept = new.on_conflict_do_update(index_elements=["endpoint_index"], set_=values).returning(PushSubscription.id)
    subscription_id = session.execute(kept).scalar_one()
    record(session, actor_id=user_id, action="user.push_subscribed", subject_id=user_id)
    return PushSubscriptionView(subscription_id, host, now)


def list_subscriptions(session: Session, *, user_id: UUID) -> list[PushSubscriptionView]:
    """A person's browsers, newest first."""
    mine = select(PushSubscription.id, PushSubscription.host, PushSubscription.created_at).where(PushSubscription.user_id == user_id)
    return [PushSubscriptionView(*row) for row in session.execute(mine.order_by(PushSubscription.created_at.desc(), PushSubscription.id))]


def remove_subscription(session: Session, *, user_id: UUID, subscription_id: UUID) -> None:
    """Forget a browser; raises `PushSubscriptionNotFound`."""
    mine = (PushSubscription.id == subscription_id, PushSubscription.user_id == user_id)
    if session.execute(delete(PushSubscription).where(*mine).returning(PushSubscription.id)).first() is None:
        raise PushSubscriptionNotFound("There is no such subscription.", id=subscription_id)
    record(session, actor_id=user_id, action="user.push_unsubscribed", subject_id=user_id)


def reencrypt_subscriptions(session: Session, *, cipher: ContactCipher, limit: int) -> int:
    """Encrypt up to `limit` rows that are under another key with the present one; returns how many."""
    others = select(PushSubscription).where(PushSubscription.key_id != cipher.key_id).order_by(PushSubscription.id).limit(limit)
    rows = session.execute(others.with_for_update()).scalars().all()
    for row in rows:
        row.value_encrypted, row.key_id = cipher.encrypt(cipher.decrypt(row.value_encrypted, row.key_id))
    return len(rows)


def subscriptions_by_key(session: Session) -> dict[str, int]:
    """How many rows are under each key."""
    counted = select(PushSubscription.key_id, func.count()).group_by(PushSubscription.key_id)
    return dict(session.execute(counted).tuples().all())


def _check_keys(p256dh: str, auth: str) -> None:
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _decoded(p256dh))
        secret = _decoded(auth)
    except (ValueError, binascii.Error):
        raise PushKeysUnreadable("These are not the keys of a push subscription.", fields={"keys": "format"}) from None
    if len(secret) != AUTH_BYTES:
        raise PushKeysUnreadable("These are not the keys of a push subscription.", fields={"keys.auth": "length"})


def _decoded(value: str) -> bytes:
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
