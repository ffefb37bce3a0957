"""When one event is on sale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from dashboards import confirm
from dashboards.event_states import is_over
from dashboards.figures import plain
from dashboards.moments import instant, wall
from dashboards.office import CHANGE_EVENT, Office
from ticketing.catalog.changes import EventSetup, change_own_event


def show(office: Office, event: EventSetup, now: datetime) -> None:
    """A form for members who may change the event."""
    place = f"window_{event.id}"
    if not is_over(event, now) and office.may(CHANGE_EVENT):
        with st.expander("Change the sales window"):
            _form(office, event, place)
    confirm.show(place)


def _form(office: Office, event: EventSetup, place: str) -> None:
    left, right = st.columns(2)
    key = f"{event.id}_{event.version}"
    before = {name: wall(getattr(event, name), event.zone).replace(second=0, microsecond=0) for name in ("sales_open_at", "sales_close_at")}
    entered = {
        "sales_open_at": left.datetime_input(f"Sales open ({event.zone})", value=before["sales_open_at"], key=f"window_from_{key}"),
        "sales_close_at": right.datetime_input(f"Sales close ({event.zone})", value=before["sales_close_at"], key=f"window_to_{key}"),
    }
    if not st.button("Change the window …", key=f"ask_window_{event.id}"):
        return
    touched = {name: at for name, at in entered.items() if at != before[name]}  # what is shown to the minute keeps its seconds
    if not touched:
        confirm.refuse(place, "Nothing is different: change something first.")
        return

    def changes() -> dict[str, datetime]:
        return {name: instant(at, event.zone, name=name) for name, at in touched.items()}

    first, last = (f"{at:%a %d %b %Y, %H:%M}" for at in entered.values())
    text = f"Sell **{plain(event.title)}** from {first} to {last}?"
    confirm.ask(place, text, yes="Change the window", work=_change(office, event, changes), check=changes)


def _change(office: Office, event: EventSetup, changes: Callable[[], dict[str, datetime]]) -> Callable[[], str]:
    def work() -> str:
        with office.acting(CHANGE_EVENT) as acting:
            change_own_event(
                acting.session,
                vendor_ids=acting.own,
                event_id=event.id,
                version=event.version,
                changes=changes(),
                artists=None,
                prices=None,
                actor_id=acting.actor_id,
            )
        return "The sales window is changed."

    return work
