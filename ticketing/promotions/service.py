"""A vendor's promotions: make, list, end. All of it runs in transactions of the role `vendor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.foundation.errors import Conflict, Invalid, NotFound
from ticketing.foundation.ids import new_code
from ticketing.promotions.rules import CODE, PromotionKind, normal_code
from ticketing.promotions.tables import Promotion, PromotionTicketType

LINK_CODE_LENGTH = 10
MOST_TICKET_TYPES = 50


class PromotionNotFound(NotFound):
    """No such promotion, or another vendor's."""


class CodeTaken(Conflict):
    """The vendor has used this code before: a code means one thing for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPromotion:
    """What a vendor asks for; `code` as people write it, amounts in minor units."""

    code: str
    kind: PromotionKind
    name: str = ""
    percent: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    event_id: UUID | None = None
    ticket_type_ids: Sequence[UUID] = ()
    starts_at: datetime | None = None
    """Null: at once."""
    ends_at: datetime | None = None
    max_uses: int | None = None
    max_uses_per_buyer: int | None = None

    def check(self) -> None:
        """Raises `Invalid` for what no catalogue could make right, naming each field."""
        wrong: dict[str, str] = {}
        if not CODE.fullmatch(normal_code(self.code)):
            wrong["code"] = "has 3 to 40 letters, digits, - and _, and begins with a letter or digit"
        for kind, name, value in (
            (PromotionKind.PERCENT, "percent", self.percent),
            (PromotionKind.AMOUNT, "amount", self.amount_minor),
            (PromotionKind.AMOUNT, "currency", self.currency),
        ):
            if self.kind is kind and value is None:
                wrong[name] = f"is needed with kind {kind}"
            elif self.kind is not kind and value is not None:
                wrong[name] = f"goes with kind {kind} only"
        if self.kind is PromotionKind.ACCESS and not (self.event_id and self.ticket_type_ids):
            wrong["ticket_type_ids"] = "an access code names an event and the ticket types that it opens"
        if self.ticket_type_ids and self.event_id is None:
            wrong["event_id"] = "is needed with ticket types"
        if self.kind is PromotionKind.AFFILIATE:
            wrong |= {
                name: "does not go with an affiliate code: it only counts"
                for name in ("max_uses", "max_uses_per_buyer")
                if getattr(self, name) is not None
            }
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            wrong["ends_at"] = "must be later than starts_at"
        if wrong:
            raise Invalid("This promotion is not acceptable.", fields=wrong)


@dataclass(frozen=True, slots=True)
class PromotionView:
    id: UUID
    vendor_id: UUID
    code: str
    kind: PromotionKind
    name: str
    percent: int | None
    amount_minor: int | None
    currency: str | None
    event_id: UUID | None
    ticket_type_ids: list[UUID]
    starts_at: datetime
    ends_at: datetime | None
    max_uses: int | None
    max_uses_per_buyer: int | None
    uses: int
    """Orders that have used it and have neither lapsed nor been cancelled."""
    link: str
    """The tracking link: who follows it has the promotion on their order."""
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Promotions:
    promotions: list[PromotionView]
    next_cursor: UUID | None


def create_promotion(
    session: Session, *, vendor_id: UUID, new: NewPromotion, actor_id: UUID, now: datetime, public_url: str
) -> PromotionView:
    """A new promotion; an access code closes its ticket types to everybody else. `new` has been checked.

    Raises `CodeTaken`, `Invalid` for an event or ticket type that is not the vendor's, or a window that is over.
    """
    code = normal_code(new.code)
    starts_at = new.starts_at or now
    if new.ends_at is not None and new.ends_at <= max(now, starts_at):
        raise Invalid("This promotion would be over already.", fields={"ends_at": "is over, or not later than its beginning"})
    _check_scope(session, vendor_id=vendor_id, new=new)
    session.execute(text("select pg_advisory_xact_lock(hashtextextended('code:' || :code, 0))"), {"code": f"{vendor_id}:{code}"})
    if session.execute(select(Promotion.id).where(Promotion.vendor_id == vendor_id, Promotion.code == code)).first():
        raise CodeTaken("You have used this code before: choose another.", code=code)
    promotion = Promotion(
        vendor_id=vendor_id,
        code=code,
        kind=new.kind,
        name=new.name,
        percent=new.percent,
        amount_minor=new.amount_minor,
        currency=new.currency,
        event_id=new.event_id,
        starts_at=starts_at,
        ends_at=new.ends_at,
        max_uses=new.max_uses,
        max_uses_per_buyer=new.max_uses_per_buyer,
        link_code=new_code(LINK_CODE_LENGTH),
        created_at=now,
    )
    session.add(promotion)
    session.flush()
    types = sorted(set(new.ticket_type_ids))
    session.add_all(PromotionTicketType(promotion_id=promotion.id, ticket_type_id=type_id, vendor_id=vendor_id) for type_id in types)
    session.flush()
    session.refresh(promotion)
    if new.event_id is not None and new.kind is PromotionKind.ACCESS:
        _close_and_open(session, event_id=new.event_id)
    record(session, actor_id=actor_id, action="promotion.created", subject_id=promotion.id)
    return _view(promotion, types, public_url)


def list_promotions(
    session: Session, *, vendor_ids: Sequence[UUID], public_url: str, before: UUID | None = None, limit: int = 50
) -> Promotions:
    """The vendors' promotions, newest first; `before`: those older than this one."""
    wanted = select(Promotion).where(Promotion.vendor_id.in_(vendor_ids)).order_by(Promotion.id.desc()).limit(limit + 1)
    if before is not None:
        wanted = wanted.where(Promotion.id < before)
    found = session.execute(wanted).scalars().all()
    types = _types(session, [promotion.id for promotion in found])
    views = [_view(promotion, types.get(promotion.id, []), public_url) for promotion in found[:limit]]
    return Promotions(views, views[-1].id if len(found) > limit else None)


