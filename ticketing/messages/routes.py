"""What people want to be told, and where their browsers take pushes, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ticketing.accounts.access import Authorised
from ticketing.foundation.db import database_now
from ticketing.foundation.http import Json
from ticketing.foundation.outbound import LONGEST_ADDRESS, Outside
from ticketing.messages import preferences, push
from ticketing.messages.preferences import Channels, Preferences, QuietHours
from ticketing.messages.push import PushSubscriptionView
from ticketing.messages.rules import OptionalKind

router = APIRouter(prefix="/api", tags=["preferences"])

WallTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, examples=["22:00"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewChannels(_Body):
    email: bool = True
    push: bool = True


class NewQuietHours(_Body):
    start: WallTime
    end: WallTime
    zone: str = Field(max_length=64, examples=["Europe/Berlin"])


class NewPreferences(_Body):
    channels: NewChannels = NewChannels()
    quiet_hours: NewQuietHours | None = None
    kinds: dict[OptionalKind, bool] = Field(default={}, examples=[{"your_turn": False}])
    """A kind that is left out is wanted."""


class PushKeys(_Body):
    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)


class NewPushSubscription(_Body):
    """What the browser's `PushSubscription.toJSON()` gives."""

    endpoint: str = Field(max_length=LONGEST_ADDRESS, examples=["https://push.example.org/send/4f2a"])
    keys: PushKeys
    expirationTime: float | None = None
    """As browsers name and send it, nearly always null; a subscription that has ended is refused by its push service."""


@dataclass(frozen=True, slots=True)
class PushSubscriptionList:
    push_subscriptions: list[PushSubscriptionView]


@router.get("/preferences", response_model=Preferences)
def read_preferences(request: Request, caller: Authorised) -> Response:
    """What I want to be told, by which ways, and when not."""
    with request.app.state.database.transaction() as session:
        return Json(preferences.read_preferences(session, user_id=caller.user_id))


@router.put("/preferences", response_model=Preferences)
def set_preferences(request: Request, caller: Authorised, body: NewPreferences) -> Response:
    """Replace my preferences. Tickets, receipts, refunds and links of the account are always mailed."""
    quiet = body.quiet_hours
    wanted = Preferences(
        Channels(body.channels.email, body.channels.push),
        None if quiet is None else QuietHours(quiet.start, quiet.end, quiet.zone),
        {kind.value: is_wanted for kind, is_wanted in body.kinds.items()},
    )
    with request.app.state.database.transaction() as session:
        preferences.set_preferences(session, user_id=caller.user_id, preferences=wanted, now=database_now(session))
        return Json(preferences.read_preferences(session, user_id=caller.user_id))


@router.post("/push-subscriptions", status_code=201, response_model=PushSubscriptionView)
def add_push_subscription(request: Request, caller: Authorised, body: NewPushSubscription) -> Response:
    """Where this browser takes pushes; its address must lead to the public internet."""
    state = request.app.state
    Outside.from_settings(state.settings).check(body.endpoint)
    with state.database.transaction() as session:
        subscription = push.add_subscription(
            session,
            user_id=caller.user_id,
            endpoint=body.endpoint,
            p256dh=body.keys.p256dh,
            auth=body.keys.auth,
            cipher=state.cipher,
            now=database_now(session),
        )
    return Json(subscription, status_code=201)


@router.get("/push-subscriptions", response_model=PushSubscriptionList)
def list_push_subscriptions(request: Request, caller: Authorised) -> Response:
    """My browsers, newest first, without their addresses and keys."""
    with request.app.state.database.transaction() as session:
        return Json(PushSubscriptionList(push.list_subscriptions(session, user_id=caller.user_id)))


@router.delete("/push-subscriptions/{push_subscription_id}", status_code=204)
def remove_push_subscription(request: Request, caller: Authorised, push_subscription_id: UUID) -> Response:
    """Forget a browser."""
    with request.app.state.database.transaction() as session:
        push.remove_subscription(session, user_id=caller.user_id, subscription_id=push_subscription_id)
    return Response(status_code=204)
