"""A vendor's outgoing webhooks over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ticketing.accounts.access import Authorised
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.foundation.outbound import LONGEST_ADDRESS, Outside
from ticketing.webhooks_out import service
from ticketing.webhooks_out.rules import SECRET_PURPOSE, WebhookEventKind

router = APIRouter(prefix="/api", tags=["webhooks"])


class NewWebhook(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=LONGEST_ADDRESS, examples=["https://hooks.example.org/ticketing"])
    events: list[WebhookEventKind] = Field(min_length=1, max_length=len(WebhookEventKind), examples=[["order.confirmed"]])
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""


@router.post("/webhooks", status_code=201, response_model=service.EndpointView)
def add_webhook(request: Request, caller: Authorised, body: NewWebhook) -> Response:
    """An address that is told what happens. The answer holds the secret of its signatures, once."""
    state = request.app.state
    vendor_id = caller.vendor(body.vendor_id)
    Outside.from_settings(state.settings).check(body.url)
    with state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        endpoint = service.add_endpoint(
            session,
            vendor_id=vendor_id,
            url=body.url,
            events=body.events,
            actor_id=caller.user_id,
            key=state.settings.secrets.derive(SECRET_PURPOSE),
            now=database_now(session),
        )
    return Json(endpoint, status_code=201, headers={"Location": f"/api/webhooks/{endpoint.id}/deliveries"})


@router.get("/webhooks", response_model=service.EndpointList)
def list_webhooks(request: Request, caller: Authorised) -> Response:
    """All addresses that are not removed, without their secrets."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(service.EndpointList(service.list_endpoints(session)))


@router.delete("/webhooks/{webhook_id}", status_code=204)
def remove_webhook(request: Request, caller: Authorised, webhook_id: UUID) -> Response:
    """Remove an address: nothing is sent to it any more; what waits is abandoned."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        service.remove_endpoint(session, endpoint_id=webhook_id, actor_id=caller.user_id, now=database_now(session))
    return Response(status_code=204)


@router.post("/webhooks/{webhook_id}/secret", response_model=service.EndpointView)
def rotate_secret(request: Request, caller: Authorised, webhook_id: UUID) -> Response:
    """A new secret, shown once. For a day both sign, so that no delivery is refused meanwhile."""
    state = request.app.state
    with state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        key = state.settings.secrets.derive(SECRET_PURPOSE)
        endpoint = service.rotate_secret(session, endpoint_id=webhook_id, actor_id=caller.user_id, key=key, now=database_now(session))
    return Json(endpoint)


@router.post("/webhooks/{webhook_id}/enable", response_model=service.EndpointView)
def enable_webhook(request: Request, caller: Authorised, webhook_id: UUID) -> Response:
    """Send to an address again after it was disabled for failing."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(service.enable_endpoint(session, endpoint_id=webhook_id, actor_id=caller.user_id))


@router.get("/webhooks/{webhook_id}/deliveries", response_model=service.DeliveryPage)
def list_deliveries(
    request: Request,
    caller: Authorised,
    webhook_id: UUID,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """Deliveries, newest first, with each attempt's status, duration and the beginning of the answer. Follow `next_cursor` for more."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(service.list_deliveries(session, endpoint_id=webhook_id, before=cursor, limit=limit))


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202, response_model=service.DeliveryView)
def replay_delivery(request: Request, caller: Authorised, webhook_id: UUID, delivery_id: UUID) -> Response:
    """Send a delivery again under the same `Webhook-Id`."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        delivery = service.replay_delivery(
            session, endpoint_id=webhook_id, delivery_id=delivery_id, actor_id=caller.user_id, now=database_now(session)
        )
    return Json(delivery, status_code=202)
