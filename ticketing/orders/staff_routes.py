"""Sale at the door and complimentary tickets over HTTP, by a vendor's staff."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ticketing.accounts.access import Authorised, Caller
from ticketing.accounts.walk_ins import Person, describe_person
from ticketing.catalog.schemas import no_control_characters
from ticketing.foundation.http import PDF, Json, pdf_answer
from ticketing.foundation.idempotency import required_key
from ticketing.foundation.ids import request_digest
from ticketing.inventory.claim import MOST_PLACES_PER_HOLD
from ticketing.inventory.life_schemas import SeatNumber
from ticketing.orders.booking import Booking
from ticketing.orders.pay import OrderNotFound
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel
from ticketing.orders.schemas import Places
from ticketing.orders.service import get_order
from ticketing.orders.staff_sale import TakenWith
from ticketing.tickets.pdf import ticket_pdf
from ticketing.tickets.routes import TicketCancelled
from ticketing.tickets.rules import TicketState
from ticketing.tickets.service import order_tickets

router = APIRouter(prefix="/api", tags=["box office"])
Key = Annotated[str | None, Header(description="Any unique text; the same again on a retry gives the same answer.")]

BY_STAFF = frozenset({Channel.BOX_OFFICE, Channel.COMPLIMENTARY})


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonBody(_Body):
    email: str = Field(max_length=320, examples=["ada@example.org"])
    display_name: str = Field(max_length=120, examples=["Ada"])


class _Sale(_Body):
    seats: list[SeatNumber] = Field(default=[], max_length=MOST_PLACES_PER_HOLD, examples=[[12, 13]])
    places: list[Places] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.seats and not self.places:
            raise ValueError("name `seats`, `places` or both")
        return self


class BoxOfficeBody(_Sale):
    """Places sold to whoever stands at the door."""

    event_id: UUID
    taken_with: TakenWith = Field(examples=["cash"], description="what you have taken the money with; it is not asked for again")
    buyer: PersonBody | None = Field(default=None, description="gets the tickets by mail; may be left out")


class ComplimentaryBody(_Sale):
    """Places given away, out of what is free or kept as house seats."""

    recipient: PersonBody
    note: Annotated[str, Field(max_length=300), AfterValidator(no_control_characters)] = Field(default="", examples=["Press"])


@router.post("/box-office/orders", status_code=201, response_model=OrderView)
async def sell_at_the_door(request: Request, caller: Authorised, body: BoxOfficeBody, idempotency_key: Key = None) -> Response:
    """Sell places for money that you have taken: an order, confirmed, with its tickets."""
    return await _sell(request, caller, idempotency_key, body, event_id=body.event_id, person=body.buyer, taken_with=body.taken_with)


@router.post("/events/{event_id}/complimentary", status_code=201, response_model=OrderView)
async def give_away(request: Request, caller: Authorised, event_id: UUID, body: ComplimentaryBody, idempotency_key: Key = None) -> Response:
    """Give tickets to somebody, who gets them by mail: an order at no price."""
    return await _sell(request, caller, idempotency_key, body, event_id=event_id, person=body.recipient, note=body.note)


@router.get("/box-office/orders/{order_id}/pdf", response_class=Response, responses=PDF)
def print_tickets(request: Request, caller: Authorised, order_id: UUID) -> Response:
    """The standing tickets of an order that your staff made, a page each, to hand over."""
    with request.app.state.database.transaction() as session:
        order = get_order(session, order_id=order_id)
        if order.vendor_id not in caller.vendor_ids or order.channel not in BY_STAFF:
            raise OrderNotFound("There is no such order.", order_id=order_id)
        tickets = order_tickets(session, order_id=order_id, signer=request.app.state.signer)
    standing = [ticket for ticket in tickets if ticket.state is not TicketState.CANCELLED]
    if not standing:
        raise TicketCancelled("All tickets of this order were cancelled.", order_id=order_id)
    return pdf_answer(ticket_pdf(*standing), f"tickets-{order.code}")


async def _sell(
    request: Request,
    caller: Caller,
    key: str | None,
    body: BoxOfficeBody | ComplimentaryBody,
    *,
    event_id: UUID,
    person: PersonBody | None,
    taken_with: TakenWith | None = None,
    note: str = "",
) -> Response:
    booking: Booking = request.app.state.booking
    order = await booking.sell_by_staff(
        vendor_ids=sorted(caller.vendor_ids),
        actor_id=caller.user_id,
        person=None if person is None else _described(request, person),
        event_id=event_id,
        seats=body.seats,
        places=[(place.pool_id, place.quantity) for place in body.places],
        key=required_key(key),
        digest=request_digest(request.app.state.digest_key, request.url.path.encode(), body.model_dump_json().encode()),
        taken_with=taken_with,
        note=note,
    )
    return Json(order, status_code=201, headers={"Idempotency-Replayed": "true"} if order.replayed else None)


def _described(request: Request, person: PersonBody) -> Person:
    return describe_person(email=person.email, display_name=person.display_name, cipher=request.app.state.cipher)
