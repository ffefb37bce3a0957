"""Recommendations over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ticketing.accounts.access import Authorised, Caller
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json
from ticketing.foundation.resilience import CircuitOpen
from ticketing.recommendations import service
from ticketing.recommendations.popular import PopularLists
from ticketing.recommendations.service import Recommendations

router = APIRouter(prefix="/api/recommendations", tags=["recommendations"])
BUDGET_MILLISECONDS = 50


@router.get("", response_model=Recommendations)
def read_recommendations(
    request: Request,
    caller: Authorised,
    city: Annotated[str | None, Query(max_length=200, description="by default where most of your tickets are for")] = None,
    limit: Annotated[int, Query(ge=1, le=service.MOST)] = 10,
) -> Response:
    """Events you may like, best first, each with the reason; `source` says where the list is from."""
    shelf = request.app.state.popular
    lists = shelf.lists()
    try:
        answer = shelf.circuit.call(lambda: _for_person(request, caller, lists, city=city, limit=limit))
    except (OperationalError, CircuitOpen):
        answer = service.recommend_without_database(lists, city=city, limit=limit)
    return Json(answer)


def _for_person(request: Request, caller: Caller, lists: PopularLists, *, city: str | None, limit: int) -> Recommendations:
    with request.app.state.database.transaction() as session:
        session.execute(text(f"set local statement_timeout = {BUDGET_MILLISECONDS}"))
        return service.recommend(session, user_id=caller.user_id, lists=lists, city=city, limit=limit, now=database_now(session))


@router.post("/opt-out", status_code=204)
def opt_out(request: Request, caller: Authorised) -> Response:
    """No more recommendations: your purchases are not looked at for them."""
    with request.app.state.database.transaction() as session:
        service.opt_out(session, user_id=caller.user_id)
    return Response(status_code=204)


@router.delete("/opt-out", status_code=204)
def opt_in(request: Request, caller: Authorised) -> Response:
    """Recommendations again."""
    with request.app.state.database.transaction() as session:
        service.opt_in(session, user_id=caller.user_id)
    return Response(status_code=204)
