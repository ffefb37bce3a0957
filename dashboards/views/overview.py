"""Vendor overview: totals per currency, sales by day, all events, what to look at."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards import address, charts, event_table
from dashboards.data import Published, Row
from dashboards.figures import cards, with_money
from ticketing.foundation.clock import utc_now

NEARLY_SOLD_OUT = 0.95
QUIET_DAYS = 14
TO_DO_SHOWN = 5
PERIODS = {"30": "30 days", "90": "90 days", "all": "All"}


def show(published: Published, zone: str) -> None:
    """The page of one vendor, whose days are counted in `zone`."""
    st.title("Overview")
    totals = published.rows("vendor_kpis")
    if not totals:
        st.info("No events have been published yet. Import a season or publish an event, and its sales appear here.")
        return
    currency = _currency([total["currency"] for total in totals])
    cards(next(total for total in totals if total["currency"] == currency), currency)
    now = utc_now()
    events = [event for event in published.rows("overview") if event["currency"] == currency]
    left, right = st.columns([5, 3], gap="large")
    with left:
        _sales(published, currency, today=now.astimezone(ZoneInfo(zone)).date(), zone=zone)
    with right:
        st.subheader("To do")
        st.html(_to_do(events, now))
    curves: dict[str, list[int]] = {}
    for day in published.rows("sparklines"):
        curves.setdefault(str(day["event_id"]), []).append(day["sold"])
    coming = [event for event in events if event["starts_at"] > now]
    past = [event for event in reversed(events) if event["starts_at"] <= now]
    for title, some in (("Coming events", coming), ("Past events", past)):
        if some:
            st.subheader(title)
            st.html(event_table.table(some, curves))


def _currency(currencies: list[str]) -> str:
    if len(currencies) == 1:
        return currencies[0]
    hint = "Amounts of different currencies are never added."
    return address.switch("Currency", "currency", currencies, default=currencies[0], shown=str, hint=hint)


def _sales(published: Published, currency: str, *, today: date, zone: str) -> None:
    st.subheader("Sales by day")
    period = address.switch("Period", "period", list(PERIODS), default="90", shown=PERIODS.__getitem__)
    start = None if period == "all" else today - timedelta(days=int(period) - 1)
    days = _days(published, currency, start, None)
    if not days:
        st.info("Nothing was sold in this period. A longer one may show more." if start else "Nothing has been sold yet.")
        return
    sold = sum(day["tickets"] for day in days)
    best = max(days, key=lambda day: day["tickets"])
    reading = f"{sold:,} sold; the best day was {best['day']:%d %b %Y} with {best['tickets']:,}."
    if start is not None:
        before = _days(published, currency, start - (today - start) - timedelta(days=1), start - timedelta(days=1))
        reading += f" {_compare(sold, sum(day['tickets'] for day in before))}"
    table = with_money(days, currency, "day", "tickets", "cancelled_tickets")
    charts.show(reading, charts.led_in(days, "tickets"), charts.per_day("tickets", f"tickets per day ({zone})"), table=table)


def _days(published: Published, currency: str, start: date | None, end: date | None) -> list[Row]:
    return [day for day in published.rows("vendor_by_day", from_day=start, to_day=end) if day["currency"] == currency]


def _compare(sold: int, before: int) -> str:
    if before == 0:
        return "The period before had no sales."
    change = sold / before - 1
    if change > 2:
        return f"That is {sold / before:.0f} times the period before ({before:,})."
    return f"That is {abs(change):.0%} {'more' if change >= 0 else 'less'} than in the period before ({before:,})."


def _to_do(events: list[Row], now: datetime) -> str:
    """What a vendor may want to act on, as a list."""
    items = [item for event in events if event["starts_at"] > now for item in _concerns(event, now)]
    if not items:
        return (
            "<ul class=desk-todo><li class=good>✓ Nothing needs you.<small>Coming events sell, and none is nearly full.</small></li></ul>"
        )
    more = f"<li>… and {len(items) - TO_DO_SHOWN} more, in the table below</li>" if len(items) > TO_DO_SHOWN else ""
    return f"<ul class=desk-todo>{''.join(items[:TO_DO_SHOWN])}{more}</ul>"


def _concerns(event: Row, now: datetime) -> list[str]:
    title, quiet_since = event_table.link(event), now - timedelta(days=QUIET_DAYS)
    begins = f"{event['local_start']:%a %d %b}"
    if (event["share"] or 0) >= NEARLY_SOLD_OUT:
        return [f"<li class=good>★ {title} ({begins}) is {event['share']:.0%} sold.<small>Consider another night.</small></li>"]
    last = event["last_sale_day"]
    is_quiet = last is None or last < quiet_since.date()
    if event["status"] == "published" and event["sales_open_at"] < quiet_since and is_quiet:
        advice = "Check its prices, or tell people about it."
        return [f"<li>▲ {title} ({begins}) has sold nothing for {QUIET_DAYS} days.<small>{advice}</small></li>"]
    return []
