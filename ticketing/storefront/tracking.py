"""Tracking links: who follows one has its promotion on what they buy, for a month."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from ticketing.foundation.errors import NotFound
from ticketing.orders import service as orders
from ticketing.promotions.uses import LONGEST_CODE, Code

router = APIRouter()
COOKIE = "ticketing_link"
KEPT_SECONDS = 30 * 24 * 3600


class LinkUnknown(NotFound):
    """No promotion has this link."""


@router.get("/go/{code}")
def follow(request: Request, code: str) -> Response:
    """Remember the link, and go to what it is for."""
    with request.app.state.database.transaction() as session:
        promotion = orders.find_tracking_link(session, link_code=code[:LONGEST_CODE])
    if promotion is None:
        raise LinkUnknown("This link leads nowhere.")
    answer = RedirectResponse("/" if promotion.event_id is None else f"/events/{promotion.event_id}", status_code=303)
    answer.headers["Cache-Control"] = "no-store"
    if promotion.in_force:
        answer.set_cookie(
            COOKIE,
            code,
            max_age=KEPT_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.app.state.settings.public_url.startswith("https:"),
            path="/",
        )
    return answer


def followed(request: Request) -> Code | None:
    """The promotion in force whose link this visitor followed, if any."""
    code = request.cookies.get(COOKIE)
    if not code or len(code) > LONGEST_CODE:
        return None
    with request.app.state.database.transaction() as session:
        promotion = orders.find_tracking_link(session, link_code=code)
    return promotion if promotion is not None and promotion.in_force else None


def followed_link(request: Request) -> str | None:
    """The code of the link, as it stands in the cookie."""
    code = request.cookies.get(COOKIE)
    return code if code and len(code) <= LONGEST_CODE else None
