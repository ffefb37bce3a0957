"""Codes on the buyers' path, on a bare connection: what a code is, and its uses.

A use is one conditional UPDATE on the promotion and, where a buyer's uses are limited, one on the buyer's counter. Promotions
are locked after holds and orders, in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict, Expired, Invalid
from ticketing.promotions.rules import DISCOUNTS, PromotionKind, discounts, normal_code, tax_left

LONGEST_CODE = 60
"""Characters of what somebody may send as a code."""


class CodeUnknown(Invalid):
    """The seller has no such code."""


class CodeNotInForce(Expired):
    """The code's time has not come, or is over."""


class CodeUsedUp(Conflict):
    """The code was used as often as it may be, by all buyers or by this one."""


class CodeNotForThis(Conflict):
    """The code is for other places than these."""


@dataclass(frozen=True, slots=True)
class Code:
    """A promotion as the buyers' path knows it."""

    id: UUID
    vendor_id: UUID
    code: str
    kind: PromotionKind
    percent: int | None
    amount_minor: int | None
    currency: str | None
    event_id: UUID | None
    ticket_type_ids: frozenset[UUID]
    """Empty: all of them."""
    in_force: bool
    starts_at: datetime
    max_uses_per_buyer: int | None

    def covers(self, *, event_id: UUID, ticket_type_id: UUID) -> bool:
        """Whether it is for such a place."""
        return self.event_id in (None, event_id) and (not self.ticket_type_ids or ticket_type_id in self.ticket_type_ids)

    def check_in_force(self) -> None:
        """Raises `CodeNotInForce`."""
        if not self.in_force:
            raise CodeNotInForce(f"The code {self.code} is not in force now.", code=self.code)


class Place(Protocol):
    """A place on an order or in a hold, amounts of one."""

    @property
    def event_id(self) -> UUID: ...
    @property
    def ticket_type_id(self) -> UUID: ...
    @property
    def price_minor(self) -> int: ...
    @property
    def fee_minor(self) -> int: ...
    @property
    def tax_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Reduced:
    """What a place costs with a code: the discount, and what remains of fee and tax."""

    discount_minor: int
    fee_minor: int
    tax_minor: int


FIND = """
select p.id, p.vendor_id, p.code, p.kind, p.percent, p.amount_minor, p.currency, p.event_id,
  array(select t.ticket_type_id from promotion_ticket_type t where t.promotion_id = p.id) as ticket_type_ids,
  p.ended_at is null and p.starts_at <= app_now() and (p.ends_at is null or p.ends_at > app_now()) as in_force,
  p.starts_at, p.max_uses_per_buyer
from promotion p
where {which}
order by p.id
"""
FIND_CODE = FIND.format(which="p.vendor_id = %s and p.code = %s")
FIND_LINK = FIND.format(which="p.link_code = %s")
FIND_IDS = FIND.format(which="p.id = any(%s)")


def find_code(connection: Connection, *, vendor_id: UUID, code: str) -> Code | None:
    """A vendor's promotion by its code, as people write it."""
    wanted = normal_code(code)
    return None if "\0" in wanted else next(iter(_find(connection, FIND_CODE, [vendor_id, wanted])), None)


def find_link(connection: Connection, *, link_code: str) -> Code | None:
    """The promotion of a tracking link."""
    return None if "\0" in link_code else next(iter(_find(connection, FIND_LINK, [link_code])), None)


def find_promotions(connection: Connection, promotion_ids: Sequence[UUID]) -> list[Code]:
    """The promotions of these ids that exist, sorted by id."""
    return _find(connection, FIND_IDS, [list(promotion_ids)])


def _find(connection: Connection, sql: str, parameters: list[Any]) -> list[Code]:
    with named_cursor(connection) as cursor:
        rows = cursor.execute(sql, parameters).fetchall()
    return [Code(**{**r._asdict(), "kind": PromotionKind(r.kind), "ticket_type_ids": frozenset(r.ticket_type_ids)}) for r in rows]


def reduce_prices(code: Code, places: Sequence[Place], *, currency: str) -> list[Reduced]:
    """What each place costs with the code, in their order. Raises `CodeNotForThis`.

    The discount is shared out by price. A place that costs nothing any more has no fee, like one that never did.
    """
    covered = [number for number, p in enumerate(places) if code.covers(event_id=p.event_id, ticket_type_id=p.ticket_type_id)]
    if not covered or code.currency not in (None, currency):
        raise CodeNotForThis(f"The code {code.code} is not for these places.", code=code.code)
    off = dict.fromkeys(range(len(places)), 0)
    if code.kind in DISCOUNTS:
        prices = [places[number].price_minor for number in covered]
        off |= dict(zip(covered, discounts(prices, percent=code.percent, amount_minor=code.amount_minor), strict=True))
    return [reduce_price(place, off[number]) for number, place in enumerate(places)]


def reduce_price(place: Place, off: int) -> Reduced:
    """What a place costs when so much comes off its price."""
    free = 0 < off == place.price_minor
    return Reduced(
        discount_minor=off,
        fee_minor=0 if free else place.fee_minor,
        tax_minor=tax_left(place.tax_minor, price_minor=place.price_minor, discount_minor=off),
    )


TAKE = """
update promotion set uses = uses + 1
where id = %(promotion)s and (max_uses is null or uses < max_uses)
  and (%(promised)s or (ended_at is null and starts_at <= app_now() and (ends_at is null or ends_at > app_now())))
"""

TAKE_OF_BUYER = """
insert into promotion_buyer as b (promotion_id, buyer_id, vendor_id, uses, allowed)
values (%(promotion)s, %(buyer)s, %(vendor)s, 1, %(allowed)s)
on conflict (promotion_id, buyer_id) do update set uses = b.uses + 1 where b.uses < b.allowed
"""


def take_use(connection: Connection, code: Code, *, buyer_id: UUID, promised: bool) -> None:
    """Count one more use; `promised`: also when its time is over by now. Raises `CodeNotInForce`, `CodeUsedUp`."""
    if not promised:
        code.check_in_force()
    if connection.execute(TAKE, {"promotion": code.id, "promised": promised}).rowcount == 0:
        raise CodeUsedUp(f"The code {code.code} was used as often as it may be.", code=code.code)
    if code.max_uses_per_buyer is None:
        return
    parameters = {"promotion": code.id, "buyer": buyer_id, "vendor": code.vendor_id, "allowed": code.max_uses_per_buyer}
    if connection.execute(TAKE_OF_BUYER, parameters).rowcount == 0:
        raise CodeUsedUp(f"You have used the code {code.code} as often as you may.", code=code.code)
