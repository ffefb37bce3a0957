"""Packages over HTTP: a vendor's, and one as everybody sees it. Buying one: `ticketing/orders/package_routes.py`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ticketing.accounts.access import Authorised
from ticketing.accounts.http import current_user
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json
from ticketing.packages import service
from ticketing.packages.sale import PackageNotFound
from ticketing.packages.schemas import PackageBody, PackageEnding
from ticketing.packages.service import Packages, PackageView

router = APIRouter(prefix="/api/packages", tags=["packages"])


@router.post("", status_code=201, response_model=PackageView)
def create_package(request: Request, caller: Authorised, body: PackageBody) -> Response:
    """One price for places at several of your events: a season ticket."""
    vendor_id = caller.vendor(body.vendor_id)
    new = body.package()
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        package = service.create_package(session, vendor_id=vendor_id, new=new, actor_id=caller.user_id, now=database_now(session))
    return Json(package, status_code=201)


@router.get("", response_model=Packages)
def list_packages(
    request: Request, caller: Authorised, cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> Response:
    """Your packages, newest first. Follow `next_cursor` for older ones."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(service.list_packages(session, vendor_ids=own, now=database_now(session), before=cursor, limit=limit))


@router.get("/{package_id}", response_model=PackageView)
def read_package(request: Request, package_id: UUID) -> Response:
    """What a package holds, what it costs all-in, and what the single tickets would cost."""
    with request.app.state.database.transaction() as session:
        now = database_now(session)
        try:
            return Json(service.get_package(session, package_id=package_id, now=now))
        except PackageNotFound:
            user = current_user(request)
            if user is None or not user.memberships:
                raise
            members = {member.vendor_id for member in user.memberships}
            return Json(service.get_package(session, package_id=package_id, now=now, member_of=members))


@router.patch("/{package_id}", response_model=PackageView)
def end_package(
    request: Request,
    caller: Authorised,
    package_id: UUID,
    body: PackageEnding,  # noqa: ARG001 - there is one thing it can say
) -> Response:
    """End a package: nobody can buy it any more. What was ordered stays as it is."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        package = service.end_package(session, vendor_ids=own, package_id=package_id, actor_id=caller.user_id, now=database_now(session))
    return Json(package)
