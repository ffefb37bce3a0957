"""Adding a venue, and a way to set one up."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboards import confirm
from dashboards.entered import checked
from dashboards.figures import plain
from dashboards.office import ADD_CONFIGURATION, ADD_VENUE, Office
from ticketing.catalog.rules import ConfigurationKind
from ticketing.catalog.venue_schemas import LONGEST_NAME, ConfigurationBody, VenueBody
from ticketing.catalog.venues import VenueView, add_configuration, add_venue

KINDS = {
    ConfigurationKind.SEATED: "seats only",
    ConfigurationKind.STANDING: "standing places only",
    ConfigurationKind.MIXED: "seats and standing places",
}


def show_new_venue(office: Office, zone: str) -> None:
    """A form for members who may add venues; `zone` is what it starts with."""
    place = f"new_venue_{office.vendor_id}"
    if office.may(ADD_VENUE):
        with st.expander("Add a venue"):
            left, middle, country_part, right = st.columns([3, 3, 1, 2])
            name = left.text_input("Name", max_chars=LONGEST_NAME, key="venue_name")
            city = middle.text_input("City", max_chars=LONGEST_NAME, key="venue_city")
            country = country_part.text_input("Country", max_chars=2, key="venue_country", help="Two letters, as in DE; may be empty.")
            zone = right.text_input("Time zone", value=zone, max_chars=64, key="venue_zone", help="As in Europe/Berlin.")

            def body() -> VenueBody:
                return checked(VenueBody, name=name, city=city, country=country.upper() or None, zone=zone)

            if st.button("Add the venue …", key="ask_venue"):
                text = f"Add **{plain(name)}** in {plain(city)}?"
                confirm.ask(place, text, yes="Add the venue", work=_add_venue(office, body), check=body)
    confirm.show(place)


def _add_venue(office: Office, body: Callable[[], VenueBody]) -> Callable[[], str]:
    def work() -> str:
        new = body()
        with office.acting(ADD_VENUE) as acting:
            made = add_venue(
                acting.session,
                vendor_id=office.vendor_id,
                name=new.name,
                city=new.city,
                country=new.country,
                zone_name=new.zone,
                actor_id=acting.actor_id,
            )
        return f"{plain(made.name)} is there."

    return work


def show_new_configuration(office: Office, venue: VenueView) -> None:
    """A form for members who may add a way to set this venue up."""
    place = f"new_configuration_{office.vendor_id}_{venue.id}"
    if office.may(ADD_CONFIGURATION):
        with st.expander("Add a configuration"):
            left, right = st.columns(2)
            name = left.text_input("Name", max_chars=LONGEST_NAME, key=f"configuration_name_{venue.id}")
            kind = right.selectbox("Holds", list(KINDS), format_func=KINDS.__getitem__, key=f"configuration_kind_{venue.id}")

            def body() -> ConfigurationBody:
                return checked(ConfigurationBody, name=name, kind=kind)

            if st.button("Add the configuration …", key=f"ask_configuration_{venue.id}"):
                text = f"Add the configuration **{plain(name)}** with {KINDS[kind]}?"
                confirm.ask(place, text, yes="Add the configuration", work=_add_configuration(office, venue, body), check=body)
    confirm.show(place)


def _add_configuration(office: Office, venue: VenueView, body: Callable[[], ConfigurationBody]) -> Callable[[], str]:
    def work() -> str:
        new = body()
        with office.acting(ADD_CONFIGURATION) as acting:
            made = add_configuration(
                acting.session,
                vendor_ids=acting.own,
                vendor_id=office.vendor_id,
                venue_id=venue.id,
                name=new.name,
                kind=new.kind,
                actor_id=acting.actor_id,
            )
        return f"{plain(made.name)} is there: upload its seating plan."

    return work
