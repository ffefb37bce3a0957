"""Venues: a vendor's own and the shared ones, and how each is set up."""

from __future__ import annotations

from html import escape
from uuid import UUID

import streamlit as st

from dashboards import address, confirm
from dashboards.figures import plain
from dashboards.office import READ_VENUES, Acting, Office
from dashboards.views import layouts, reseatings
from ticketing.catalog import venues
from ticketing.catalog.venues import VenueView
from ticketing.foundation.errors import NotFound, TicketingError

HEAD = '<tr><th scope="col">Venue</th><th scope="col">City</th><th scope="col">Time zone</th><th scope="col">Whose</th></tr>'
PAGE = 100


def show(office: Office) -> None:
    """The list, or the venue that the address names."""
    st.title("Venues")
    try:
        with office.acting(READ_VENUES) as acting:
            if "venue" not in st.query_params:
                _show_list(acting)
                return
            venue = _find(acting, st.query_params["venue"])
            found = venues.list_configurations(acting.session, vendor_ids=acting.own, venue_id=venue.id).configurations if venue else []
    except TicketingError as problem:
        st.error(confirm.describe(problem))
        return
    st.markdown(address.link("← All venues", address.of("venues")), unsafe_allow_html=True)
    if venue is None:
        st.error("There is no such venue among yours.")
        return
    st.subheader(plain(venue.name))
    st.caption(plain(f"{venue.city} · times in {venue.zone} · {_whose(venue)}"))
    if not found:
        st.info("You have not set this venue up yet. Add a configuration over the API (docs/venues.md), then upload its plan here.")
    for configuration in found:
        layouts.show(office, configuration, venue.zone)
    reseatings.show(office, found, venue.zone)


def _find(acting: Acting, wanted: str) -> VenueView | None:
    try:
        return venues.read_venue(acting.session, vendor_ids=acting.own, venue_id=UUID(wanted))
    except (ValueError, NotFound):
        return None


def _show_list(acting: Acting) -> None:
    """Page by page: the address says after which venue."""
    try:
        after = UUID(st.query_params["after"]) if "after" in st.query_params else None
    except ValueError:
        after = None
    found = venues.list_venues(acting.session, vendor_ids=acting.own, after=after, limit=PAGE)
    if not found.venues:
        st.info("There are no venues yet. Add one over the API (docs/venues.md).")
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
