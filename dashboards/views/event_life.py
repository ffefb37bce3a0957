"""One event's sales and time: published, closed, reopened, moved to another time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from dashboards import confirm
from dashboards.event_states import is_over
from dashboards.figures import plain
from dashboards.moments import instant, written
from dashboards.office import CLOSE, POSTPONE, PUBLISH, REOPEN, Office
from ticketing.catalog import life
from ticketing.catalog.changes import EventSetup, lock_own_event
from ticketing.catalog.rules import EventStatus, check_start
from ticketing.inventory.publish import publish_event


def show(office: Office, event: EventSetup, now: datetime) -> None:
    """What can be done with the event's sales as it stands now; nothing for members who may not."""
    place = f"sales_{event.id}"
    if not is_over(event, now) and office.may(PUBLISH):
        _sales_buttons(office, event, place, now)
    confirm.show(place)
    place = f"time_{event.id}"
    if event.status in (EventStatus.PUBLISHED, EventStatus.POSTPONED) and not is_over(event, now) and office.may(POSTPONE):
        with st.expander("Postpone", expanded=False):
            _postpone(office, event, place)
    confirm.show(place)


def _sales_buttons(office: Office, event: EventSetup, place: str, now: datetime) -> None:
    name = f"**{plain(event.title)}**"
    if event.status is EventStatus.DRAFT:
        if st.button("Publish …", key=f"publish_{event.id}"):
            text = f"Publish {name}? Buyers can see it, and its time, prices and refunds are fixed from then on."
            confirm.ask(place, text, yes="Publish", work=_publish(office, event))
    elif event.status is EventStatus.POSTPONED or event.sales_paused_at is not None:
        if st.button("Reopen sales …", key=f"reopen_{event.id}"):
            confirm.ask(place, f"Sell {name} again?", yes="Reopen sales", work=_reopen(office, event))
    elif event.sales_close_at > now and st.button("Close sales …", key=f"close_{event.id}"):
        text = f"Sell nothing more of {name} for the time being? Buyers who hold places may still pay for them."
        confirm.ask(place, text, yes="Close sales", work=_close(office, event))


def _publish(office: Office, event: EventSetup) -> Callable[[], str]:
    def work() -> str:
        with office.acting(PUBLISH) as acting:
            lock_own_event(acting.session, vendor_ids=acting.own, event_id=event.id, version=event.version)
            publish_event(acting.session, event_id=event.id, now=acting.now, actor_id=acting.actor_id)
        return "Published."

    return work


def _close(office: Office, event: EventSetup) -> Callable[[], str]:
    def work() -> str:
        with office.acting(CLOSE) as acting:
            life.close_sales(acting.session, event_id=event.id, version=event.version, **acting.who)
        return "Sales are closed."

    return work


def _reopen(office: Office, event: EventSetup) -> Callable[[], str]:
    def work() -> str:
        with office.acting(REOPEN) as acting:
            life.reopen_sales(acting.session, event_id=event.id, version=event.version, **acting.who)
        return "Sales are open again."

    return work


def _postpone(office: Office, event: EventSetup, place: str) -> None:
    left, right = st.columns(2)
    start = left.datetime_input(
        f"New start ({event.zone})",
        value=event.local_start,
        key=f"start_{event.id}_{event.version}",
        help="What clocks at the venue will show.",
    )
    end = right.datetime_input(
        f"New end of sales ({event.zone})",
        value=None,
        key=f"end_{event.id}_{event.version}",
        help="Left empty: sales that end with the start move along, others keep their end.",
    )
    if not st.button("Postpone …", key=f"postpone_{event.id}"):
        return

    def check() -> None:
        check_start(start, event.zone)
        _new_end(event, end)

    text = (
        f"Move **{plain(event.title)}** from {event.local_start:%a %d %b %Y, %H:%M} to {start:%a %d %b %Y, %H:%M}?"
        " Everybody who has a ticket is told. Tickets stay valid; nothing is sold until you reopen sales."
    )
    confirm.ask(place, text, yes="Postpone", work=_move(office, event, start, end), check=check)


def _new_end(event: EventSetup, end: datetime | None) -> datetime | None:
    return None if end is None else instant(end, event.zone, name="sales_close_at")


def _move(office: Office, event: EventSetup, start: datetime, end: datetime | None) -> Callable[[], str]:
    def work() -> str:
        new_time = life.NewTime(start, sales_close_at=_new_end(event, end))
        with office.acting(POSTPONE) as acting:
            moved = life.postpone_event(acting.session, event_id=event.id, version=event.version, new_time=new_time, **acting.who)
        return f"Moved to {plain(written(moved.starts_at, moved.zone))}. Reopen sales when you are ready."

    return work
