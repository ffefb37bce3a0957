"""OAuth 2.0, the granting side: programs of vendors, what people allow them, and tokens that are renewed.

Codes and refresh tokens are a row's id and a keyed digest of it, like links in mails: nothing secret is stored, and the successor
of a refresh token can be told again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ticketing.accounts.access_tokens import FOR_CLIENTS_THEMSELVES, Access, Scope
from ticketing.accounts.links import LinkNotValid, LinkSigner
from ticketing.accounts.oauth_tables import ApiClient, OauthGrant, RefreshToken
from ticketing.accounts.tables import UserAccount
from ticketing.audit.service import record
from ticketing.foundation.errors import Conflict, Malformed, NotFound, TicketingError, Unauthenticated
from ticketing.foundation.ids import new_token, token_digest

CODE_LIFE = timedelta(minutes=1)
REFRESH_LIFE = timedelta(days=30)
GRACE = timedelta(seconds=20)
"""Two tabs that renew at once both get the same successor; later it is a theft, and the family ends."""
MOST_CLIENTS = 20
"""Of one vendor."""


class TokenPurpose(StrEnum):
    CODE = "code"
    REFRESH = "refresh"


class GrantRefused(Malformed):
    """The code, refresh token or verifier is not valid any more, or not for this client."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error="invalid_grant")


class ScopeRefused(Malformed):
    """The client may not ask for this."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error="invalid_scope")


class ClientUnknown(Unauthenticated):
    """No such client, or not its secret."""

    def __init__(self) -> None:
        super().__init__("There is no such client, or this is not its secret.", error="invalid_client")


class ClientNotFound(NotFound):
    """No such client of this vendor."""


class TooManyClients(Conflict):
    """The vendor has as many clients as it may have."""


class RedirectRefused(TicketingError):
    """The address to return to is none that the client has registered: nobody is sent there."""

    status: ClassVar[int] = 400


@dataclass(frozen=True, slots=True)
class ClientView:
    id: UUID
    vendor_id: UUID
    name: str
    confidential: bool
    redirect_uris: list[str]
    scopes: list[str]
    created_at: datetime
    secret: str | None = None
    """Only in the answer that made it."""


@dataclass(frozen=True, slots=True)
class ClientList:
    clients: list[ClientView]


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a client gets: whom it acts for, and the token that renews it (none where it acts for itself)."""

    access: Access
    refresh_token: str | None


def add_client(
    session: Session,
    *,
    vendor_id: UUID,
    name: str,
    confidential: bool,
    redirect_uris: Sequence[str],
    scopes: Collection[Scope],
    actor_id: UUID,
    now: datetime,
) -> ClientView:
    """A program of the vendor's, with its secret if it can keep one. Raises `TooManyClients`."""
    living = select(ApiClient.id).where(ApiClient.vendor_id == vendor_id, ApiClient.removed_at.is_(None))
    if len(session.execute(living).all()) >= MOST_CLIENTS:
        raise TooManyClients(f"A vendor may have {MOST_CLIENTS} clients: remove one first.", vendor_id=vendor_id)
    secret = new_token() if confidential else None
    client = ApiClient(
        vendor_id=vendor_id,
        name=name,
        secret_digest=token_digest(secret) if secret else None,
        redirect_uris=list(redirect_uris),
        scopes=sorted(scope.value for scope in scopes),
        created_by=actor_id,
        created_at=now,
    )
    session.add(client)
    session.flush()
    record(session, actor_id=actor_id, action="api_client.added", subject_id=client.id)
    return _view(client, secret)


def list_clients(session: Session, *, vendor_id: UUID) -> ClientList:
    living = select(ApiClient).where(ApiClient.vendor_id == vendor_id, ApiClient.removed_at.is_(None)).order_by(ApiClient.id)
    return ClientList([_view(client) for client in session.execute(living).scalars()])


def remove_client(session: Session, *, vendor_id: UUID, client_id: UUID, actor_id: UUID, now: datetime) -> None:
    """Its tokens are not renewed any more, and those it has are not accepted. Raises `ClientNotFound`."""
    living = (ApiClient.id == client_id, ApiClient.vendor_id == vendor_id, ApiClient.removed_at.is_(None))
    if session.execute(update(ApiClient).where(*living).values(removed_at=now).returning(ApiClient.id)).first() is None:
        raise ClientNotFound("There is no such client.", client_id=client_id)
    record(session, actor_id=actor_id, action="api_client.removed", subject_id=client_id)


def check_request(session: Session, *, client_id: UUID, redirect_uri: str, scopes: Collection[str]) -> ClientView:
    """A client's wish to act for a person, before that person is asked.

    Raises `ClientUnknown` and `RedirectRefused`, with which nobody may be sent on; then `ScopeRefused`.
    """
    client = session.execute(select(ApiClient).where(ApiClient.id == client_id, ApiClient.removed_at.is_(None))).scalar_one_or_none()
    if client is None:
        raise ClientUnknown
    if redirect_uri not in client.redirect_uris:
        raise RedirectRefused("The program asks to return to an address that it has not registered.")
    if not scopes or not set(scopes) <= set(client.scopes):
        raise ScopeRefused("The program asks for more than it may.")
    return _view(client)


def grant_code(
    session: Session,
    *,
    client_id: UUID,
    user_id: UUID,
    redirect_uri: str,
    scopes: Collection[str],
    challenge: str,
    signer: LinkSigner,
    now: datetime,
) -> str:
    """The person agrees: a code, for a minute. Raises as `check_request`."""
    check_request(session, client_id=client_id, redirect_uri=redirect_uri, scopes=scopes)
    grant = OauthGrant(
        client_id=client_id,
        user_id=user_id,
        scopes=sorted(scopes),
        redirect_uri=redirect_uri,
        challenge=challenge,
        created_at=now,
        code_expires_at=now + CODE_LIFE,
    )
    session.add(grant)
    session.flush()
    record(session, actor_id=user_id, action="oauth_grant.given", subject_id=grant.id)
    return signer.token(grant.id, TokenPurpose.CODE)


