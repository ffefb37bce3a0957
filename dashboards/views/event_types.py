"""One event's ticket types: what is left of each, how many places without a number there are, and when it is sold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import streamlit as st

from dashboards import confirm
from dashboards.data import money
from dashboards.event_states import is_over
from dashboards.figures import plain
from dashboards.moments import instant, wall, written
from dashboards.office import CHANGE_TYPE, READ_TYPES, Office
from ticketing.catalog.changes import EventSetup
from ticketing.inventory.capacity import MOST_PLACES, TicketTypeSetup, change_ticket_type, list_ticket_types
from ticketing.inventory.seatmap import TypeAvailability, availability

AS_EVENT = "as the event"


def show(office: Office, event: EventSetup, now: datetime) -> None:
    """A table, and for members who may change them a form for each."""
    st.subheader("Ticket types")
    with office.acting(READ_TYPES) as acting:
        types = list_ticket_types(acting.session, vendor_ids=acting.own, event_id=event.id).ticket_types
        free = {kind.ticket_type_id: kind for kind in availability(acting.session, event_id=event.id, now=acting.now)}
    if not types:
        st.info("The event has no prices yet. Set them over the API (docs/events.md) before you publish it.")
        return
    st.dataframe([_row(event, kind, free[kind.id]) for kind in types], hide_index=True)
    place = f"types_{event.id}"
    if not is_over(event, now) and office.may(CHANGE_TYPE):
        with st.expander("Change a ticket type"):
            _form(office, event, types, place)
    confirm.show(place)


def _row(event: EventSetup, kind: TicketTypeSetup, free: TypeAvailability) -> dict[str, Any]:
    return {
        "ticket type": kind.name,
        "price": money(kind.price_minor, event.currency),
        "places on sale": free.capacity,
        "free now": free.available,
        "held or sold": free.capacity - free.available,
        "sold from": AS_EVENT if kind.sales_open_at is None else written(kind.sales_open_at, event.zone),
        "sold to": AS_EVENT if kind.sales_close_at is None else written(kind.sales_close_at, event.zone),
    }


def _form(office: Office, event: EventSetup, types: list[TicketTypeSetup], place: str) -> None:
    by_name = {kind.name: kind for kind in types}
    kind = by_name[st.selectbox("Ticket type", list(by_name), key=f"type_{event.id}")]
    key = f"{kind.id}_{kind.version}"
    left, middle, right = st.columns(3)
    capacity = kind.capacity
    if kind.capacity is None:
        left.caption("Its places are seats: block seats to sell fewer.")
    else:
        capacity = left.number_input(
            "Places without a number",
            min_value=0,
            max_value=MOST_PLACES,
            value=kind.capacity,
            step=1,
            key=f"capacity_{key}",
            help=f"{kind.sold or 0:,} are sold and {kind.held or 0:,} held: not below that.",
        )
    with middle:
        opens = _bound(event, "Sold from", kind.sales_open_at, event.sales_open_at, f"opens_{key}")
    with right:
        closes = _bound(event, "Sold to", kind.sales_close_at, event.sales_close_at, f"closes_{key}")
    if not st.button("Change …", key=f"change_type_{event.id}"):
        return

    def changes() -> dict[str, Any]:
        """Only what was touched: what is shown to the minute keeps its seconds."""
        sent: dict[str, Any] = {} if capacity == kind.capacity else {"capacity": capacity}
        for name, entered, before in (
            ("sales_open_at", opens, kind.sales_open_at),
            ("sales_close_at", closes, kind.sales_close_at),
        ):
            if entered != _wall(event, before):
                sent[name] = None if entered is None else instant(entered, event.zone, name=name)
        return sent

    if (capacity, opens, closes) == (kind.capacity, _wall(event, kind.sales_open_at), _wall(event, kind.sales_close_at)):
        confirm.refuse(place, "Nothing is different: change something first.")
        return
    parts = [] if capacity == kind.capacity else [f"{capacity:,} places instead of {kind.capacity:,}"]
    window = f"sold from {_said(opens)} to {_said(closes)}"
    text = f"Change **{plain(kind.name)}**: {plain(', '.join([*parts, window]))}?"
    confirm.ask(place, text, yes="Change", work=_change(office, event, kind, changes), check=changes)


def _bound(event: EventSetup, label: str, own: datetime | None, otherwise: datetime, key: str) -> datetime | None:
    """One end of the window in wall time; None: as the event."""
    if not st.checkbox(f"{label} its own time", value=own is not None, key=f"own_{key}", help="Otherwise as the event."):
        return None
    return st.datetime_input(f"{label} ({event.zone})", value=_wall(event, own or otherwise), key=key)


def _wall(event: EventSetup, at: datetime | None) -> datetime | None:
    return None if at is None else wall(at, event.zone).replace(second=0, microsecond=0)


def _said(at: datetime | None) -> str:
    return AS_EVENT if at is None else f"{at:%a %d %b %Y, %H:%M}"


def _change(office: Office, event: EventSetup, kind: TicketTypeSetup, changes: Callable[[], dict[str, Any]]) -> Callable[[], str]:
    def work() -> str:
        with office.acting(CHANGE_TYPE) as acting:
            change_ticket_type(
                acting.session, event_id=event.id, ticket_type_id=kind.id, version=kind.version, changes=changes(), **acting.who
            )
        return f"{plain(kind.name)} is changed."

    return work