def end_promotion(
    session: Session, *, vendor_ids: Sequence[UUID], promotion_id: UUID, actor_id: UUID, now: datetime, public_url: str
) -> PromotionView:
    """Nobody can use it any more; orders that did keep what they got. Ended again, nothing changes.

    Ticket types that no other access code keeps closed are open to everybody from now on. Raises `PromotionNotFound`.
    """
    found = select(Promotion).where(Promotion.id == promotion_id, Promotion.vendor_id.in_(vendor_ids)).with_for_update()
    promotion = session.execute(found).scalar_one_or_none()
    if promotion is None:
        raise PromotionNotFound("There is no such promotion.", promotion_id=promotion_id)
    if promotion.ended_at is None:
        promotion.ended_at = now
        session.flush()
        if promotion.event_id is not None and promotion.kind is PromotionKind.ACCESS:
            _close_and_open(session, event_id=promotion.event_id)
        record(session, actor_id=actor_id, action="promotion.ended", subject_id=promotion_id)
    return _view(promotion, _types(session, [promotion_id]).get(promotion_id, []), public_url)


def _check_scope(session: Session, *, vendor_id: UUID, new: NewPromotion) -> None:
    """The event is locked, so that codes that close and open its ticket types come one after another."""
    if new.event_id is None:
        return
    event = session.execute(
        text("select currency from event where id = :event and vendor_id = :vendor for no key update"),
        {"event": new.event_id, "vendor": vendor_id},
    ).one_or_none()
    if event is None:
        raise Invalid("There is no such event.", fields={"event_id": "is no event of this vendor"})
    if new.currency is not None and new.currency != event.currency:
        raise Invalid("The event is sold in another currency.", fields={"currency": f"is not {event.currency}"})
    known = session.execute(text("select id from ticket_type where event_id = :event"), {"event": new.event_id}).scalars()
    if set(new.ticket_type_ids) - set(known):
        raise Invalid("There is no such ticket type.", fields={"ticket_type_ids": "are not all of this event"})


ACCESS_TYPES = """
update event e set access_types = array(
  select distinct t.ticket_type_id
  from promotion p join promotion_ticket_type t on t.promotion_id = p.id
  where p.event_id = e.id and p.kind = 'access' and p.ended_at is null
  order by t.ticket_type_id)
where e.id = :event
"""


def _close_and_open(session: Session, *, event_id: UUID) -> None:
    """Closed is what an access code that was not ended names, whether it is its time or not."""
    session.execute(text("select 1 from event where id = :event for no key update"), {"event": event_id})
    session.execute(text(ACCESS_TYPES), {"event": event_id})


def _types(session: Session, promotion_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    rows = session.execute(
        select(PromotionTicketType.promotion_id, PromotionTicketType.ticket_type_id)
        .where(PromotionTicketType.promotion_id.in_(promotion_ids))
        .order_by(PromotionTicketType.ticket_type_id)
    )
    found: dict[UUID, list[UUID]] = {}
    for promotion_id, type_id in rows:
        found.setdefault(promotion_id, []).append(type_id)
    return found


def _view(promotion: Promotion, types: list[UUID], public_url: str) -> PromotionView:
    return PromotionView(
        id=promotion.id,
        vendor_id=promotion.vendor_id,
        code=promotion.code,
        kind=promotion.kind,
        name=promotion.name,
        percent=promotion.percent,
        amount_minor=promotion.amount_minor,
        currency=promotion.currency,
        event_id=promotion.event_id,
        ticket_type_ids=types,
        starts_at=promotion.starts_at,
        ends_at=promotion.ends_at,
        max_uses=promotion.max_uses,
        max_uses_per_buyer=promotion.max_uses_per_buyer,
        uses=promotion.uses,
        link=f"{public_url}/go/{promotion.link_code}",
        created_at=promotion.created_at,
        ended_at=promotion.ended_at,
    )
