"""What the published snapshot of the warehouse says of a vendor's sales. The same definitions as the dashboards' figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sql.scope import Scope, run_query
from sql.snapshot import NoSnapshot, open_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesFigures:
    """Amounts in minor units of `currency`; amounts of different currencies are never added."""

    currency: str
    tickets: int
    """Sold, those included that were given back later."""
    cancelled_tickets: int
    sold: int
    """Those that stand."""
    gross_minor: int
    """Prices (tax included) and fees, before discounts."""
    discount_minor: int
    fee_minor: int
    """The platform's, part of gross."""
    tax_minor: int
    """Part of gross."""
    refund_minor: int
    net_minor: int
    """Gross less discounts less refunds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSales(SalesFigures):
    event_id: UUID
    title: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSales(SalesFigures):
    event_id: UUID
    ticket_type_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySales(SalesFigures):
    day: date
    """In the vendor's zone."""


@dataclass(frozen=True, slots=True)
class SalesReport:
    vendor_id: UUID
    as_of: datetime | None
    """The instant that the figures show; null: none have been published yet, so there are no figures either."""
    totals: list[SalesFigures]
    """One for each currency."""
    by_event: list[EventSales]
    by_type: list[TypeSales]
    by_day: list[DaySales]


FIGURES = tuple(field.name for field in fields(SalesFigures) if field.name != "currency")


def read_sales(
    directory: Path, *, vendor_id: UUID, event_id: UUID | None = None, from_day: date | None = None, to_day: date | None = None
) -> SalesReport:
    """A vendor's sales (of one event, on some days) from the newest snapshot in the warehouse's directory."""
    try:
        snapshot = open_snapshot(directory)
    except NoSnapshot:
        return SalesReport(vendor_id, None, [], [], [], [])
    asked = {"for_event": event_id, "from_day": from_day, "to_day": to_day}

    def rows(query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = run_query(snapshot, Scope(vendor_id), query, **asked).to_pylist()
        return found

    by_event = [EventSales(**_ids(row) | {"starts_at": _utc(row["starts_at"])}) for row in rows("sales_by_event")]
    return SalesReport(
        vendor_id=vendor_id,
        as_of=snapshot.captured_at,
        totals=_totals(by_event),
        by_event=by_event,
        by_type=[TypeSales(**_ids(row)) for row in rows("sales_by_type")],
        by_day=[DaySales(**row) for row in rows("sales_by_day")],
    )


def _ids(row: dict[str, Any]) -> dict[str, Any]:
    return {name: UUID(value) if name.endswith("_id") else value for name, value in row.items()}


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _totals(parts: Sequence[SalesFigures]) -> list[SalesFigures]:
    sums: dict[str, dict[str, int]] = {}
    for part in parts:
        total = sums.setdefault(part.currency, dict.fromkeys(FIGURES, 0))
        for name in FIGURES:
            total[name] += getattr(part, name)
    return [SalesFigures(currency=currency, **figures) for currency, figures in sorted(sums.items())]
