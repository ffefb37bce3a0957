"""Venues: a vendor's own and the shared ones, and how each is set up."""

from __future__ import annotations

from html import escape
from uuid import UUID

import streamlit as st

from dashboards import address, confirm
from dashboards.figures import plain
from dashboards.office import READ_VENUES, Acting, Office
from dashboards.views import layouts, reseatings, venue_forms
from ticketing.catalog import venues
from ticketing.catalog.venues import VenueView
from ticketing.foundation.errors import NotFound, TicketingError

HEAD = '<tr><th scope="col">Venue</th><th scope="col">City</th><th scope="col">Time zone</th><th scope="col">Whose</th></tr>'
PAGE = 100


def show(office: Office, zone: str) -> None:
    """The list, or the venue that the address names. `zone` is the vendor's; venues have their own."""
    st.title("Venues")
    try:
        if "venue" in st.query_params:
            _show_venue(office, st.query_params["venue"])
        else:
            _show_list(office)
            venue_forms.show_new_venue(office, zone)
    except TicketingError as problem:
        st.error(confirm.describe(problem))


def _show_venue(office: Office, wanted: str) -> None:
    with office.acting(READ_VENUES) as acting:
        venue = _find(acting, wanted)
        found = venues.list_configurations(acting.session, vendor_ids=acting.own, venue_id=venue.id).configurations if venue else []
    st.markdown(address.link("← All venues", address.of("venues")), unsafe_allow_html=True)
    if venue is None:
        st.error("There is no such venue among yours.")
        return
    st.subheader(plain(venue.name))
    st.caption(plain(f"{venue.city} · times in {venue.zone} · {_whose(venue)}"))
    if not found:
        st.info("You have not set this venue up yet: add a configuration, then upload its seating plan.")
    for configuration in found:
        layouts.show(office, configuration, venue.zone)
    reseatings.show(office, found, venue.zone)
    venue_forms.show_new_configuration(office, venue)


def _find(acting: Acting, wanted: str) -> VenueView | None:
    try:
        return venues.read_venue(acting.session, vendor_ids=acting.own, venue_id=UUID(wanted))
    except (ValueError, NotFound):
        return None


def _show_list(office: Office) -> None:
    """Page by page: the address says after which venue."""
    try:
        after = UUID(st.query_params["after"]) if "after" in st.query_params else None
    except ValueError:
        after = None
    with office.acting(READ_VENUES) as acting:
        found = venues.list_venues(acting.session, vendor_ids=acting.own, after=after, limit=PAGE)
    if not found.venues:
        st.info("There are no venues yet.")
        return
    body = "".join(_row(venue) for venue in found.venues)
    table = f"<div class=desk-scroll><table class=desk-events><thead>{HEAD}</thead><tbody>{body}</tbody></table></div>"
    st.markdown(table, unsafe_allow_html=True)
    if found.next_cursor is not None:
        st.markdown(address.link("More venues →", address.of("venues", after=str(found.next_cursor))), unsafe_allow_html=True)


def _row(venue: VenueView) -> str:
    link = address.link(venue.name, address.of("venues", venue=str(venue.id)))
    return f"<tr><td>{link}</td><td>{escape(venue.city)}</td><td>{escape(venue.zone)}</td><td>{_whose(venue)}</td></tr>"


def _whose(venue: VenueView) -> str:
    return "shared" if venue.vendor_id is None else "your own"
