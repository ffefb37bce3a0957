"""Sessions: opened by signing in, found by their token, listed and ended by their owner; and accounts that are disabled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from ticketing.accounts.access_tokens import Access
from ticketing.accounts.oauth_tables import ApiClient, OauthGrant
from ticketing.accounts.rules import Audience, MemberRole, UserKind
from ticketing.accounts.tables import UserAccount, UserSession, Vendor, VendorMember
from ticketing.audit.service import record
from ticketing.foundation.errors import Forbidden, NotFound
from ticketing.foundation.ids import new_token, token_digest

SESSION_LENGTH = {Audience.SHOP: timedelta(days=30), Audience.DESK: timedelta(hours=12)}
LONGEST_USER_AGENT = 200


class NotForDesk(Forbidden):
    """The dashboards are for members of vendors, operators and analysts."""


class SessionNotFound(NotFound):
    """No such session of this person, or it has ended."""


class UserNotFound(NotFound):
    """No such account."""


@dataclass(frozen=True, slots=True)
class Membership:
    vendor_id: UUID
    slug: str
    name: str
    role: MemberRole
    zone: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session belongs to, and what they may act for."""

    user_id: UUID
    display_name: str
    kind: UserKind
    is_operator: bool
    is_analyst: bool
    memberships: tuple[Membership, ...]
    scopes: tuple[str, ...] | None = None
    """What an access token is good for; None: a session, good for everything."""
    is_client: bool = False
    """A program that acts for its vendor, and for no person."""


@dataclass(frozen=True, slots=True)
class SessionView:
    id: UUID
    audience: Audience
    created_at: datetime
    expires_at: datetime
    user_agent: str | None
    """What the browser or program called itself; cut short."""
    current: bool
    """The one that asks."""


def open_session(session: Session, *, user_id: UUID, audience: Audience, now: datetime, user_agent: str | None = None) -> str:
    """A new opaque token. `user_agent` helps people to recognise the session in their list.

    Raises `NotForDesk` for people who have no business in the dashboards.
    """
    if audience is Audience.DESK:
        user = session.get_one(UserAccount, user_id)
        member = session.execute(select(VendorMember.vendor_id).where(VendorMember.user_id == user_id)).first()
        if not (member or user.is_operator or user.is_analyst):
            raise NotForDesk("The dashboards are for members of vendors, operators and analysts.")
    token = new_token()
    expires_at = now + SESSION_LENGTH[audience]
    session.add(
        UserSession(
            token_digest=token_digest(token),
            user_id=user_id,
            audience=audience,
            created_at=now,
            expires_at=expires_at,
            user_agent=_printable(user_agent),
        )
    )
    record(session, actor_id=user_id, action="session.opened", subject_id=user_id)
    return token


def find_session(session: Session, *, token: str, audience: Audience, now: datetime) -> SignedIn | None:
    """Who the token belongs to; None when it has ended, is of another audience, or its account is disabled."""
    user = session.execute(
        select(UserAccount)
        .join(UserSession, UserSession.user_id == UserAccount.id)
        .where(UserSession.token_digest == token_digest(token), UserSession.audience == audience)
        .where(UserSession.revoked_at.is_(None), UserSession.expires_at > now, UserAccount.disabled_at.is_(None))
    ).scalar_one_or_none()
    if user is None:
        return None
    return _signed_in(session, user)


def find_access(session: Session, *, access: Access) -> SignedIn | None:
    """Who an access token acts for; None when the account is disabled, or the client removed."""
    client = session.execute(select(ApiClient).where(ApiClient.id == access.client_id, ApiClient.removed_at.is_(None))).scalar_one_or_none()
    if client is None:
        return None
    scopes = tuple(sorted(access.scopes))
    if access.is_of_client:
        vendor = session.get_one(Vendor, client.vendor_id)
        member = Membership(vendor.id, vendor.slug, vendor.name, MemberRole.MANAGER, vendor.zone)
        return SignedIn(client.id, client.name, UserKind.REGISTERED, False, False, (member,), scopes, is_client=True)
    user = session.execute(
        select(UserAccount).where(UserAccount.id == access.subject, UserAccount.disabled_at.is_(None))
    ).scalar_one_or_none()
    return None if user is None else replace(_signed_in(session, user), scopes=scopes)


