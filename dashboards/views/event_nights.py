"""The same show on another night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from html import escape

import streamlit as st

from dashboards import address, confirm
from dashboards.entered import checked
from dashboards.figures import plain
from dashboards.moments import instant, wall
from dashboards.office import CLONE, Office
from ticketing.catalog.changes import EventSetup
from ticketing.catalog.rules import check_start
from ticketing.catalog.service import LONGEST_TITLE
from ticketing.inventory.clone import OtherNight
from ticketing.inventory.life_schemas import CloneBody
from ticketing.waitingroom.clone import clone_night


def show(office: Office, event: EventSetup, now: datetime) -> None:
    """A form for members who may clone; nothing for others."""
    place = f"clone_{event.id}"
    if office.may(CLONE):
        with st.expander("Clone to another night"):
            _form(office, event, now, place)
    confirm.show(place)


def _form(office: Office, event: EventSetup, now: datetime, place: str) -> None:
    left, middle, right = st.columns(3)
    usual = max(event.local_start, wall(now, event.zone)) + timedelta(days=1)
    first = datetime.combine(usual.date(), event.local_start.time())
    key = f"{event.id}_{event.version}"
    start = left.datetime_input(f"Start ({event.zone})", value=first, key=f"night_{key}", help="What clocks at the venue will show.")
    title = middle.text_input("Title", value=event.title, max_chars=LONGEST_TITLE, key=f"night_title_{key}")
    opens = right.datetime_input(
        f"Sales open ({event.zone})", value=wall(event.sales_open_at, event.zone).replace(second=0, microsecond=0), key=f"night_open_{key}"
    )
    if not st.button("Clone …", key=f"night_ask_{event.id}"):
        return

    def night() -> OtherNight:
        check_start(start, event.zone)
        body = checked(CloneBody, local_start=start, title=title, sales_open_at=instant(opens, event.zone, name="sales_open_at"))
        return OtherNight(body.local_start, body.title, body.sales_open_at)

    text = (
        f"Make a draft like **{plain(event.title)}** for {start:%a %d %b %Y, %H:%M}? It has the same layout, prices, capacities and"
        " blocks, and nothing sold."
    )
    confirm.ask(place, text, yes="Clone", work=_clone(office, event, night), check=night)


def _clone(office: Office, event: EventSetup, night: Callable[[], OtherNight]) -> Callable[[], str]:
    to = address.of("events", event="")

    def work() -> str:
        with office.acting(CLONE) as acting:
            made = clone_night(acting.session, event_id=event.id, night=night(), **acting.who)
        return f"There is a draft for {made.local_start:%a %d %b %Y, %H:%M}: [open it]({escape(to)}{made.id})."

    return work
