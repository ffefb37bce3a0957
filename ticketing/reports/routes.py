"""A vendor's sales over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.foundation.http import Json
from ticketing.reports.service import SalesReport, read_sales

router = APIRouter(prefix="/api", tags=["sales"])


@router.get("/vendors/{vendor_id}/sales", response_model=SalesReport)
def show_sales(
    request: Request,
    caller: Authorised,
    vendor_id: UUID,
    event_id: UUID | None = None,
    from_day: Annotated[date | None, Query(description="in the vendor's zone; left out: from the first")] = None,
    to_day: Annotated[date | None, Query(description="included; left out: to the last")] = None,
) -> Response:
    """Totals by event, ticket type and day, as of the newest published figures; `as_of` says of when they are."""
    own = caller.vendor(vendor_id)
    directory = request.app.state.settings.warehouse_path
    return Json(read_sales(directory, vendor_id=own, event_id=event_id, from_day=from_day, to_day=to_day))