def _signed_in(session: Session, user: UserAccount) -> SignedIn:
    rows = session.execute(
        select(Vendor.id, Vendor.slug, Vendor.name, VendorMember.role, Vendor.zone)
        .join(VendorMember, VendorMember.vendor_id == Vendor.id)
        .where(VendorMember.user_id == user.id)
        .order_by(Vendor.name)
    )
    return SignedIn(user.id, user.display_name, user.kind, user.is_operator, user.is_analyst, tuple(Membership(*row) for row in rows))


def signed_in_at(session: Session, *, token: str, audience: Audience) -> datetime | None:
    """When the session of a token was opened; None when it is none of ours."""
    begun = select(UserSession.created_at).where(UserSession.token_digest == token_digest(token), UserSession.audience == audience)
    return session.execute(begun).scalar_one_or_none()


def sign_out(session: Session, *, token: str, now: datetime) -> None:
    """End a session; nothing happens when it has ended."""
    statement = update(UserSession).where(UserSession.token_digest == token_digest(token), UserSession.revoked_at.is_(None))
    user_id = session.execute(statement.values(revoked_at=now).returning(UserSession.user_id)).scalar_one_or_none()
    if user_id is not None:
        record(session, actor_id=user_id, action="session.ended", subject_id=user_id)


def list_sessions(session: Session, *, user_id: UUID, token: str | None, now: datetime) -> list[SessionView]:
    """A person's open sessions, newest first."""
    digest = token_digest(token) if token else None
    rows = session.execute(_open_sessions(user_id, now).order_by(UserSession.created_at.desc(), UserSession.id)).scalars()
    return [SessionView(s.id, s.audience, s.created_at, s.expires_at, s.user_agent, s.token_digest == digest) for s in rows]


def end_session(session: Session, *, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """End one of a person's sessions; raises `SessionNotFound`."""
    found = session.execute(_open_sessions(user_id, now).where(UserSession.id == session_id)).scalar_one_or_none()
    if found is None:
        raise SessionNotFound("There is no such session.", session_id=session_id)
    found.revoked_at = now
    record(session, actor_id=user_id, action="session.ended", subject_id=user_id)


def end_sessions(session: Session, *, user_id: UUID, now: datetime, actor_id: UUID | None = None) -> int:
    """End all of a person's sessions, and what they have granted to programs; returns how many there were."""
    where = (UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.expires_at > now)
    ended = len(session.execute(update(UserSession).where(*where).values(revoked_at=now).returning(UserSession.id)).all())
    granted = (OauthGrant.user_id == user_id, OauthGrant.revoked_at.is_(None))
    ended += len(session.execute(update(OauthGrant).where(*granted).values(revoked_at=now).returning(OauthGrant.id)).all())
    if ended:
        record(session, actor_id=actor_id or user_id, action="session.all_ended", subject_id=user_id)
    return ended


def disable_account(session: Session, *, user_id: UUID, actor_id: UUID, now: datetime) -> None:
    """Shut a person out: every session ends, and none can be opened. Raises `UserNotFound`."""
    user = _user(session, user_id)
    if user.disabled_at is None:
        user.disabled_at = now
        record(session, actor_id=actor_id, action="user.disabled", subject_id=user_id)
    end_sessions(session, user_id=user_id, now=now, actor_id=actor_id)


def enable_account(session: Session, *, user_id: UUID, actor_id: UUID) -> None:
    """Let a person in again; old sessions stay ended. Raises `UserNotFound`."""
    user = _user(session, user_id)
    if user.analytics_id is None:  # erased, or being erased
        raise UserNotFound("There is no such account.", user_id=user_id)
    if user.disabled_at is not None:
        user.disabled_at = None
        record(session, actor_id=actor_id, action="user.enabled", subject_id=user_id)


def _user(session: Session, user_id: UUID) -> UserAccount:
    user = session.execute(select(UserAccount).where(UserAccount.id == user_id).with_for_update()).scalar_one_or_none()
    if user is None:
        raise UserNotFound("There is no such account.", user_id=user_id)
    return user


def _open_sessions(user_id: UUID, now: datetime) -> Select[tuple[UserSession]]:
    return select(UserSession).where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.expires_at > now)


def _printable(user_agent: str | None) -> str | None:
    return "".join(c for c in user_agent if c.isprintable())[:LONGEST_USER_AGENT] if user_agent else None