def authenticate_client(session: Session, *, client_id: UUID, secret: str | None) -> ApiClient:
    """Raises `ClientUnknown`."""
    client = session.execute(select(ApiClient).where(ApiClient.id == client_id, ApiClient.removed_at.is_(None))).scalar_one_or_none()
    if client is None or (client.secret_digest is None) != (secret is None):
        raise ClientUnknown
    if client.secret_digest is not None and not hmac.compare_digest(client.secret_digest, token_digest(secret or "")):
        raise ClientUnknown
    return client


def redeem_code(
    session: Session, *, client: ApiClient, code: str, redirect_uri: str, verifier: str, signer: LinkSigner, now: datetime
) -> Renewed | None:
    """Tokens for a code. None when it was used before: then all that came of it has ended, and the caller must commit that.

    Raises `GrantRefused`.
    """
    grant = session.execute(
        select(OauthGrant).where(OauthGrant.id == _read(signer, code, TokenPurpose.CODE)).with_for_update()
    ).scalar_one_or_none()
    if grant is None or grant.client_id != client.id:
        raise GrantRefused("This code is not valid.")
    if grant.code_used_at is not None:
        _revoke(session, grant, now)
        return None
    right = hmac.compare_digest(grant.challenge, _challenge(verifier))
    if not right or grant.redirect_uri != redirect_uri or grant.code_expires_at <= now or not _stands(session, grant):
        raise GrantRefused("This code is not valid.")
    grant.code_used_at = now
    return Renewed(_access(grant), signer.token(_new_refresh_token(session, grant, now), TokenPurpose.REFRESH))


def renew(session: Session, *, client: ApiClient, refresh_token: str, signer: LinkSigner, now: datetime) -> Renewed | None:
    """The next tokens. None when it was spent before: then its family has ended, and the caller must commit that.

    Raises `GrantRefused`.
    """
    found = session.execute(
        select(RefreshToken, OauthGrant)
        .join(OauthGrant, OauthGrant.id == RefreshToken.grant_id)
        .where(RefreshToken.id == _read(signer, refresh_token, TokenPurpose.REFRESH))
        .with_for_update()
    ).one_or_none()
    if found is None or found[1].client_id != client.id:
        raise GrantRefused("This refresh token is not valid.")
    token, grant = found
    if token.expires_at <= now or not _stands(session, grant):
        raise GrantRefused("This refresh token is not valid any more.")
    if token.spent_at is None:
        token.spent_at = now
        token.successor_id = _new_refresh_token(session, grant, now)
    elif now - token.spent_at > GRACE or _is_spent(session, token.successor_id):
        _revoke(session, grant, now)
        return None
    return Renewed(_access(grant), signer.token(token.successor_id, TokenPurpose.REFRESH))


def act_for_itself(client: ApiClient, *, scopes: Collection[str]) -> Renewed:
    """A client's own access to its vendor's things. Raises `ScopeRefused`, `ClientUnknown` for one without a secret."""
    if client.secret_digest is None:
        raise ClientUnknown
    allowed = set(client.scopes) & FOR_CLIENTS_THEMSELVES
    wanted = set(scopes) or allowed
    if not wanted or not wanted <= allowed:
        raise ScopeRefused("The client may not ask for this.")
    return Renewed(Access(client.id, client.id, frozenset(wanted)), None)


def revoke(session: Session, *, client: ApiClient, refresh_token: str, signer: LinkSigner, now: datetime) -> None:
    """End a family; a token that is none of the client's is passed over in silence (RFC 7009)."""
    try:
        token_id = _read(signer, refresh_token, TokenPurpose.REFRESH)
    except GrantRefused:
        return
    grant = session.execute(
        select(OauthGrant).join(RefreshToken, RefreshToken.grant_id == OauthGrant.id).where(RefreshToken.id == token_id).with_for_update()
    ).scalar_one_or_none()
    if grant is not None and grant.client_id == client.id:
        _revoke(session, grant, now)


def _read(signer: LinkSigner, token: str, purpose: TokenPurpose) -> UUID:
    try:
        return signer.read(token, purpose)
    except LinkNotValid:
        raise GrantRefused("This code or token is none of ours.") from None


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _access(grant: OauthGrant) -> Access:
    return Access(grant.user_id, grant.client_id, frozenset(grant.scopes))


def _stands(session: Session, grant: OauthGrant) -> bool:
    disabled = session.execute(select(UserAccount.disabled_at).where(UserAccount.id == grant.user_id)).scalar_one()
    return grant.revoked_at is None and disabled is None


def _is_spent(session: Session, token_id: UUID | None) -> bool:
    return session.execute(select(RefreshToken.spent_at).where(RefreshToken.id == token_id)).scalar_one() is not None


def _new_refresh_token(session: Session, grant: OauthGrant, now: datetime) -> UUID:
    token = RefreshToken(grant_id=grant.id, created_at=now, expires_at=now + REFRESH_LIFE)
    session.add(token)
    session.flush()
    return token.id


def _revoke(session: Session, grant: OauthGrant, now: datetime) -> None:
    if grant.revoked_at is None:
        grant.revoked_at = now
        record(session, actor_id=grant.user_id, action="oauth_grant.revoked", subject_id=grant.id)


def _view(client: ApiClient, secret: str | None = None) -> ClientView:
    return ClientView(
        client.id,
        client.vendor_id,
        client.name,
        client.secret_digest is not None,
        list(client.redirect_uris),
        list(client.scopes),
        client.created_at,
        secret,
    )
