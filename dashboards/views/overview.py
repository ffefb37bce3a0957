"""Vendor overview: totals per currency, sales by day, all events, what to look at."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.data import money, rows
from dashboards.figures import cards
from sql.scope import Scope
from ticketing.foundation.clock import utc_now

NEARLY_SOLD_OUT = 0.95
QUIET_DAYS = 14


def show(scope: Scope, zone: str) -> None:
    """The page of one vendor."""
    st.title("Overview")
    totals = rows(scope, "vendor_kpis")
    if totals.empty:
        st.info("No events have been published yet. Import a season or publish an event, and its sales appear here.")
        return
    currencies = list(totals["currency"])
    chosen = st.query_params.get("currency", currencies[0])
    chosen = chosen if chosen in currencies else currencies[0]
    if len(currencies) > 1:
        picked = st.segmented_control("Currency", currencies, default=chosen, help="Amounts of different currencies are never added.")
        chosen = picked or chosen
        st.query_params["currency"] = chosen
    total = totals[totals["currency"] == chosen].iloc[0]
    cards(total, chosen, capacity=int(total["capacity"] or 0), sold=int(total["sold"]), cancelled=int(total["cancelled_tickets"]))
    days = rows(scope, "vendor_by_day", from_day=None, to_day=None)
    days = days[days["currency"] == chosen]
    events = rows(scope, "overview")
    events = events[events["currency"] == chosen]
    left, right = st.columns([3, 2])
    with left:
        if days.empty:
            st.info("Nothing has been sold in this currency yet.")
        else:
            best = days.nlargest(1, "tickets").iloc[0]
            sold, day = int(days["tickets"].sum()), f"{best['day']:%d %b %Y}"
            reading = f"{sold:,} tickets were sold on {len(days)} days; the best was {day} with {int(best['tickets']):,}."
            charts.show(reading, days[["day", "tickets"]], charts.per_day("tickets", f"tickets per day ({zone})"), table=days)
    with right:
        st.subheader("To do")
        _to_do(events, utc_now())
    st.subheader("Events")
    _table(scope, events, chosen)


def _to_do(events: pd.DataFrame, now: datetime) -> None:
    quiet_since = now - timedelta(days=QUIET_DAYS)
    items: list[str] = []
    for event in events.to_dict("records"):
        if pd.Timestamp(event["starts_at"]) <= now:
            continue
        if (event["share"] or 0) >= NEARLY_SOLD_OUT:
            items.append(f"**{event['title']}** is {event['share']:.0%} sold: consider another night.")
        last = event["last_sale_day"]
        on_sale_for_long = pd.Timestamp(event["sales_open_at"]) < quiet_since
        if on_sale_for_long and (pd.isna(last) or pd.Timestamp(last).date() < quiet_since.date()):
            items.append(f"**{event['title']}** has sold nothing for {QUIET_DAYS} days.")
    if not items:
        st.success("Nothing needs you.")
    for item in items[:8]:
        st.markdown(f"- {item}")
    if len(items) > 8:
        st.caption(f"… and {len(items) - 8} more")


def _table(scope: Scope, events: pd.DataFrame, currency: str) -> None:
    curves = rows(scope, "sparklines").groupby("event_id")["sold"].apply(lambda sold: sold.cumsum().tolist())
    shown = pd.DataFrame(
        {
            "Event": events["title"],
            "When (local)": pd.to_datetime(events["local_start"]),
            "Where": events["venue_name"] + ", " + events["city"],
            "Status": events["status"],
            "Sold": events["sold"],
            "Share": events["share"].astype(float) * 100,
            "Sales so far": [curves.get(event_id, []) for event_id in events["event_id"]],
            "Gross": [money(amount, currency) for amount in events["gross_minor"]],
            "Net": [money(amount, currency) for amount in events["net_minor"]],
            "Open": [f"event_sales?event={event_id}" for event_id in events["event_id"]],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        column_config={
            "When (local)": st.column_config.DatetimeColumn(format="ddd D MMM YYYY, HH:mm", help="Wall time at the venue"),
            "Share": st.column_config.ProgressColumn(format="%.0f%%", min_value=0, max_value=100, help="Sold of capacity"),
            "Sales so far": st.column_config.LineChartColumn(help="Tickets sold less given back, summed day by day"),
            "Open": st.column_config.LinkColumn(display_text="details"),
        },
    )
