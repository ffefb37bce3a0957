"""Who acts for a vendor, over HTTP. Names come from the accounts, which the vendors' role does not see."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ticketing.accounts import members
from ticketing.accounts.access import Authorised, Caller
from ticketing.accounts.http import limit_attempts
from ticketing.accounts.members import MemberView
from ticketing.accounts.rules import MemberRole
from ticketing.accounts.service import VendorNotFound, add_member
from ticketing.foundation.db import Role
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["members"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewMember(_Body):
    email: str = Field(max_length=320, examples=["grace@example.org"])
    """Of an account that has confirmed it."""
    role: MemberRole = Field(examples=[MemberRole.SCANNER])


class NewRole(_Body):
    role: MemberRole = Field(examples=[MemberRole.MANAGER])


@dataclass(frozen=True, slots=True)
class MemberList:
    members: list[MemberView]


def _own(caller: Caller, vendor_id: UUID) -> UUID:
    if vendor_id not in caller.vendor_ids:
        raise VendorNotFound("There is no such vendor.", vendor_id=vendor_id)
    return vendor_id


def _member(request: Request, vendor_id: UUID, user_id: UUID) -> MemberView:
    database = request.app.state.database
    with database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        roles = members.roles_of_members(session, vendor_id=vendor_id)
    if user_id not in roles:
        raise members.MemberNotFound("This person does not act for the vendor.", user_id=user_id)
    with database.transaction() as session:
        return members.with_names(session, roles={user_id: roles[user_id]})[0]


@router.get("/vendors/{vendor_id}/members", response_model=MemberList)
def list_members(request: Request, caller: Authorised, vendor_id: UUID) -> Response:
    """Everybody who acts for the vendor, by name."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[_own(caller, vendor_id)]) as session:
        roles = members.roles_of_members(session, vendor_id=vendor_id)
    with request.app.state.database.transaction() as session:
        return Json(MemberList(members.with_names(session, roles=roles)))


@router.post("/vendors/{vendor_id}/members", status_code=201, response_model=MemberView)
def add(request: Request, caller: Authorised, vendor_id: UUID, body: NewMember) -> Response:
    """Let the account with this confirmed address act for the vendor."""
    state = request.app.state
    _own(caller, vendor_id)
    limit_attempts(request, "members", str(caller.user_id))  # addresses could be tried out
    with state.database.transaction() as session:
        user_id = members.find_account(session, email=body.email, cipher=state.cipher)
    with state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        add_member(session, vendor_id=vendor_id, user_id=user_id, role=body.role, actor_id=caller.user_id)
    return Json(_member(request, vendor_id, user_id), status_code=201)


@router.put("/vendors/{vendor_id}/members/{user_id}", response_model=MemberView)
def change_role(request: Request, caller: Authorised, vendor_id: UUID, user_id: UUID, body: NewRole) -> Response:
    """Give a member another role; the last owner stays one."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[_own(caller, vendor_id)]) as session:
        members.change_role(session, vendor_id=vendor_id, user_id=user_id, role=body.role, actor_id=caller.user_id)
    return Json(_member(request, vendor_id, user_id))


@router.delete("/vendors/{vendor_id}/members/{user_id}", status_code=204)
def remove(request: Request, caller: Authorised, vendor_id: UUID, user_id: UUID) -> Response:
    """They act for the vendor no more; the last owner stays."""
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[_own(caller, vendor_id)]) as session:
        members.remove_member(session, vendor_id=vendor_id, user_id=user_id, actor_id=caller.user_id)
    return Response(status_code=204)
