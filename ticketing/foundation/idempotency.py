"""Idempotency keys: the same key and body give the same answer; another body under the same key is refused.

A use case of one transaction writes the key in the transaction of its effect. The row names the resource, and the answer
is rendered again from it. Keys are kept for 48 hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import LargeBinary, Text, insert, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from ticketing.foundation.db import Base, Connection, UtcDateTime
from ticketing.foundation.errors import Invalid, Malformed

KEPT_HOURS = 48
LONGEST_KEY = 200

FORGET = """
delete from idempotency_key where ctid = any(array(
  select ctid from idempotency_key where created_at < :until order by created_at limit :limit for update skip locked
))
returning 1
"""


class IdempotencyKeyReused(Invalid):
    """The key was used before with another body."""


class IdempotencyKeyMissing(Malformed):
    """This call moves seats or money and needs an Idempotency-Key."""


class IdempotencyKey(Base):
    __tablename__ = "idempotency_key"

    actor_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(Text)
    resource_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("clock_timestamp()"), index=True)


def reused(*, key: str) -> IdempotencyKeyReused:
    """The answer to a key that was used before with another request."""
    return IdempotencyKeyReused("This Idempotency-Key was used with another request.", key=key)


def required_key(value: str | None) -> str:
    """The header's value; raises when it is missing, empty or too long."""
    if value is None or not value.strip():
        raise IdempotencyKeyMissing("This call needs an Idempotency-Key header: any unique text, the same again on a retry.")
    if len(value) > LONGEST_KEY:
        raise Malformed(f"The Idempotency-Key has more than {LONGEST_KEY} characters.")
    return value


def find_resource(session: Session, *, actor_id: UUID, key: str, digest: bytes, kind: str) -> UUID | None:
    """What the actor made under this key, None if nothing was. Raises `IdempotencyKeyReused` when it was another request."""
    found = session.get(IdempotencyKey, (actor_id, key))
    if found is None:
        return None
    if found.kind != kind or found.request_digest != digest:
        raise reused(key=key)
    return found.resource_id


def keep_key(session: Session, *, actor_id: UUID, key: str, digest: bytes, kind: str, resource_id: UUID) -> None:
    """Write the key in the transaction of its effect, before the effect: a duplicate waits here, and fails with `IntegrityError`."""
    values = {"actor_id": actor_id, "key": key, "request_digest": digest, "kind": kind, "resource_id": resource_id}
    session.execute(insert(IdempotencyKey).values(**values))


def forget_keys(session: Session, *, now: datetime, limit: int = 10_000) -> int:
    """Delete up to `limit` keys that are older than they are kept; returns how many. A repeat of theirs is a new request."""
    parameters = {"until": now - timedelta(hours=KEPT_HOURS), "limit": limit}
    deleted = session.execute(text(FORGET), parameters).all()
    return len(deleted)


class Asked(Protocol):
    """A request of the writer's that came under a key."""

    @property
    def buyer_id(self) -> UUID: ...
    @property
    def key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What a key was used for."""

    resource_id: UUID
    kind: str
    digest: bytes


FIND = """
select r.ord, k.resource_id, k.kind, k.request_digest
from unnest(%(ord)s::int[], %(actor)s::uuid[], %(key)s::text[]) as r(ord, actor_id, key)
join idempotency_key k on k.actor_id = r.actor_id and k.key = r.key
"""


def find_keys(connection: Connection, lost: Mapping[int, Asked]) -> dict[int, Known]:
    """The keys of requests that lost a race: whoever they lost to may have been themselves, in another process.

    A statement sees what was there when it began, so its own look at the keys may have been too early for that.
    """
    if not lost:
        return {}
    asked = list(lost.values())
    parameters = {"ord": list(lost), "actor": [one.buyer_id for one in asked], "key": [one.key for one in asked]}
    return {ord_: Known(*known) for ord_, *known in connection.execute(FIND, parameters)}
