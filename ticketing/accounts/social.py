"""Signing in with an account elsewhere: Google (OpenID Connect), GitHub and Facebook (OAuth 2.0), with PKCE and a state.

What a browser must bring back stands in a sealed cookie of its own, so the answer of a provider is worth nothing in another browser.
An existing account is only joined when its address is proven on both sides.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.links import ask_link
from ticketing.accounts.oauth_tables import Identity
from ticketing.accounts.rules import ContactKind, LinkPurpose
from ticketing.accounts.service import AddressTaken, register, wrong_credentials
from ticketing.accounts.tables import UserAccount, UserContact
from ticketing.audit.service import record
from ticketing.foundation.errors import Forbidden, Malformed, NotFound, Unavailable
from ticketing.foundation.outbound import Answer, NoAnswer, Outside
from ticketing.foundation.resilience import Circuit
from ticketing.foundation.settings import Settings

JOURNEY_SECONDS = 600
GOOGLE, GITHUB, FACEBOOK = "google", "github", "facebook"
CLOCKS_DIFFER_SECONDS = 60
ID_TOKEN_ALGORITHMS = ["RS256", "ES256"]


class SignInProviderNotFound(NotFound):
    """Nobody signs in that way here."""


class JourneyBroken(Malformed):
    """The provider's answer does not belong to a sign-in that this browser has begun, or that one took too long: begin again."""


class SignInRefused(Forbidden):
    """The provider says that the person did not agree, or its answer can't be trusted."""


class AddressNotGiven(Forbidden):
    """The provider does not tell the person's address, which tickets are mailed to: register with a password instead."""


class SignInProviderSilent(Unavailable):
    """The provider does not answer as it should; signing in with a password works."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What the browser keeps between leaving for the provider and coming back."""

    provider: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says it is."""

    subject: str
    name: str
    email: str | None
    email_proven: bool


class JourneyCookie:
    """Seals journeys: nobody reads or makes them elsewhere."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, journey: Journey) -> str:
        return self._fernet.encrypt(orjson.dumps(asdict(journey))).decode()

    def open(self, sealed: str | None, *, provider: str, state: str | None) -> Journey:
        """Raises `JourneyBroken`."""
        try:
            journey = Journey(**orjson.loads(self._fernet.decrypt((sealed or "").encode(), ttl=JOURNEY_SECONDS)))
        except (InvalidToken, ValueError, TypeError):
            raise _broken() from None
        if journey.provider != provider or not hmac.compare_digest(journey.state.encode(), (state or "").encode()):
            raise _broken()
        return journey


def _broken() -> JourneyBroken:
    return JourneyBroken("This sign-in was not begun in this browser, or took too long: begin again.")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked what."""

    authorize: str
    token: str
    api: str
    """Keys (OpenID Connect), or who somebody is."""


@dataclass(frozen=True, slots=True)
class Registration:
    """How this installation is known to a provider."""

    client_id: str
    client_secret: str
    scope: str
    issuer: str | None
    """With OpenID Connect: endpoints are found there."""
    endpoints: Endpoints | None


class SignInProvider:
    """One provider: where people are sent, and who came back. Its calls go through a circuit breaker."""

    def __init__(self, name: str, registration: Registration, outside: Outside) -> None:
        self.name = name
        self._registration = registration
        self._endpoints = registration.endpoints
        self._outside = outside
        self._circuit = Circuit(f"sign-in-{name}", failures=(NoAnswer, SignInProviderSilent))

    def _find_endpoints(self) -> Endpoints:
        """Fixed, or what the issuer says of itself; asked once."""
        if self._endpoints is None:
            told = self._get(f"{self._registration.issuer}/.well-known/openid-configuration", None)
            if told.get("issuer") != self._registration.issuer:
                raise SignInProviderSilent(f"{self.name} says that it is somebody else.")
            self._endpoints = Endpoints(told["authorization_endpoint"], told["token_endpoint"], told["jwks_uri"])
        return self._endpoints

    def leave(self, *, return_url: str) -> tuple[str, Journey]:
        """(address to send the browser to, what it must bring back)"""
        journey = Journey(self.name, secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(journey.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._registration.client_id,
            "redirect_uri": return_url,
            "scope": self._registration.scope,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._find_endpoints().authorize}?{urlencode(asked)}", journey

    def arrive(self, journey: Journey, *, code: str, return_url: str, now: datetime) -> Person:
        """Who it is. Raises `SignInRefused`, `SignInProviderSilent`, `NoAnswer`, `CircuitOpen`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": return_url,
            "client_id": self._registration.client_id,
            "client_secret": self._registration.client_secret,
            "code_verifier": journey.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        address, body = self._find_endpoints().token, urlencode(form).encode()
        given = self._circuit.call(lambda: self._json(self._outside.request("POST", address, headers=headers, body=body)))
        return self._person(given, journey, now)

    def _person(self, given: Mapping[str, Any], journey: Journey, now: datetime) -> Person:
        api = self._find_endpoints().api
        if self._registration.issuer is not None:
            return self._read_id_token(given.get("id_token"), journey, now)
        access = given.get("access_token")
        if not isinstance(access, str):
            raise SignInRefused("The provider gave no access.")
        if self.name == GITHUB:
            who = self._get(f"{api}/user", access)
            found = self._get(f"{api}/user/emails", access)
            proven = [entry["email"] for entry in found if entry.get("primary") and entry.get("verified")]
            return _person(who.get("id"), who.get("name") or who.get("login"), proven[0] if proven else None, proven=True)
        who = self._get(f"{api}/me?fields=id,name,email", access)
        return _person(who.get("id"), who.get("name"), who.get("email"), proven=False)  # Facebook doesn't say that it is

    def _read_id_token(self, id_token: object, journey: Journey, now: datetime) -> Person:
        keys = KeySet.import_key_set(self._get(self._find_endpoints().api, None))
        try:
            claims = jwt.decode(str(id_token), keys, algorithms=ID_TOKEN_ALGORITHMS).claims
            audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
            ours = audience == [self._registration.client_id] and claims["iss"] == self._registration.issuer
            in_time = float(claims["exp"]) + CLOCKS_DIFFER_SECONDS > now.timestamp()
            if not (ours and in_time and hmac.compare_digest(str(claims["nonce"]).encode(), journey.nonce.encode())):
                raise SignInRefused("The provider's token is not for us, or not for this sign-in.")
        except (JoseError, ValueError, KeyError, TypeError):
            raise SignInRefused("The provider's token can't be trusted.") from None
        return _person(claims.get("sub"), claims.get("name"), claims.get("email"), proven=claims.get("email_verified") is True)

    def _get(self, address: str, access: str | None) -> Any:
        headers = {"Accept": "application/json", "User-Agent": "ticketing"} | ({"Authorization": f"Bearer {access}"} if access else {})
        return self._circuit.repeat(lambda: self._json(self._outside.request("GET", address, headers=headers)))

    def _json(self, answer: Answer) -> Any:
        if answer.status >= 500:
            raise SignInProviderSilent(f"{self.name} does not answer as it should.")
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise SignInProviderSilent(f"{self.name} does not answer as it should.") from None
        if answer.status >= 400 or (isinstance(value, dict) and "error" in value):
            raise SignInRefused("The provider has refused this sign-in.")
        return value


