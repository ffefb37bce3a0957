"""Reseating plans that wait for their vendor: what would move where, applied or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboards import confirm
from dashboards.figures import plain
from dashboards.moments import written
from dashboards.office import APPLY_PLAN, PROPOSE_PLAN, READ_PLANS, REFUSE_PLAN, Office
from ticketing.catalog.changes import EventSetup, read_own_event
from ticketing.catalog.venues import ConfigurationView
from ticketing.foundation.ids import new_id
from ticketing.reseating.apply import apply_patiently
from ticketing.reseating.service import (
    MOST_SHOWN,
    ReseatingView,
    SeatName,
    list_open_reseatings,
    propose_reseating,
    refuse_reseating,
)


def show(office: Office, configurations: Sequence[ConfigurationView], zone: str) -> None:
    """Plans for the layouts of these configurations, for members who decide on them; nothing for others."""
    if not configurations:
        return
    place = f"plans_{office.vendor_id}_{configurations[0].venue_id}"
    if office.may(READ_PLANS):
        st.markdown("#### Reseating plans")
        confirm.show(place)
        _show_plans(office, configurations, zone, place)
    else:
        confirm.show(place)


def _show_plans(office: Office, configurations: Sequence[ConfigurationView], zone: str, place: str) -> None:
    layouts = {layout.id: (configuration, layout) for configuration in configurations for layout in configuration.layouts}
    with office.acting(READ_PLANS) as acting:
        plans = list_open_reseatings(acting.session, vendor_ids=acting.own, to_layout_ids=list(layouts)).reseatings
        events = {plan.event_id: read_own_event(acting.session, vendor_ids=acting.own, event_id=plan.event_id) for plan in plans}
    if not plans:
        st.caption("No plan waits for you.")
    for plan in plans:
        event = events[plan.event_id]
        configuration, layout = layouts[plan.to_layout_id]
        title = f"{event.title}, {event.local_start:%a %d %b %Y, %H:%M} → {configuration.name}, version {layout.version}"
        with st.expander(plain(title), expanded=len(plans) == 1):
            _show_plan(office, plan, event, zone, place)
    if len(plans) == MOST_SHOWN:
        st.caption(f"These are the newest {MOST_SHOWN} plans; others follow when they are decided.")


def _show_plan(office: Office, plan: ReseatingView, event: EventSetup, zone: str, place: str) -> None:
    unplaced = sum(group.unplaced is not None for group in plan.groups)
    st.markdown(
        f"Gone in the newer layout: {plan.priced:,} places with a price, of them {plan.sold:,} sold and {plan.held:,} held."
        f" {len(plan.groups):,} groups have to move; {unplaced:,} have nowhere to go. Proposed {written(plan.proposed_at, zone)}."
    )
    for short in plan.standing:
        st.warning(f"{plain(short.name)}: {short.taken:,} places are taken, and the newer layout has {short.capacity:,}.")
    if plan.unpriced:
        st.caption(plain(f"Without a price, and so blocked for the house: {', '.join(plan.unpriced)}"))
    if plan.groups:
        st.dataframe(_moves(plan), hide_index=True)
    name = f"**{plain(event.title)}**"
    columns = st.columns([2, 2, 2, 3])
    here = f"plan_{plan.id}"
    if office.may(APPLY_PLAN) and columns[0].button("Apply …", key=f"apply_{plan.id}"):
        text = f"Move {name} to its newer layout? Its tickets get the seats of the plan, and their buyers are told."
        confirm.ask(here, text, yes="Apply", work=_apply(office, plan), told=place)
    if office.may(REFUSE_PLAN) and columns[1].button("Refuse …", key=f"refuse_{plan.id}"):
        text = f"Refuse the plan? {name} keeps the layout it has."
        confirm.ask(here, text, yes="Refuse", work=_refuse(office, plan), told=place)
    if office.may(PROPOSE_PLAN) and columns[2].button("Plan again …", key=f"propose_{plan.id}"):
        text = f"Make a new plan for {name} from what is sold and free now? It takes the place of this one."
        confirm.ask(here, text, yes="Plan again", work=_propose(office, plan), told=place)
    confirm.show(here)


def _moves(plan: ReseatingView) -> list[dict[str, Any]]:
    return [
        {
            "group": number,
            "ticket": ticket.code,
            "from": _seat(ticket.from_seat),
            "to": "–" if ticket.to_seat is None else _seat(ticket.to_seat),
            "why not": "" if group.unplaced is None else group.unplaced.value.replace("_", " "),
        }
        for number, group in enumerate(plan.groups, start=1)
        for ticket in group.tickets
    ]


def _seat(seat: SeatName) -> str:
    return f"{seat.section}, row {seat.row}, seat {seat.seat} ({seat.category})"


def _apply(office: Office, plan: ReseatingView) -> Callable[[], str]:
    key = str(new_id())  # one for each question: however often its answer arrives, the plan is applied once
    digest = hashlib.sha256(f"POST /api/reseatings/{plan.id}/apply".encode()).digest()

    def work() -> str:
        actor_id = office.caller(APPLY_PLAN).user_id
        apply_patiently(office.database, vendor_ids=[office.vendor_id], reseating_id=plan.id, key=key, digest=digest, actor_id=actor_id)
        return "The event is in its newer layout, and whoever moves is told."

    return work


def _refuse(office: Office, plan: ReseatingView) -> Callable[[], str]:
    def work() -> str:
        with office.acting(REFUSE_PLAN) as acting:
            refuse_reseating(acting.session, reseating_id=plan.id, **acting.who)
        return "The plan is refused: the event keeps its layout."

    return work


def _propose(office: Office, plan: ReseatingView) -> Callable[[], str]:
    def work() -> str:
        with office.acting(PROPOSE_PLAN) as acting:
            propose_reseating(acting.session, event_id=plan.event_id, **acting.who)
        return "There is a new plan."

    return work
