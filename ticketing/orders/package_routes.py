"""Buying a package over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.foundation.http import Json
from ticketing.foundation.idempotency import required_key
from ticketing.foundation.ids import request_digest
from ticketing.orders.read import OrderView
from ticketing.packages.schemas import PackageOrderBody

router = APIRouter(prefix="/api/packages", tags=["packages"])
Key = Annotated[str | None, Header(description="Any unique text; the same again on a retry gives the same answer.")]


@router.post("/{package_id}/orders", status_code=201, response_model=OrderView)
async def order_package(
    request: Request, caller: Authorised, package_id: UUID, body: PackageOrderBody, idempotency_key: Key = None
) -> Response:
    """Order a package: the best places side by side at every one of its events, or nothing. Pay it like any order."""
    order = await request.app.state.booking.order_package(
        package_id=package_id,
        buyer_id=caller.user_id,
        quantity=body.quantity,
        key=required_key(idempotency_key),
        digest=request_digest(request.app.state.digest_key, request.url.path.encode(), body.model_dump_json().encode()),
    )
    return Json(order, status_code=201, headers={"Idempotency-Replayed": "true"} if order.replayed else None)
