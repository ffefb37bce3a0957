"""Errors as pages: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ticketing.accounts.http import current_user
from ticketing.foundation.errors import TicketingError, Unauthenticated
from ticketing.inventory.claim import AccessCodeNeeded, AllowanceExceeded, NotOnSale, SoldOut
from ticketing.inventory.holds import AlreadyExtended, HoldEnded, HoldNotFound
from ticketing.payments.providers import ProviderBusy, ProviderUnknown
from ticketing.photos.encode import PhotosBusy
from ticketing.storefront.view import page

FOR_PROGRAMS = ("/api/", "/health/", "/static/")
TITLES = {
    400: "That did not work",
    403: "Not for you",
    404: "There is nothing here",
    405: "There is nothing here",
    409: "That did not work",
    410: "Too late",
    413: "Too large",
    422: "Something is missing",
    503: "Please try again",
}
WORDS = {400: "The form could not be read.", 413: "What you sent is larger than this page takes."}
NEXT: dict[type[TicketingError], str] = {
    AccessCodeNeeded: "Go back and type your access code before you choose, or choose other places.",
    AllowanceExceeded: "Give places back that you hold already, or choose fewer.",
    AlreadyExtended: "More time can be had once. Pay before it runs out, or choose again.",
    HoldEnded: "The places may still be free: choose them again.",
    HoldNotFound: "It was made in another browser, or it ended long ago.",
    NotOnSale: "The event's page says when sales open.",
    PhotosBusy: "Go back and press the button again.",
    ProviderBusy: "The payment provider is busy. Go back and press the button again: you will not pay twice.",
    ProviderUnknown: "The payment provider did not answer. Go back and press the button again: you will not pay twice.",
    SoldOut: "Others may give places back: look again in some minutes, or try another night.",
}
Handler = Callable[[Request, Exception], Response | Awaitable[Response]]


def is_for_programs(path: str) -> bool:
    """Whether an address is answered with problem+json, not with pages."""
    return path.startswith(FOR_PROGRAMS)


def install_pages(app: FastAPI) -> None:
    """Errors of the storefront's addresses end as pages; those of the API stay as they are. Call it after `install_problems`."""
    for kind, answer in ((TicketingError, _ours), (RequestValidationError, _invalid), (HTTPException, _http)):
        app.add_exception_handler(kind, _page_or(app.exception_handlers[kind], answer))


def _page_or(problem: Handler, answer: Callable[[Request, Exception], Response]) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        if is_for_programs(request.url.path):
            result = problem(request, error)
            return result if isinstance(result, Response) else await result
        return await run_in_threadpool(answer, request, error)

    return handle


def _ours(request: Request, error: Exception) -> Response:
    """One of our errors; whoever must sign in is sent there."""
    assert isinstance(error, TicketingError)
    if isinstance(error, Unauthenticated):
        return RedirectResponse("/sign-in", status_code=303)
    event_id = request.path_params.get("event_id") or error.details.get("event_id")
    return problem_page(request, status=error.status, message=error.message, advice=_advice(error), event_id=event_id)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(item["loc"][0] == "path" for item in error.errors()):
        return problem_page(request, status=404, message="No page has this address.")
    fields = ", ".join(sorted({str(item["loc"][-1]) for item in error.errors()}))
    return problem_page(request, status=422, message=f"The form could not be read: {fields}.", advice="Go back and try once more.")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = WORDS.get(error.status_code, "No page has this address.")
    return problem_page(request, status=error.status_code, message=message)


def _advice(error: TicketingError) -> str:
    return next((advice for kind, advice in NEXT.items() if isinstance(error, kind)), "")


def problem_page(request: Request, *, status: int, message: str, advice: str = "", event_id: object = None) -> Response:
    """A problem as a page: what happened, what to do, a way back."""
    title = TITLES.get(status, "Something went wrong")
    user = current_user(request)
    return page(request, "problem.html", user=user, status=status, title=title, message=message, advice=advice, event_id=event_id)
