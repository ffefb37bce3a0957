"""Codes on orders: what they take off, how uses are counted and given back, what access codes open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests import factories
from tests.buying import captured, start_payment
from tests.factories import OnSale
from tests.promotions.making import end_promotion, make_promotion, read_promotion
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.errors import TicketingError
from ticketing.inventory.claim import AccessCodeNeeded
from ticketing.invariants import runner
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.orders.place import HoldOrdered
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel, OrderState
from ticketing.orders.settle import Settlement
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.uses import CodeNotForThis, CodeNotInForce, CodeUnknown, CodeUsedUp


async def order(
    booking: Booking,
    sale: OnSale,
    buyer: UUID,
    *,
    seats: Sequence[int] = (),
    places: int = 0,
    hold_code: str | None = None,
    code: str | None = None,
    link_code: str | None = None,
) -> OrderView:
    key = uuid4().hex
    pools = [(sale.pool.id, places)] if places else []
    hold = await booking.hold(event_id=sale.event.id, buyer_id=buyer, key=key, digest=b"", seats=seats, places=pools, code=hold_code)
    return await booking.place_order(
        hold_ids=[hold.id], buyer_id=buyer, key="o" + key, digest=b"", channel=Channel.WEB, code=code, link_code=link_code
    )


def place(booking: Booking, sale: OnSale, buyer: UUID, **wanted: Any) -> OrderView:
    return booking.wait(order(booking, sale, buyer, **wanted))


def all_is_well(database: Database) -> None:
    broken = {result.code: result.violations for result in runner.run_all(database) if not result.holds and result.severity == "safety"}
    assert broken == {}


def test_a_percentage_comes_off_each_line_and_the_parts_sum_exactly(booking: Booking, on_sale: OnSale, buyers: list[UUID]) -> None:
    database = booking._writer._database
    promotion = make_promotion(database, on_sale, percent=33)
    bought = place(booking, on_sale, buyers[0], seats=[0, 1], places=1, code=" spring ")
    assert bought.subtotal_minor == 4500 + 4500 + 2250
    assert bought.discount_minor == 3712  # 33 % of 112.50, half to even
    assert [line.discount_minor for line in bought.lines] == [1485, 1485, 742]
    assert bought.total_minor == bought.subtotal_minor - bought.discount_minor + bought.fee_minor
    assert all(line.tax_minor == round((line.price_minor - line.discount_minor) * 7 / 107) for line in bought.lines)
    payment = start_payment(booking, bought)
    assert payment.amount_minor == bought.total_minor
    assert booking.wait(booking.settle(captured(payment))) is Settlement.CONFIRMED
    assert read_promotion(database, on_sale, promotion).uses == 1
    all_is_well(database)
