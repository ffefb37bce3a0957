"""Publishing a layout, and plans for the events that lose seats with it, over HTTP."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.foundation.idempotency import required_key
from ticketing.reseating import service
from ticketing.reseating.apply import apply_patiently
from ticketing.reseating.service import PublishedLayout, Reseatings, ReseatingView

router = APIRouter(prefix="/api", tags=["venues"])
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=1000, description="any unique text, the same again on a retry")]


@router.post("/layouts/{layout_id}/publish", response_model=PublishedLayout)
def publish_layout(request: Request, caller: Authorised, layout_id: UUID) -> Response:
    """Publish a draft. The answer names the coming events that lose seats; each keeps its layout until its plan is applied."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        return Json(service.publish_new_version(session, vendor_ids=own, layout_id=layout_id, now=now, actor_id=caller.user_id))


@router.get("/events/{event_id}/reseatings", response_model=Reseatings)
def list_reseatings(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """The event's plans, newest first, with every ticket that would move."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(service.list_reseatings(session, vendor_ids=own, event_id=event_id))


@router.post("/events/{event_id}/reseatings", status_code=201, response_model=ReseatingView)
def propose_reseating(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """A plan for the newest layout; the open one, if there is one, is superseded. Nothing of the event changes yet."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        plan = service.propose_reseating(session, vendor_ids=own, event_id=event_id, now=now, actor_id=caller.user_id)
    return Json(plan, status_code=201)


@router.post("/reseatings/{reseating_id}/apply", response_model=ReseatingView)
def apply(request: Request, caller: Authorised, reseating_id: UUID, idempotency_key: Key = None) -> Response:
    """Move the event to its newer layout and the tickets to their new seats; buyers are told. Needs an Idempotency-Key."""
    key = required_key(idempotency_key)
    digest = hashlib.sha256(f"POST {request.url.path}".encode()).digest()
    applied = apply_patiently(
        request.app.state.database,
        vendor_ids=sorted(caller.vendor_ids),
        reseating_id=reseating_id,
        key=key,
        digest=digest,
        actor_id=caller.user_id,
    )
    return Json(applied.reseating, headers={"Idempotency-Replayed": "true"} if applied.replayed else None)


@router.post("/reseatings/{reseating_id}/refuse", response_model=ReseatingView)
def refuse(request: Request, caller: Authorised, reseating_id: UUID) -> Response:
    """The event keeps the layout it has."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        now = database_now(session)
        return Json(service.refuse_reseating(session, vendor_ids=own, reseating_id=reseating_id, now=now, actor_id=caller.user_id))
