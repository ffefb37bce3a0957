"""Sales of one event: five figures, pace, by day, type and channel; beside another event if asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pandas as pd
import streamlit as st

from dashboards import address, charts
from dashboards.data import Published, money
from dashboards.figures import cards, plain

AMOUNTS = {"gross_minor": "gross", "discount_minor": "discounts", "fee_minor": "fees", "refund_minor": "refunds", "net_minor": "net"}
NONE = "none"


def show(published: Published, zone: str) -> None:
    """The page of the event named in the address, or of the first to come."""
    st.title("Event sales")
    events = published.rows("overview").to_dict("records")
    if not events:
        st.info("No events have been published yet. Publish one, and its sales appear here.")
        return
    names = {str(event["event_id"]): _name(event) for event in events}
    left, right = st.columns(2)
    with left:
        event_id = address.select("Event", "event", list(names), default=_first(events), shown=names.__getitem__, hint="Choose an event")
    if event_id is None:
        st.error("There is no such event among yours. Choose one above.")
        return
    with right:
        other = _choose_other(event_id, events, names)
    event = published.rows("event_kpis", event=UUID(event_id)).iloc[0]
    st.subheader(plain(event["title"]))
    st.caption(plain(_where(event)))
    cards(event, event["currency"])
    days = published.rows("event_by_day", event=UUID(event_id))
    if days.empty:
        st.info("Nothing has been sold yet. The first sale appears here about a minute after it.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        if other is None:
            _pacing(event, days)
        else:
            _pacing_beside(published, {event_id: names[event_id], other: names[other]})
    with right:
        _by_day(event, days, zone)
    left, right = st.columns(2, gap="large")
    with left:
        _by_type(published, event_id)
    with right:
        _by_channel(published, event_id)


def _name(event: dict[Any, Any]) -> str:
    return f"{event['title']} · {event['local_start']:%a %d %b %Y, %H:%M}"


def _first(events: list[dict[Any, Any]]) -> str:
    """The next event to come; the last one when all are over."""
    now = pd.Timestamp.now("UTC")
    return str(next((event for event in events if event["starts_at"] > now), events[-1])["event_id"])


def _choose_other(event_id: str, events: list[dict[Any, Any]], names: dict[str, str]) -> str | None:
    """Another event to compare with: other nights of the same title first."""
    title = next(event["title"] for event in events if str(event["event_id"]) == event_id)
    others = sorted((event for event in events if str(event["event_id"]) != event_id), key=lambda event: event["title"] != title)
    options = [NONE, *(str(event["event_id"]) for event in others)]
    labels = {**names, NONE: "Nothing"}
    other = address.select("Compare with", "beside", options, default=NONE, shown=labels.__getitem__, hint="Choose an event")
    return None if other in (None, NONE) else other


def _where(event: pd.Series[Any]) -> str:
    return f"{event['local_start']:%a %d %b %Y, %H:%M} ({event['zone']}) · {event['venue_name']}, {event['city']} · {event['status']}"


def _pacing(event: pd.Series[Any], days: pd.DataFrame) -> None:
    sold, capacity = int(event["sold"]), int(event["capacity"] or 0)
    reading = f"{sold:,} of {capacity:,} places are sold, {max(capacity - sold, 0):,} are left; the dashed line is the capacity."
    charts.show(reading, days[["day", "sold_cumulative"]], charts.pacing(capacity), table=days[["day", "sold", "sold_cumulative"]])


def _pacing_beside(published: Published, names: dict[str, str]) -> None:
    parts = [_pace(published, event_id, name) for event_id, name in names.items()]
    mine, theirs = parts
    if theirs.empty:
        st.info("The other event has sold nothing yet.")
        return
    left = int(mine["days_before"].iloc[-1])
    then = theirs[theirs["days_before"] >= left]["share"]
    reading = f"{left} days before the show {mine['share'].iloc[-1]:.0%} were sold; the other had {then.iloc[-1] if len(then) else 0:.0%}."
    both = pd.concat(parts)
    charts.show(reading, both, charts.pacing_beside(list(names.values())), table=both)


def _pace(published: Published, event_id: str, name: str) -> pd.DataFrame:
    """Share sold by days before the show."""
    event = published.rows("event_kpis", event=UUID(event_id)).iloc[0]
    days = published.rows("event_by_day", event=UUID(event_id))
    before = (event["local_start"].normalize() - pd.to_datetime(days["day"])).dt.days
    return pd.DataFrame({"event": name, "days_before": before, "share": days["sold_cumulative"] / max(int(event["capacity"] or 0), 1)})


def _by_day(event: pd.Series[Any], days: pd.DataFrame, zone: str) -> None:
    best = days.loc[days["tickets"].idxmax()]
    reading = f"The best day was {best['day']:%d %b %Y} with {int(best['tickets']):,} tickets."
    table = _with_money(days, event["currency"], ["day", "tickets", "cancelled_tickets"])
    charts.show(reading, days[["day", "tickets"]], charts.per_day("tickets", f"tickets per day ({zone})"), table=table)


def _by_type(published: Published, event_id: str) -> None:
    st.subheader("By ticket type")
    types = published.rows("event_by_type", event=UUID(event_id))
    if types.empty:
        st.info("This event has no ticket types.")
        return
    best = types.loc[types["share"].astype(float).fillna(0.0).idxmax()]
    reading = f"{best['name']} sells best: {int(best['sold']):,} of its {int(best['capacity'] or 0):,} places."
    points = types[["name", "sold", "capacity"]].astype({"sold": int, "capacity": float})
    table = _with_money(types, types["currency"].iloc[0], ["name", "capacity", "sold", "cancelled_tickets"])
    charts.show(reading, points, charts.filled("name", "sold", "capacity"), table=table)


def _by_channel(published: Published, event_id: str) -> None:
    st.subheader("By channel")
    channels = published.rows("event_by_channel", event=UUID(event_id))
    first, total = channels.iloc[0], max(1, int(channels["tickets"].sum()))
    reading = f"{int(first['tickets']) / total:.0%} of the tickets were sold through {str(first['channel']).replace('_', ' ')}."
    table = _with_money(channels, first["currency"], ["channel", "tickets", "cancelled_tickets"])
    charts.show(reading, channels[["channel", "tickets"]], charts.by_name("channel", "tickets", "tickets"), table=table)


def _with_money(frame: pd.DataFrame, currency: str, columns: list[str]) -> pd.DataFrame:
    """Some columns, and the amounts written out."""
    table = frame[columns].rename(columns={"cancelled_tickets": "given back"})
    return table.assign(**{label: [money(amount, currency) for amount in frame[name]] for name, label in AMOUNTS.items()})
