"""Errors as pages: what happened, and what to do next."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ticketing.accounts.http import current_user
from ticketing.foundation.errors import TicketingError, Unauthenticated
from ticketing.storefront.view import page


def friendly(endpoint: Callable[..., Response]) -> Callable[..., Response]:
    """Our errors become a page; whoever must sign in is sent there. The endpoint's first argument is the request."""

    @functools.wraps(endpoint)
    def wrapped(request: Request, *args: Any, **kwargs: Any) -> Response:
        try:
            return endpoint(request, *args, **kwargs)
        except Unauthenticated:
            return RedirectResponse("/sign-in", status_code=303)
        except TicketingError as error:
            return problem_page(request, error)

    return wrapped


def problem_page(request: Request, error: TicketingError) -> Response:
    """One error as a page."""
    event_id = request.path_params.get("event_id") or error.details.get("event_id")
    return page(
        request,
        "problem.html",
        user=current_user(request),
        status=error.status,
        title=_title(error),
        message=error.message,
        event_id=event_id,
    )


def _title(error: TicketingError) -> str:
    return {404: "Not found", 409: "That did not work", 410: "Too late", 422: "Please check"}.get(error.status, "Something went wrong")
