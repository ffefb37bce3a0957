"""A vendor's promotions over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.promotions import service
from ticketing.promotions.schemas import PromotionBody, PromotionEnding
from ticketing.promotions.service import Promotions, PromotionView

router = APIRouter(prefix="/api", tags=["promotions"])


@router.post("/promotions", status_code=201, response_model=PromotionView)
def create_promotion(request: Request, caller: Authorised, body: PromotionBody) -> Response:
    """A code for a discount, for access to ticket types, or of an affiliate; the answer holds its tracking link."""
    state = request.app.state
    vendor_id = caller.vendor(body.vendor_id)
    new = body.promotion()
    with state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        promotion = service.create_promotion(
            session,
            vendor_id=vendor_id,
            new=new,
            actor_id=caller.user_id,
            now=database_now(session),
            public_url=state.settings.public_url,
        )
    return Json(promotion, status_code=201)


@router.get("/promotions", response_model=Promotions)
def list_promotions(
    request: Request, caller: Authorised, cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> Response:
    """Your promotions with how often they were used, newest first. Follow `next_cursor` for older ones."""
    state = request.app.state
    own = sorted(caller.vendor_ids)
    with state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(service.list_promotions(session, vendor_ids=own, public_url=state.settings.public_url, before=cursor, limit=limit))


@router.patch("/promotions/{promotion_id}", response_model=PromotionView)
def end_promotion(
    request: Request,
    caller: Authorised,
    promotion_id: UUID,
    body: PromotionEnding,  # noqa: ARG001 - there is one thing it can say
) -> Response:
    """End a promotion: nobody can use it any more. The ticket types of an access code open, unless another one keeps them closed."""
    state = request.app.state
    own = sorted(caller.vendor_ids)
    with state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        promotion = service.end_promotion(
            session,
            vendor_ids=own,
            promotion_id=promotion_id,
            actor_id=caller.user_id,
            now=database_now(session),
            public_url=state.settings.public_url,
        )
    return Json(promotion)
