"""The API's own pages: all operations with examples, and what each type of problem means. Nothing is fetched from elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from ticketing.accounts.http import current_user
from ticketing.foundation.errors import NotFound
from ticketing.foundation.openapi import problem_example
from ticketing.storefront.reference import prose, shapes, subjects, written
from ticketing.storefront.view import environment, page

router = APIRouter()
environment.filters["prose"] = prose
NEXT = {
    400: "Mend the request. The same one will be refused again.",
    401: "Sign in, or sign in again: a session or access token may have ended.",
    403: "This account, program or page may not do this; another one may.",
    404: "Check the id. What is not yours is not found, either.",
    405: "Use another method: the reference lists them.",
    409: "Read how things stand now, and decide anew.",
    410: "It will not come back: begin anew.",
    412: "Read it again, look at what has changed, and send the change with the new ETag.",
    413: "Send less at once.",
    415: "Send the kind of body that the reference names.",
    422: "Change what `fields` or the sentence names.",
    428: "Read it first, and send its ETag as `If-Match`.",
    429: "Wait as long as `Retry-After` says, and send the same request again.",
    500: "Send the reference to the people who run this installation. The same request may be sent again, under the same key.",
    503: "Wait as long as `Retry-After` says, and send the same request again, under the same key: nothing is done twice.",
}
"""What to do about a problem, by its status."""


class ProblemTypeNotFound(NotFound):
    """No problem is called that."""


@router.get("/api/docs")
def show_reference(request: Request) -> Response:
    """Every operation with its parameters, bodies, answers and problems."""
    openapi = request.app.openapi()
    return page(
        request,
        "reference.html",
        user=current_user(request),
        info=openapi["info"],
        sign_in=openapi["components"]["securitySchemes"],
        subjects=subjects(openapi),
        shapes=shapes(openapi),
    )


@router.get("/problems")
def list_problem_types(request: Request) -> Response:
    """Every type of problem in a table."""
    problems = request.app.openapi()["x-problems"]
    return page(request, "problem_types.html", user=current_user(request), problems=problems)


@router.get("/problems/{kind}")
def show_problem_type(request: Request, kind: Annotated[str, Path(max_length=80)]) -> Response:
    """What a problem's `type` leads to."""
    openapi = request.app.openapi()
    problem = openapi["x-problems"].get(kind)
    if problem is None:
        raise ProblemTypeNotFound("There is no such type of problem.")
    anchors = {f"{method.upper()} {path}": item["operationId"] for path, by in openapi["paths"].items() for method, item in by.items()}
    return page(
        request,
        "problem_type.html",
        user=current_user(request),
        problem=problem,
        example=written(problem_example(problem["kind"], problem["status"], problem["sentence"])),
        advice=NEXT[problem["status"]],
        anchors=anchors,
    )
