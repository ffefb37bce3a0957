"""Sales of one event: five figures, pace, by day, type and channel; beside another event if asked."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from dashboards import address, charts
from dashboards.data import Published, Row
from dashboards.figures import cards, columns, plain, with_money
from ticketing.foundation.clock import utc_now

NONE = "none"


def show(published: Published, zone: str) -> None:
    """The page of the event named in the address, or of the first to come."""
    st.title("Event sales")
    events = published.rows("overview")
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
    event = published.rows("event_kpis", event=UUID(event_id))[0]
    st.subheader(plain(event["title"]))
    st.caption(plain(_where(event)))
    cards(event, event["currency"])
    days = published.rows("event_by_day", event=UUID(event_id))
    if not days:
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


def _name(event: Row) -> str:
    return f"{event['title']} · {event['local_start']:%a %d %b %Y, %H:%M}"


def _first(events: list[Row]) -> str:
    """The next event to come; the last one when all are over."""
    now = utc_now()
    return str(next((event for event in events if event["starts_at"] > now), events[-1])["event_id"])


def _choose_other(event_id: str, events: list[Row], names: dict[str, str]) -> str | None:
    """Another event to compare with: other nights of the same title first."""
    title = next(event["title"] for event in events if str(event["event_id"]) == event_id)
    others = sorted((event for event in events if str(event["event_id"]) != event_id), key=lambda event: event["title"] != title)
    options = [NONE, *(str(event["event_id"]) for event in others)]
    labels = {**names, NONE: "Nothing"}
    other = address.select("Compare with", "beside", options, default=NONE, shown=labels.__getitem__, hint="Choose an event")
    return None if other in (None, NONE) else other


def _where(event: Row) -> str:
    return f"{event['local_start']:%a %d %b %Y, %H:%M} ({event['zone']}) · {event['venue_name']}, {event['city']} · {event['status']}"


def _pacing(event: Row, days: list[Row]) -> None:
    sold, capacity = int(event["sold"]), int(event["capacity"] or 0)
    reading = f"{sold:,} of {capacity:,} places are sold, {max(capacity - sold, 0):,} are left; the dashed line is the capacity."
    charts.show(
        reading, charts.led_in(days, "sold_cumulative"), charts.pacing(capacity), table=columns(days, "day", "sold", "sold_cumulative")
    )


def _pacing_beside(published: Published, names: dict[str, str]) -> None:
    mine, theirs = (_pace(published, event_id, name) for event_id, name in names.items())
    if not theirs:
        st.info("The other event has sold nothing yet.")
        return
    left = mine[-1]["days_before"]
    then = [point["share"] for point in theirs if point["days_before"] >= left]
    days = "1 day" if left == 1 else f"{left} days"
    reading = f"{days} before the show {mine[-1]['share']:.0%} were sold; of the other, {then[-1] if then else 0:.0%} at that time."
    charts.show(reading, mine + theirs, charts.pacing_beside(list(names.values())), table=mine + theirs)


def _pace(published: Published, event_id: str, name: str) -> list[Row]:
    """Share sold by days before the show."""
    event = published.rows("event_kpis", event=UUID(event_id))[0]
    show_day, capacity = event["local_start"].date(), event["capacity"] or 1
    return [
        {"event": name, "days_before": (show_day - day["day"]).days, "share": day["sold_cumulative"] / capacity}
        for day in published.rows("event_by_day", event=UUID(event_id))
    ]


def _by_day(event: Row, days: list[Row], zone: str) -> None:
    best = max(days, key=lambda day: day["tickets"])
    reading = f"The best day was {best['day']:%d %b %Y} with {best['tickets']:,} tickets."
    table = with_money(days, event["currency"], "day", "tickets", "cancelled_tickets")
    charts.show(reading, charts.led_in(days, "tickets"), charts.per_day("tickets", f"tickets per day ({zone})"), table=table)


def _by_type(published: Published, event_id: str) -> None:
    st.subheader("By ticket type")
    types = published.rows("event_by_type", event=UUID(event_id))
    best = max(types, key=lambda kind: kind["share"] or 0)
    reading = f"{best['name']} sells best: {best['sold']:,} of its {best['capacity'] or 0:,} places."
    table = with_money(types, types[0]["currency"], "name", "capacity", "sold", "cancelled_tickets")
    charts.show(reading, types, charts.filled("name", "sold", "capacity", count=len(types)), table=table)


def _by_channel(published: Published, event_id: str) -> None:
    st.subheader("By channel")
    channels = published.rows("event_by_channel", event=UUID(event_id))
    first, total = channels[0], max(1, sum(channel["tickets"] for channel in channels))
    reading = f"{first['tickets'] / total:.0%} of the tickets were sold through {first['channel'].replace('_', ' ')}."
    table = with_money(channels, first["currency"], "channel", "tickets", "cancelled_tickets")
    charts.show(reading, channels, charts.by_name("channel", "tickets", "tickets", count=len(channels)), table=table)
