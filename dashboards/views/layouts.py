"""One configuration of a venue: its dated versions, a new one from a seating plan, and publishing a draft."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import streamlit as st

from dashboards import confirm
from dashboards.figures import plain
from dashboards.moments import instant, wall, written
from dashboards.office import DRAFT_LAYOUT, PUBLISH_LAYOUT, Office
from ticketing.catalog.layouts import draft_layout
from ticketing.catalog.plan import PlanRefused, SeatingPlan, read_plan
from ticketing.catalog.venues import ConfigurationView, LayoutSummary
from ticketing.edge import MOST_PLAN_BYTES
from ticketing.foundation.clock import utc_now
from ticketing.reseating.service import PublishedLayout, publish_new_version

MEBIBYTE = 1024 * 1024


def show(office: Office, configuration: ConfigurationView, zone: str) -> None:
    """Its versions, newest first; uploading and publishing for members who may. `zone` is the venue's."""
    st.markdown(f"#### {plain(configuration.name)}")
    st.caption(configuration.kind.value.capitalize())
    if configuration.layouts:
        st.dataframe([_row(layout, zone) for layout in configuration.layouts], hide_index=True)
    else:
        st.caption("No seating plan yet.")
    place = f"layouts_{configuration.id}"
    if office.may(PUBLISH_LAYOUT):
        for draft in (layout for layout in configuration.layouts if layout.published_at is None):
            if st.button(f"Publish version {draft.version} …", key=f"publish_{draft.id}"):
                text = (
                    f"Publish version {draft.version} of **{plain(configuration.name)}**? New events can be made in it from"
                    f" {written(draft.valid_from, zone)} on. Coming events keep their layout; those that would lose seats are named."
                )
                confirm.ask(place, text, yes="Publish", work=_publish(office, draft, zone))
    confirm.show(place)
    place = f"upload_{configuration.id}"
    if office.may(DRAFT_LAYOUT):
        with st.expander("Upload a seating plan"):
            _upload(office, configuration, zone, place)
    confirm.show(place)


def _row(layout: LayoutSummary, zone: str) -> dict[str, Any]:
    return {
        "version": layout.version,
        "plan": layout.name,
        "state": "draft" if layout.published_at is None else f"published {written(layout.published_at, zone)}",
        f"in force from ({zone})": written(layout.valid_from, zone),
        "seats": layout.seat_count,
        "standing places": layout.standing_capacity,
    }


def _publish(office: Office, draft: LayoutSummary, zone: str) -> Callable[[], str]:
    def work() -> str:
        with office.acting(PUBLISH_LAYOUT) as acting:
            published = publish_new_version(acting.session, layout_id=draft.id, **acting.who)
        return _told(published, zone)

    return work


def _told(published: PublishedLayout, zone: str) -> str:
    """What publishing a version means for the coming events."""
    text = f"Version {published.layout.version} is published."
    if not published.conflicts:
        return f"{text} No coming event loses anything."
    lines = [
        f"\n- {plain(event.title)}, {written(event.starts_at, zone)}: {event.sold} sold and {event.held} held seats are gone;"
        f" {event.groups} groups have to move, {event.unplaced} of them have nowhere to go"
        for event in published.conflicts
    ]
    return f"{text} These coming events lose seats or places. Decide on their plans below:\n" + "".join(lines)


def _upload(office: Office, configuration: ConfigurationView, zone: str, place: str) -> None:
    key = f"{configuration.id}_{len(configuration.layouts)}"
    file = st.file_uploader("Seating plan (JSON)", type="json", max_upload_size=MOST_PLAN_BYTES // MEBIBYTE, key=f"plan_{key}")
    now = wall(utc_now(), zone).replace(second=0, microsecond=0)
    if f"now_{key}" not in st.session_state:
        st.session_state[f"now_{key}"] = now
    start = st.datetime_input(f"In force from ({zone})", value=st.session_state[f"now_{key}"], key=f"from_{key}")
    if not st.button("Make a draft …", key=f"draft_{configuration.id}", disabled=file is None) or file is None:
        return
    if file.size > MOST_PLAN_BYTES:
        confirm.refuse(place, f"The file is larger than {MOST_PLAN_BYTES // MEBIBYTE} MiB.")
        return
    try:
        plan = read_plan(file.getvalue())
    except PlanRefused as problem:
        confirm.refuse(place, problem)
        return
    text = (
        f"Make the next version of **{plain(configuration.name)}** from “{plain(plan.name)}”, with {plan.seat_count:,} seats and"
        f" {plan.standing_capacity:,} standing places? It stays a draft until you publish it."
    )
    confirm.ask(place, text, yes="Make a draft", work=_draft(office, configuration, plan, start, zone), check=lambda: _from(start, zone))


def _from(start: datetime, zone: str) -> datetime:
    return instant(start, zone, name="valid_from")


def _draft(office: Office, configuration: ConfigurationView, plan: SeatingPlan, start: datetime, zone: str) -> Callable[[], str]:
    def work() -> str:
        with office.acting(DRAFT_LAYOUT) as acting:
            layout = draft_layout(
                acting.session,
                vendor_ids=acting.own,
                configuration_id=configuration.id,
                plan=plan,
                valid_from=_from(start, zone),
                actor_id=acting.actor_id,
            )
        return f"Version {layout.version} is there as a draft."

    return work
