"""Who may call an endpoint: one rule each, enforced by one dependency.

The rules stand in one table (`ticketing/authorisation.py`). A rule names roles and whose rows they reach; which rows those are,
the services find in their queries: by user for a buyer's own, by row-level policy for a vendor's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from ticketing.accounts.access_tokens import Scope
from ticketing.accounts.http import current_user
from ticketing.accounts.service import VendorNotFound
from ticketing.accounts.sessions import SignedIn
from ticketing.foundation.errors import Forbidden, Invalid, Unauthenticated


class Role(StrEnum):
    """What somebody is to the platform; the members' roles are theirs at one vendor."""

    ANYONE = "anyone"
    """Also without signing in."""
    BUYER = "buyer"
    """Whoever is signed in, guests included."""
    OWNER = "owner"
    MANAGER = "manager"
    FINANCE = "finance"
    SUPPORT = "support"
    SCANNER = "scanner"
    ANALYST = "analyst"
    OPERATOR = "operator"


class Reach(StrEnum):
    """Whose rows a caller reaches."""

    PUBLIC = "public"
    """What anybody may see or do."""
    SELF = "self"
    """The caller's own."""
    VENDOR = "vendor"
    """Those of the vendors where the caller has one of the rule's roles."""
    ALL = "all"


class RoleMissing(Forbidden):
    """The caller has none of the roles that may do this."""


class ScopeMissing(Forbidden):
    """The access token is not good for this; `details["scope"]` says what it lacks, if any token may do this at all."""


class VendorUnclear(Invalid):
    """The caller acts for several vendors and has named none."""


@dataclass(frozen=True, slots=True)
class Rule:
    roles: frozenset[Role]
    reach: Reach
    scope: Scope | None = None
    """What an access token must be good for; None: only sessions may, unless anyone may."""


Endpoint = tuple[str, str]
"""Method and path template, as in `("GET", "/api/tickets/{ticket_id}")`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request that its rule allows."""

    user: SignedIn | None
    vendor_ids: frozenset[UUID]
    """The vendors where this caller has a role that the rule names."""

    @property
    def user_id(self) -> UUID:
        """Raises `Unauthenticated` where anyone may call and nobody is signed in."""
        if self.user is None:
            raise Unauthenticated("Sign in first.")
        return self.user.user_id

    def vendor(self, vendor_id: UUID | None) -> UUID:
        """The one to act for: the named one, or the only one. Raises `VendorNotFound`, `VendorUnclear`."""
        if vendor_id is None:
            if len(self.vendor_ids) > 1:
                raise VendorUnclear("You act for several vendors: name one.", fields={"vendor_id": "is needed"})
            return next(iter(self.vendor_ids))
        if vendor_id not in self.vendor_ids:
            raise VendorNotFound("There is no such vendor.", vendor_id=vendor_id)
        return vendor_id


def allow(rule: Rule, user: SignedIn | None) -> Caller:
    """The caller under a rule; raises `Unauthenticated`, `RoleMissing`."""
    if user is None:
        if Role.ANYONE in rule.roles:
            return Caller(None, frozenset())
        raise Unauthenticated("Sign in first.")
    check_scope(rule, user.scopes)
    vendor_ids = frozenset(m.vendor_id for m in user.memberships if Role(m.role.value) in rule.roles)
    if vendor_ids or (rule.roles & {Role.ANYONE, Role.BUYER} and not user.is_client):
        return Caller(user, vendor_ids)
    if (user.is_operator and Role.OPERATOR in rule.roles) or (user.is_analyst and Role.ANALYST in rule.roles):
        return Caller(user, vendor_ids)
    raise RoleMissing("This is not for your role.")


def check_scope(rule: Rule, scopes: Collection[str] | None) -> None:
    """Raises `ScopeMissing` when an access token of these scopes is not good for what the rule guards. None: a session."""
    if scopes is None or Role.ANYONE in rule.roles:
        return
    if rule.scope is None:
        raise ScopeMissing("This is only for people who have signed in, not for access tokens.")
    if rule.scope not in scopes:
        raise ScopeMissing(f"The access token is not good for this: it lacks the scope {rule.scope.value}.", scope=rule.scope.value)


def authorise(request: Request) -> Caller:
    """The dependency of every endpoint: who calls, under the endpoint's rule."""
    rules: Mapping[Endpoint, Rule] = request.app.state.rules
    path = request.scope["route"].path
    rule = rules.get((request.method, path)) or rules["GET", path]  # HEAD where only GET is described
    user = None if Role.ANYONE in rule.roles else current_user(request, with_access_tokens=True)  # browsing costs no look at sessions
    return allow(rule, user)


Authorised = Annotated[Caller, Depends(authorise)]
"""For the routes' signatures: FastAPI asks `authorise` once per request."""