def _person(subject: object, name: object, email: object, *, proven: bool) -> Person:
    if not isinstance(subject, (str, int)) or not str(subject):
        raise SignInRefused("The provider does not say who it is.")
    address = email if isinstance(email, str) else None
    told = "".join(character for character in str(name or "") if character.isprintable()).strip()[:120]
    return Person(str(subject)[:255], told or "Guest", address, proven and address is not None)


def sign_in_providers(settings: Settings) -> dict[str, SignInProvider]:
    """Those that have a client id and secret in the settings."""
    outside = Outside.from_settings(settings)
    github = Endpoints(
        f"{settings.github_url}/login/oauth/authorize", f"{settings.github_url}/login/oauth/access_token", settings.github_api_url
    )
    facebook = Endpoints(
        f"{settings.facebook_url}/dialog/oauth", f"{settings.facebook_api_url}/oauth/access_token", settings.facebook_api_url
    )
    known: tuple[tuple[str, str | None, str, str | None, Endpoints | None], ...] = (
        (GOOGLE, settings.google_client, "openid email profile", settings.google_url, None),
        (GITHUB, settings.github_client, "user:email", None, github),
        (FACEBOOK, settings.facebook_client, "email", None, facebook),
    )
    return {
        name: SignInProvider(name, Registration(client.partition(":")[0], client.partition(":")[2], scope, issuer, endpoints), outside)
        for name, client, scope, issuer, endpoints in known
        if client is not None
    }


def find_or_join(session: Session, *, provider: str, person: Person, cipher: ContactCipher, now: datetime) -> UUID:
    """The account of a person who came back from a provider: theirs, the one with the same proven address, or a new one.

    Raises `WrongCredentials` for a disabled account, `AddressNotGiven`, and `AddressTaken` where the address of an account is not
    proven on both sides: either may be somebody else's.
    """
    known = session.execute(
        select(UserAccount)
        .join(Identity, Identity.user_id == UserAccount.id)
        .where(Identity.provider == provider, Identity.subject == person.subject)
        .with_for_update(of=UserAccount)
    ).scalar_one_or_none()
    if known is not None:
        if known.disabled_at is not None:
            raise wrong_credentials()
        return known.id
    if person.email is None:
        raise AddressNotGiven("The provider does not tell your e-mail address: register with a password instead.")
    index = cipher.blind_index(ContactKind.EMAIL, person.email)
    login = session.execute(
        select(UserContact, UserAccount)
        .join(UserAccount, UserAccount.id == UserContact.user_id)
        .where(UserContact.blind_index == index, UserContact.is_login)
        .with_for_update()
    ).one_or_none()
    if login is None:
        proven = person.email_proven
        user_id = register(session, email=person.email, password_hash=None, display_name=person.name, cipher=cipher, now=now, proven=proven)
        if not proven:
            ask_link(session, email=person.email, purpose=LinkPurpose.VERIFY_EMAIL, cipher=cipher, now=now)
    elif login[0].verified_at is None or not person.email_proven:
        raise AddressTaken("There is an account with this address: sign in with its password, or set a new one.")
    elif login[1].disabled_at is not None:
        raise wrong_credentials()
    else:
        user_id = login[1].id
    session.add(Identity(provider=provider, subject=person.subject, user_id=user_id, created_at=now))
    session.flush()
    record(session, actor_id=user_id, action="user.identity_joined", subject_id=user_id)
    return user_id
