"""Seats taken out of sale, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.exc import IntegrityError

from ticketing.accounts.access import Authorised, Caller
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.foundation.idempotency import find_resource, keep_key, required_key
from ticketing.foundation.ids import new_id, request_digest
from ticketing.inventory import blocks
from ticketing.inventory.blocks import Blocks, BlockView
from ticketing.inventory.life_schemas import BlockBody, SeatNumber

router = APIRouter(prefix="/api/events/{event_id}/blocks", tags=["events"])
Key = Annotated[str | None, Header(description="Any unique text; the same again on a retry gives the same answer.")]
KIND = "block"


@router.post("", status_code=201, response_model=BlockView)
def block_seats(request: Request, caller: Authorised, event_id: UUID, body: BlockBody, idempotency_key: Key = None) -> Response:
    """Take seats out of sale: all of them or none. Taken ones are listed in the refusal."""
    key = required_key(idempotency_key)
    digest = request_digest(request.app.state.digest_key, request.url.path.encode(), body.model_dump_json().encode())
    if answer := _replayed(request, caller, event_id, key, digest):
        return answer
    try:
        with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
            block_id = new_id()
            keep_key(session, actor_id=caller.user_id, key=key, digest=digest, kind=KIND, resource_id=block_id)
            block = blocks.block_seats(
                session,
                vendor_ids=list(caller.vendor_ids),
                event_id=event_id,
                block_id=block_id,
                seats=body.seats,
                section_id=body.section_id,
                reason=body.reason,
                note=body.note,
                now=database_now(session),
                actor_id=caller.user_id,
            )
    except IntegrityError:  # the same request at the same moment was first
        answer = _replayed(request, caller, event_id, key, digest)
        if answer is None:
            raise
        return answer
    return Json(block, status_code=201)


def _replayed(request: Request, caller: Caller, event_id: UUID, key: str, digest: bytes) -> Response | None:
    """The answer to a repeated request: the block as it is now."""
    database = request.app.state.database
    with database.transaction() as session:  # the vendors' role reads no keys
        block_id = find_resource(session, actor_id=caller.user_id, key=key, digest=digest, kind=KIND)
    if block_id is None:
        return None
    with database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        block = blocks.read_block(session, vendor_ids=list(caller.vendor_ids), event_id=event_id, block_id=block_id)
    return Json(block, status_code=201, headers={"Idempotency-Replayed": "true"})


@router.get("", response_model=Blocks)
def list_blocks(request: Request, caller: Authorised, event_id: UUID) -> Response:
    """Blocks with seats that are blocked still, the oldest first."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        return Json(blocks.list_blocks(session, vendor_ids=list(caller.vendor_ids), event_id=event_id))


@router.delete("", status_code=204)
def release_seats(
    request: Request, caller: Authorised, event_id: UUID, seats: Annotated[list[SeatNumber] | None, Query(max_length=1000)] = None
) -> Response:
    """Release seats of whatever blocks: all of them or none."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        now = database_now(session)
        blocks.release_seats(
            session, vendor_ids=list(caller.vendor_ids), event_id=event_id, seats=seats or [], now=now, actor_id=caller.user_id
        )
    return Response(status_code=204)


@router.delete("/{block_id}", status_code=204)
def release_block(request: Request, caller: Authorised, event_id: UUID, block_id: UUID) -> Response:
    """Release what is blocked still of a block."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=caller.vendor_ids) as session:
        now = database_now(session)
        blocks.release_block(
            session, vendor_ids=list(caller.vendor_ids), event_id=event_id, block_id=block_id, now=now, actor_id=caller.user_id
        )
    return Response(status_code=204)
