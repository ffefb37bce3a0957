"""Promotions for tests, made as vendors make them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.factories import OnSale
from ticketing.foundation.db import Database, Role, database_now
from ticketing.promotions import service
from ticketing.promotions.rules import PromotionKind
from ticketing.promotions.service import NewPromotion, PromotionView

PUBLIC_URL = "http://localhost"


def make_promotion(database: Database, sale: OnSale, **wanted: Any) -> PromotionView:
    """By default 25 % off everything, under SPRING."""
    values: dict[str, Any] = {"code": "SPRING", "kind": PromotionKind.PERCENT} | wanted
    if values["kind"] is PromotionKind.PERCENT:
        values.setdefault("percent", 25)
    if values["kind"] is PromotionKind.ACCESS:
        values.setdefault("event_id", sale.event.id)
    new = NewPromotion(**values)
    new.check()
    with database.transaction(Role.VENDOR, vendor_ids=[sale.vendor.id]) as session:
        return service.create_promotion(
            session, vendor_id=sale.vendor.id, new=new, actor_id=uuid4(), now=database_now(session), public_url=PUBLIC_URL
        )


def end_promotion(database: Database, sale: OnSale, promotion: PromotionView) -> PromotionView:
    with database.transaction(Role.VENDOR, vendor_ids=[sale.vendor.id]) as session:
        return service.end_promotion(
            session,
            vendor_ids=[sale.vendor.id],
            promotion_id=promotion.id,
            actor_id=uuid4(),
            now=database_now(session),
            public_url=PUBLIC_URL,
        )


def read_promotion(database: Database, sale: OnSale, promotion: PromotionView) -> PromotionView:
    """As it is now."""
    with database.transaction(Role.VENDOR, vendor_ids=[sale.vendor.id]) as session:
        found = service.list_promotions(session, vendor_ids=[sale.vendor.id], public_url=PUBLIC_URL)
    return next(p for p in found.promotions if p.id == promotion.id)
