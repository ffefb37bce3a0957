"""Events: all of a vendor's, with where they stand; and one of them, to be run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape

import streamlit as st

from dashboards import address, confirm
from dashboards.data import Row, newest
from dashboards.event_states import is_over, state_of
from dashboards.figures import plain, show_freshness
from dashboards.moments import written
from dashboards.office import LIST_EVENTS, Office
from dashboards.views import event_blocks, event_life, event_nights, event_types, event_window
from sql.scope import Scope
from sql.snapshot import NoSnapshot
from ticketing.catalog.changes import MOST_EVENTS, EventSetup, list_own_events
from ticketing.foundation.errors import TicketingError

HEAD = (
    '<tr><th scope="col">Event</th><th scope="col">Begins (local time)</th><th scope="col">State</th>'
    '<th scope="col">Sales</th><th scope="col">Sold</th></tr>'
)
COMING, OVER = "coming", "over"
SHOWN = {COMING: "Drafts and coming events", OVER: "Over, cancelled, withdrawn"}


def show(office: Office, zone: str) -> None:
    """The list, or the event that the address names. `zone` is the vendor's."""
    st.title("Events")
    try:
        with office.acting(LIST_EVENTS) as acting:
            now, events = acting.now, list_own_events(acting.session, vendor_id=office.vendor_id).events
    except TicketingError as problem:
        st.error(confirm.describe(problem))
        return
    if not events:
        st.info("You have no events yet. Make one over the API (docs/events.md), and it appears here as a draft.")
        return
    if "event" not in st.query_params:
        _show_list(office, zone, events, now)
        return
    st.markdown(address.link("← All events", address.of("events")), unsafe_allow_html=True)
    event = next((event for event in events if str(event.id) == st.query_params["event"]), None)
    if event is None:
        st.error("There is no such event among yours.")
        return
    _show_event(office, event, now)


def _show_list(office: Office, zone: str, events: list[EventSetup], now: datetime) -> None:
    figures: Mapping[str, Row] = {}
    try:
        published = newest(Scope(office.vendor_id))
    except NoSnapshot:
        st.caption("What is sold appears here a minute or two after the flows have started.")
    else:
        show_freshness(published, zone)
        figures = {str(row["event_id"]): row for row in published.rows("overview")}
    chosen = address.switch("Events", "events", list(SHOWN), default=COMING, shown=SHOWN.__getitem__)
    shown = [event for event in events if is_over(event, now) == (chosen == OVER)]
    if chosen == COMING:
        shown.reverse()  # the next one first
    if not shown:
        st.info("None of your events is over yet." if chosen == OVER else "No event is coming.")
        return
    body = "".join(_row(event, figures.get(str(event.id)), now) for event in shown)
    table = f"<div class=desk-scroll><table class=desk-events><thead>{HEAD}</thead><tbody>{body}</tbody></table></div>"
    st.markdown(table, unsafe_allow_html=True)
    if len(events) == MOST_EVENTS:
        st.caption(f"These are the latest {MOST_EVENTS} events; older ones are in the API.")


def _row(event: EventSetup, figures: Row | None, now: datetime) -> str:
    link = address.link(event.title, address.of("events", event=str(event.id)))
    return (
        f"<tr><td>{link}<small>{escape(event.category)}</small></td>"
        f"<td>{event.local_start:%a %d %b %Y, %H:%M}<small>{escape(event.zone)}</small></td>"
        f"<td><span class=desk-state>{state_of(event, now)}</span></td>"
        f"<td>{written(event.sales_open_at, event.zone)}<small>to {written(event.sales_close_at, event.zone)}</small></td>"
        f"<td>{_sold(figures)}</td></tr>"
    )


def _sold(figures: Row | None) -> str:
    if figures is None:
        return "–"
    sold, capacity = int(figures["sold"]), int(figures["capacity"] or 0)
    return f"{sold:,} of {capacity:,}"


def _show_event(office: Office, event: EventSetup, now: datetime) -> None:
    st.subheader(plain(event.title))
    st.caption(plain(f"{event.local_start:%a %d %b %Y, %H:%M} ({event.zone}) · {state_of(event, now)} · version {event.version}"))
    sales = f"Sales from {written(event.sales_open_at, event.zone)} to {written(event.sales_close_at, event.zone)} ({event.zone})"
    st.markdown(f"{plain(sales)} · {address.link('Figures', address.of_event(str(event.id)))}", unsafe_allow_html=True)
    event_life.show(office, event, now)
    event_window.show(office, event, now)
    event_types.show(office, event, now)
    event_blocks.show(office, event, now)
    event_nights.show(office, event, now)
