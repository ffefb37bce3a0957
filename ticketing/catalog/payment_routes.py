"""How a vendor is paid, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ticketing.accounts.access import Authorised
from ticketing.catalog import payment_methods
from ticketing.catalog.payment_methods import EventPaymentMethods, PaymentMethods, PaymentMethodView
from ticketing.catalog.rules import PaymentKind
from ticketing.catalog.schemas import no_control_characters
from ticketing.foundation.db import Role, database_now
from ticketing.foundation.http import Json

router = APIRouter(prefix="/api", tags=["payment methods"])
Label = Annotated[str, Field(max_length=120, examples=["Card"]), AfterValidator(no_control_characters)]
Instructions = Annotated[
    str, Field(max_length=2000, description="what buyers are told, as where to pay on arrival"), AfterValidator(no_control_characters)
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewPaymentMethod(_Body):
    kind: PaymentKind = Field(examples=["card"])
    provider: Literal["fake"] | None = Field(default=None, description="of a card")
    account_ref: Annotated[str, Field(max_length=120, examples=["acct_example"]), AfterValidator(no_control_characters)] = Field(
        default="", description="your account at the provider, or at your bank"
    )
    label: Label = ""
    instructions: Instructions = ""
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind is PaymentKind.CARD) != (self.provider is not None):
            raise ValueError("`provider` is needed with kind card, and goes with no other")
        if self.kind is not PaymentKind.CASH and not self.account_ref:
            raise ValueError("`account_ref` is needed with kinds card and bank_transfer")
        return self


class PaymentMethodChange(_Body):
    label: Label
    instructions: Instructions = ""


class EventMethods(_Body):
    payment_method_ids: list[UUID] = Field(min_length=1, max_length=20)


@router.post("/payment-methods", status_code=201, response_model=PaymentMethodView)
def add_payment_method(request: Request, caller: Authorised, body: NewPaymentMethod) -> Response:
    """A way to be paid: a card through a provider, cash on arrival, or a bank transfer. New events take it."""
    vendor_id = caller.vendor(body.vendor_id)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=[vendor_id]) as session:
        method = payment_methods.add_payment_method(
            session,
            vendor_id=vendor_id,
            kind=body.kind,
            provider=body.provider,
            account_ref=body.account_ref,
            label=body.label,
            instructions=body.instructions,
            actor_id=caller.user_id,
            now=database_now(session),
        )
    return Json(method, status_code=201)


@router.get("/payment-methods", response_model=PaymentMethods)
def list_payment_methods(request: Request, caller: Authorised) -> Response:
    """How you are paid."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        return Json(payment_methods.list_payment_methods(session, vendor_ids=own))


@router.put("/payment-methods/{method_id}", response_model=PaymentMethodView)
def change_payment_method(request: Request, caller: Authorised, method_id: UUID, body: PaymentMethodChange) -> Response:
    """Other words for a way to be paid. Another account is another method: refunds go where the money came from."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        method = payment_methods.change_payment_method(
            session, vendor_ids=own, method_id=method_id, label=body.label, instructions=body.instructions, actor_id=caller.user_id
        )
    return Json(method)


@router.delete("/payment-methods/{method_id}", status_code=204)
def remove_payment_method(request: Request, caller: Authorised, method_id: UUID) -> Response:
    """Remove a way to be paid: no event takes it any more; what was begun with it is finished with it."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        payment_methods.remove_payment_method(
            session, vendor_ids=own, method_id=method_id, actor_id=caller.user_id, now=database_now(session)
        )
    return Response(status_code=204)


@router.post("/events/{event_id}/payment-methods", response_model=EventPaymentMethods)
def set_event_payment_methods(request: Request, caller: Authorised, event_id: UUID, body: EventMethods) -> Response:
    """Which of your methods an event takes from now on: exactly these."""
    own = sorted(caller.vendor_ids)
    with request.app.state.database.transaction(Role.VENDOR, vendor_ids=own) as session:
        methods = payment_methods.set_event_payment_methods(
            session, vendor_ids=own, event_id=event_id, method_ids=body.payment_method_ids, actor_id=caller.user_id
        )
    return Json(methods)
