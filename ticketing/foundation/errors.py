"""Errors by kind.

A feature declares its own errors at the top of the module that raises them, as subclasses of one of these kinds,
carrying the ids they speak of. `foundation.http` maps kinds to problem+json; the command line maps them to exit codes.
"""

from __future__ import annotations

import re
import traceback
from typing import Any, ClassVar


class TicketingError(Exception):
    """Base of all errors that a caller may see.

    The message is one sentence for people. `details` holds the ids and values concerned; it must never hold personal data.
    """

    status: ClassVar[int] = 500

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    @classmethod
    def kind(cls) -> str:
        """Stable name of the problem, e.g. `seats-taken` for `SeatsTaken`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @property
    def problem_type(self) -> str:
        """As `kind` says it."""
        return self.kind()


class Malformed(TicketingError):
    """The request can't be read."""

    status = 400


class Unauthenticated(TicketingError):
    """Nobody is signed in."""

    status = 401


class Forbidden(TicketingError):
    """The caller is known and may not do this."""

    status = 403


class NotFound(TicketingError):
    """No such thing, or not the caller's."""

    status = 404


class Conflict(TicketingError):
    """The present state does not allow this."""

    status = 409


class Expired(TicketingError):
    """It was there, and its time is over."""

    status = 410


class Invalid(TicketingError):
    """Understood, but a value is not acceptable; `details["fields"]` may name fields."""

    status = 422


class Unavailable(TicketingError):
    """Something we depend on does not answer; trying again later may help."""

    status = 503


class Misconfigured(TicketingError):
    """A setting, database or machine is not as it must be; says what to do."""


def fault_report(error: BaseException) -> str:
    """For logs: what went wrong and where, through all its causes, without the errors' words, which may repeat what somebody sent."""
    told: list[str] = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        code = getattr(at, "sqlstate", None)
        name = f"{type(at).__module__}.{type(at).__qualname__}" + (f" (SQLSTATE {code})" if code else "")
        told.append("".join([f"{name} at\n", *traceback.format_tb(at.__traceback__)]))
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "because of\n".join(told)
