"""The problems of each endpoint as they are documented: its own refusals, and those that follow from its shape and rule."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ticketing.accounts.access import Endpoint, Role, RoleMissing, Rule, ScopeMissing
from ticketing.catalog import changes
from ticketing.foundation import idempotency
from ticketing.foundation.errors import Invalid, Malformed, NotFound, TicketingError, Unauthenticated
from ticketing.inventory import vendor_routes
from ticketing.refusals import PROBLEMS


@dataclass(frozen=True, slots=True)
class Problem:
    """A type of problem as it is documented."""

    kind: str
    status: int
    sentence: str


OTHER_SITE = Problem("other-site", 403, "A browser says that another site has sent this: only our own pages, and programs, may.")
TOO_LARGE = Problem("body-too-large", 413, "The body is longer than is taken here.")
EVERYWHERE = (
    Problem("method-not-allowed", 405, "This address exists, and takes other methods."),
    Problem("origin-not-allowed", 403, "Scripts of this origin are not on the installation's list."),
    Problem("unexpected", 500, "Something went wrong on our side; the sentence holds a reference that our logs know."),
)
"""Not of single endpoints."""


def problem_of(error: type[TicketingError]) -> Problem:
    """What the error of this class is called and means: its docstring's first paragraph."""
    words = inspect.cleandoc(error.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return Problem(error.kind(), error.status, re.sub(r"`details\[\"(\w+)\"\]`", r"`\1`", words))


def problems_of(endpoint: Endpoint, rule: Rule, operation: Mapping[str, Any]) -> list[Problem]:
    """All problems of an operation, its own and those that follow from its shape and rule; by status, then name."""
    found = {problem_of(error) for error in (*PROBLEMS.get(endpoint, ()), *_by_rule(rule), *_by_shape(endpoint[1], operation))}
    if endpoint[0] not in ("GET", "HEAD"):
        found.add(OTHER_SITE)
    if "requestBody" in operation:
        found.add(TOO_LARGE)
    return sorted(found, key=lambda problem: (problem.status, problem.kind))


def _by_rule(rule: Rule) -> Iterator[type[TicketingError]]:
    if Role.ANYONE not in rule.roles:
        yield from (Unauthenticated, RoleMissing, ScopeMissing)


def _by_shape(path: str, operation: Mapping[str, Any]) -> Iterator[type[TicketingError]]:
    if "{id}" in path:  # of the plain routes, which call what is no UUID not found
        yield NotFound
    headers = {item["name"].lower() for item in operation.get("parameters", ()) if item["in"] == "header"}
    if operation.get("requestBody") or operation.get("parameters"):
        yield Invalid
    if operation.get("requestBody"):
        yield Malformed
    if "idempotency-key" in headers:
        yield from (idempotency.IdempotencyKeyMissing, idempotency.IdempotencyKeyReused, Malformed)
    if "if-match" in headers:
        yield from (vendor_routes.VersionNeeded, changes.EventVersionChanged, Malformed)
