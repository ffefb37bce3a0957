"""OAuth 2.0 for programs: registering them, tokens for codes, for refresh tokens and for themselves, ending them; who we are."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ticketing.accounts import grants
from ticketing.accounts.access import Authorised
from ticketing.accounts.access_tokens import LIFE, AccessTokens, Scope
from ticketing.accounts.grants import ClientList, ClientUnknown, ClientView, GrantRefused, Renewed
from ticketing.accounts.http import limit_attempts
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.errors import Malformed
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["OAuth"])
well_known = APIRouter(prefix="/.well-known", include_in_schema=False)
LONGEST_ADDRESS = 500
Text = Annotated[str | None, Form(max_length=2_000)]


class GrantTypeUnknown(Malformed):
    """Codes, refresh tokens and client credentials are what tokens are given for."""


def _redirect_uri(value: str) -> str:
    parts = urlsplit(value)
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    plain = value.isascii() and value.isprintable() and not set(value) & set(' "<>\\^`{|}')
    if not plain or not (parts.scheme == "https" or local) or not parts.hostname or parts.fragment or parts.username is not None:
        raise ValueError("must be https:// (http:// on localhost), without a fragment or user name")
    return value


RedirectUri = Annotated[str, Field(max_length=LONGEST_ADDRESS, examples=["https://app.example.org/back"]), AfterValidator(_redirect_uri)]


class NewClient(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["Box office app"])
    confidential: bool = Field(default=True, description="it can keep a secret: a server, not an app on a phone")
    redirect_uris: list[RedirectUri] = Field(default_factory=list, max_length=10)
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope), examples=[["events"]])


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty object."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None


@router.get("/vendors/{vendor_id}/clients", response_model=ClientList)
def list_clients(request: Request, caller: Authorised, vendor_id: UUID) -> Response:
    """The vendor's programs, without their secrets."""
    own = caller.vendor(vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[own]) as session:
        return Json(grants.list_clients(session, vendor_id=own))


@router.post("/vendors/{vendor_id}/clients", status_code=201, response_model=ClientView)
def add_client(request: Request, caller: Authorised, vendor_id: UUID, body: NewClient) -> Response:
    """Register a program. The answer holds its secret, once."""
    own = caller.vendor(vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[own]) as session:
        client = grants.add_client(
            session,
            vendor_id=own,
            name=body.name,
            confidential=body.confidential,
            redirect_uris=body.redirect_uris,
            scopes=set(body.scopes),
            actor_id=caller.user_id,
            now=database_now(session),
        )
    return Json(client, status_code=201, headers={"Cache-Control": "no-store"})


@router.delete("/vendors/{vendor_id}/clients/{client_id}", status_code=204)
def remove_client(request: Request, caller: Authorised, vendor_id: UUID, client_id: UUID) -> Response:
    """Remove a program: its tokens are not accepted any more."""
    own = caller.vendor(vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[own]) as session:
        grants.remove_client(session, vendor_id=own, client_id=client_id, actor_id=caller.user_id, now=database_now(session))
    return Response(status_code=204)


@router.post("/oauth/token", response_model=TokenAnswer)
def give_token(
    request: Request,
    grant_type: Text = None,
    code: Text = None,
    redirect_uri: Text = None,
    code_verifier: Annotated[str | None, Form(max_length=128)] = None,
    refresh_token: Text = None,
    scope: Text = None,
    client_id: Text = None,
    client_secret: Text = None,
) -> Response:
    """Tokens for a code (with PKCE), for a refresh token (used once), or for a client itself. Refusals carry OAuth's `error`, too."""
    state = request.app.state
    known_as, secret = _credentials(request, client_id, client_secret)
    limit_attempts(request, "oauth", str(known_as))
    with state.database.transaction() as session:
        now = database_now(session)
        client = grants.authenticate_client(session, client_id=known_as, secret=secret)
        if grant_type == "authorization_code":
            given = (code or "", redirect_uri or "", code_verifier or "")
            renewed = grants.redeem_code(
                session, client=client, code=given[0], redirect_uri=given[1], verifier=given[2], signer=state.grants, now=now
            )
        elif grant_type == "refresh_token":
            renewed = grants.renew(session, client=client, refresh_token=refresh_token or "", signer=state.grants, now=now)
        elif grant_type == "client_credentials":
            renewed = grants.act_for_itself(client, scopes=(scope or "").split())
        else:
            raise GrantTypeUnknown("Tokens are given for codes, refresh tokens and client credentials.", error="unsupported_grant_type")
    if renewed is None:
        raise GrantRefused("This was used before: everything that came of it has ended.")
    return _token_answer(state.access_tokens, renewed, now)


@router.post("/oauth/revoke", status_code=200, response_model=Nothing)
def revoke_token(request: Request, token: Text = None, client_id: Text = None, client_secret: Text = None) -> Response:
    """End a refresh token and its family; one that is not known is passed over. Access tokens end by themselves."""
    state = request.app.state
    known_as, secret = _credentials(request, client_id, client_secret)
    limit_attempts(request, "oauth", str(known_as))
    with state.database.transaction() as session:
        client = grants.authenticate_client(session, client_id=known_as, secret=secret)
        grants.revoke(session, client=client, refresh_token=token or "", signer=state.grants, now=database_now(session))
    return Json(Nothing())


@well_known.get("/jwks.json")
def public_keys(request: Request) -> Response:
    """What access tokens are verified with."""
    return Json(request.app.state.access_tokens.public_keys())


@well_known.get("/oauth-authorization-server")
def describe_server(request: Request) -> Response:
    """RFC 8414."""
    base = request.app.state.settings.public_url
    return Json(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/api/oauth/token",
            "revocation_endpoint": f"{base}/api/oauth/revoke",
            "jwks_uri": f"{base}/.well-known/jwks.json",
            "scopes_supported": [scope.value for scope in Scope],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


def _token_answer(access_tokens: AccessTokens, renewed: Renewed, now: datetime) -> Response:
    answer = TokenAnswer(
        access_token=access_tokens.make(renewed.access, now=now),
        token_type="Bearer",  # noqa: S106 - the kind of token
        expires_in=int(LIFE.total_seconds()),
        scope=" ".join(sorted(renewed.access.scopes)),
        refresh_token=renewed.refresh_token,
    )
    told: dict[str, Any] = {name: value for name, value in asdict(answer).items() if value is not None}
    return Json(told, headers={"Cache-Control": "no-store"})


def _credentials(request: Request, client_id: str | None, client_secret: str | None) -> tuple[UUID, str | None]:
    """From the Authorization header, else from the body. Raises `ClientUnknown`."""
    authorization = request.headers.get("authorization", "")
    try:
        if authorization[:6].lower() == "basic ":
            name, _, secret = base64.b64decode(authorization[6:], validate=True).decode().partition(":")
            return UUID(unquote(name)), unquote(secret)
        return UUID(client_id or ""), client_secret or None
    except (ValueError, binascii.Error):
        raise ClientUnknown from None
