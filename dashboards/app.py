"""The dashboards: who is signed in, for which vendor, which page. `ticketing dashboards` runs it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboards import address
from dashboards.data import Published, desk, newest, session_token, signed_in
from dashboards.figures import plain, show_freshness
from dashboards.office import Office
from dashboards.views import event_sales, events, overview, venues
from sql.scope import Scope
from sql.snapshot import NoSnapshot
from ticketing.accounts.sessions import Membership, SignedIn
from ticketing.foundation.ids import new_code

log = logging.getLogger("dashboards")
HERE = Path(__file__).parent
View = Callable[[Published, str], None]


def link(label: str, target: str) -> None:
    """A link that stays in this tab: Streamlit's own open another."""
    st.markdown(f'<a href="{target}" target="_self">{label}</a>', unsafe_allow_html=True)


def choose_vendor(user: SignedIn) -> Membership | None:
    """The vendor in the address, or the last one looked at, or the first; None when the address names one that isn't theirs."""
    by_slug = {membership.slug: membership for membership in user.memberships}
    slugs = list(by_slug)
    last = st.session_state.get("vendor")
    default = last if last in by_slug else slugs[0]
    if len(slugs) > 1:
        chosen = address.select("Vendor", "vendor", slugs, default=default, shown=lambda slug: by_slug[slug].name, hint="Choose")
    else:
        chosen = address.read("vendor", slugs, default=default)
    if chosen is None:
        return None
    st.session_state["vendor"] = chosen
    if len(slugs) > 1:
        st.query_params["vendor"] = chosen  # the page's menu drops it from the address
    return by_slug[chosen]


def show_page(view: View, membership: Membership) -> None:
    """One page for one vendor."""
    try:
        published = newest(Scope(membership.vendor_id))
    except NoSnapshot:
        st.title("No figures yet")
        st.info("Nothing has been published so far. Figures appear a minute or two after the flows have started.")
        st.button("Look again")
        return
    show_freshness(published, membership.zone)
    with st.spinner("Reading the figures …", show_time=True):
        view(published, membership.zone)


def show_desk() -> None:
    """What the person at the other end may see."""
    shop = desk().settings.public_url
    user = signed_in()
    if user is None:
        st.title("Dashboards")
        st.write("Sign in to see the sales of your events. After signing in you come back here.")
        link("Sign in", f"{shop}/sign-in?for=desk")
        return
    if not user.memberships:
        st.title("No permission")
        st.warning("You are signed in, and no vendor has made you a member, so there are no sales to show. Ask an owner to add you.")
        link("Sign out", f"{shop}/sign-out")
        return
    with st.sidebar:
        membership = choose_vendor(user)
        if membership is not None and len(user.memberships) == 1:
            st.markdown(f"**{plain(membership.name)}**")
        st.caption(f"Signed in as {plain(user.display_name)}")
        link("Sign out", f"{shop}/sign-out")
    if membership is None:
        st.title("No permission")
        st.warning("There is no such vendor among those that have made you a member. Open the dashboards without it in the address.")
        link("Open the dashboards", "/")
        return
    office = Office(desk().database, session_token() or "", membership.vendor_id)
    pages = [
        st.Page(functools.partial(show_page, overview.show, membership), title="Overview", url_path="overview", default=True),
        st.Page(functools.partial(show_page, event_sales.show, membership), title="Event sales", url_path="event_sales"),
        st.Page(functools.partial(events.show, office, membership.zone), title="Events", url_path="events"),
        st.Page(functools.partial(venues.show, office, membership.zone), title="Venues", url_path="venues"),
    ]
    st.navigation(pages).run()


def main() -> None:
    st.set_page_config(page_title="Sales", page_icon=str(HERE / "icon.png"), layout="wide")
    st.html(HERE / "style.css")
    try:
        show_desk()
    except Exception:
        reference = new_code()
        log.exception("page failed, reference %s", reference)
        st.error(f"This page could not be shown. If it stays so, tell the operator this reference: {reference}.")
        st.button("Try again")


main()
