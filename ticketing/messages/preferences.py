"""What people want to be told: channels, quiet hours, kinds; and the links in mails that turn a kind off.

Tickets, receipts, refunds and links of an account are always sent: only `OptionalKind` asks for preferences.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.foundation.clock import zone as check_zone
from ticketing.foundation.errors import Invalid, NotFound
from ticketing.foundation.settings import Secrets
from ticketing.messages.rules import OptionalKind, quiet_until
from ticketing.messages.tables import MessagePreference

DIGEST_BYTES = 16


class QuietHoursEmpty(Invalid):
    """They end when they begin."""


class UnsubscribeLinkUnknown(NotFound):
    """None of ours."""


@dataclass(frozen=True, slots=True)
class Channels:
    """By which ways optional messages may come; what belongs to a purchase or an account comes by mail whatever is set here."""

    email: bool = True
    push: bool = True


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Wall times (`22:00`) of an IANA zone; over midnight when `start` is after `end`."""

    start: str
    end: str
    zone: str


@dataclass(frozen=True, slots=True)
class Preferences:
    channels: Channels = field(default_factory=Channels)
    quiet_hours: QuietHours | None = None
    kinds: dict[str, bool] = field(default_factory=lambda: {kind.value: True for kind in OptionalKind})
    """Of the optional kinds, whether they are wanted."""


READ = """
select p.email, p.push, p.quiet_start, p.quiet_end, p.quiet_zone, p.muted
from user_account u join message_preference p on p.user_id = coalesce(u.claimed_by_id, u.id)
where u.id = :user
"""
"""Messages about what a guest bought follow the account that has claimed it."""


def read_preferences(session: Session, *, user_id: UUID) -> Preferences:
    """What a person has set; everything, for who has set nothing."""
    row = _row(session, user_id)
    if row is None:
        return Preferences()
    quiet = None if row.quiet_start is None else QuietHours(f"{row.quiet_start:%H:%M}", f"{row.quiet_end:%H:%M}", row.quiet_zone)
    return Preferences(Channels(row.email, row.push), quiet, {kind.value: kind.value not in row.muted for kind in OptionalKind})


def set_preferences(session: Session, *, user_id: UUID, preferences: Preferences, now: datetime) -> None:
    """Replace all; a kind that is not named is wanted. Raises `UnknownZone`, `QuietHoursEmpty`."""
    quiet = preferences.quiet_hours
    if quiet is not None:
        check_zone(quiet.zone)
        if quiet.start == quiet.end:
            raise QuietHoursEmpty("Quiet hours begin and end at different times.", fields={"quiet_hours": "empty"})
    values = {
        "email": preferences.channels.email,
        "push": preferences.channels.push,
        "quiet_start": time.fromisoformat(quiet.start) if quiet else None,
        "quiet_end": time.fromisoformat(quiet.end) if quiet else None,
        "quiet_zone": quiet.zone if quiet else None,
        "muted": sorted(kind for kind, wanted in preferences.kinds.items() if not wanted),
        "changed_at": now,
    }
    new = insert(MessagePreference).values(user_id=user_id, **values)
    session.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=values))
    record(session, actor_id=user_id, action="user.preferences_changed", subject_id=user_id)


def mute(session: Session, *, user_id: UUID, kind: OptionalKind, now: datetime) -> None:
    """Send no more of a kind to a person; doing it twice changes nothing."""
    others = func.array_remove(MessagePreference.muted, kind.value)
    new = insert(MessagePreference).values(user_id=user_id, muted=[kind.value], changed_at=now)
    muted = {"muted": func.array_append(others, kind.value), "changed_at": now}
    session.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=muted))
    record(session, actor_id=user_id, action="user.unsubscribed", subject_id=user_id)


def when_wanted(session: Session, *, user_id: UUID, kind: OptionalKind, now: datetime) -> datetime | None:
    """When a mail of this kind may go to a person: `now`, the end of their quiet hours, or never (None)."""
    row = _row(session, user_id)
    if row is None:
        return now
    if not row.email or kind.value in row.muted:
        return None
    if row.quiet_start is None:
        return now
    return quiet_until(now, start=row.quiet_start, end=row.quiet_end, zone=row.quiet_zone) or now


def _row(session: Session, user_id: UUID) -> Any:
    return session.execute(text(READ), {"user": user_id}).one_or_none()


@dataclass(frozen=True, slots=True)
class UnsubscribeSigner:
    """Makes the addresses that turn a kind off without signing in. They work for ever: a mail may be read years later."""

    key: bytes

    @classmethod
    def from_secrets(cls, secrets: Secrets) -> UnsubscribeSigner:
        return cls(secrets.derive("unsubscribe"))

    def token(self, user_id: UUID, kind: OptionalKind) -> str:
        """43 characters."""
        return base64.urlsafe_b64encode(user_id.bytes + self._digest(user_id, kind)).decode().rstrip("=")

    def read(self, token: str, kind: OptionalKind) -> UUID:
        """Whose it is; raises `UnsubscribeLinkUnknown`."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            user_id = UUID(bytes=raw[:16])
        except ValueError:
            raise UnsubscribeLinkUnknown("This link is none of ours.") from None
        if not hmac.compare_digest(raw[16:], self._digest(user_id, kind)):
            raise UnsubscribeLinkUnknown("This link is none of ours.")
        return user_id

    def _digest(self, user_id: UUID, kind: OptionalKind) -> bytes:
        return hmac.new(self.key, user_id.bytes + kind.value.encode(), hashlib.sha256).digest()[:DIGEST_BYTES]
