"""Sales of one event: five figures, pace, by day, type and channel; beside another night if asked."""

from __future__ import annotations

from uuid import UUID

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.data import money, rows
from dashboards.figures import cards
from sql.scope import Scope


def show(scope: Scope, zone: str) -> None:
    """The page of the event named in the address, or of the one chosen."""
    st.title("Event sales")
    events = rows(scope, "overview")
    if events.empty:
        st.info("No events have been published yet.")
        return
    event_id = _choose(events)
    if event_id is None:
        st.error("There is no such event among yours. Choose one above.")
        return
    found = rows(scope, "event_kpis", event=UUID(event_id))
    event = found.iloc[0]
    currency = str(event["currency"])
    when = pd.to_datetime(event["local_start"])
    st.subheader(str(event["title"]))
    st.caption(f"{when:%a %d %b %Y, %H:%M} ({event['zone']}) · {event['venue_name']}, {event['city']} · {event['status']}")
    capacity = int(event["capacity"] or 0)
    cards(event, currency, capacity=capacity, sold=int(event["sold"]), cancelled=int(event["cancelled_tickets"]))
    days = rows(scope, "event_by_day", event=UUID(event_id))
    if days.empty:
        st.info("Nothing has been sold yet.")
        return
    left, right = st.columns(2)
    with left:
        sold = int(days["sold_cumulative"].iloc[-1])
        reading = f"{sold:,} of {capacity:,} places are sold; the dashed line is the capacity."
        charts.show(reading, days[["day", "sold_cumulative"]], charts.pacing(capacity), table=days)
    with right:
        best = days.nlargest(1, "tickets").iloc[0]
        reading = f"The best day was {best['day']:%d %b %Y} with {int(best['tickets']):,} tickets."
        charts.show(reading, days[["day", "tickets"]], charts.per_day("tickets", f"tickets per day ({zone})"), table=days)
    left, right = st.columns(2)
    with left:
        _by_type(scope, event_id)
    with right:
        _by_channel(scope, event_id, currency)


def _choose(events: pd.DataFrame) -> str | None:
    ids = [str(event_id) for event_id in events["event_id"]]
    wanted = st.query_params.get("event", ids[0])
    starts = pd.to_datetime(events["local_start"])
    names = {i: f"{t} · {s:%a %d %b %Y, %H:%M}" for i, t, s in zip(ids, events["title"], starts, strict=True)}
    index = ids.index(wanted) if wanted in names else None
    picked: str | None = st.selectbox("Event", ids, index=index, format_func=lambda i: names[i], placeholder="Choose an event")
    if picked is not None:
        st.query_params["event"] = picked
    return picked


def _by_type(scope: Scope, event_id: str) -> None:
    types = rows(scope, "event_by_type", event=UUID(event_id))
    if types.empty:
        return
    best = types.assign(share=types["share"].astype(float).fillna(0.0)).nlargest(1, "share").iloc[0]
    reading = f"{best['name']} sells best: {float(best['share'] or 0):.0%} of its {int(best['capacity'] or 0):,} places."
    table = types[["name", "capacity", "sold", "cancelled_tickets"]].assign(
        gross=[money(a, c) for a, c in zip(types["gross_minor"], types["currency"], strict=True)]
    )
    charts.show(reading, types[["name", "sold"]], charts.by_name("name", "sold", "tickets by type"), table=table)


def _by_channel(scope: Scope, event_id: str, currency: str) -> None:
    channels = rows(scope, "event_by_channel", event=UUID(event_id))
    if channels.empty:
        return
    total = max(1, int(channels["tickets"].sum()))
    first = channels.iloc[0]
    reading = f"{int(first['tickets']) / total:.0%} of the tickets came through {str(first['channel']).replace('_', ' ')}."
    table = channels[["channel", "tickets", "cancelled_tickets"]].assign(gross=[money(a, currency) for a in channels["gross_minor"]])
    charts.show(reading, channels[["channel", "tickets"]], charts.by_name("channel", "tickets", "tickets by channel"), table=table)
