"""The dashboards: who is signed in, for which vendor, which page. `ticketing dashboards` runs it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboards.data import STALE_MINUTES, age_minutes, desk, signed_in, snapshot
from dashboards.views import event_sales, overview
from sql.scope import Scope
from sql.snapshot import NoSnapshot
from ticketing.accounts.service import Membership, SignedIn
from ticketing.foundation.ids import new_code

log = logging.getLogger("dashboards")
ICON = str(Path(__file__).parent / "icon.png")


def link(label: str, address: str) -> None:
    """A link that stays in this tab: Streamlit's own open another."""
    st.markdown(f'<a href="{address}" target="_self">{label}</a>', unsafe_allow_html=True)


def choose_vendor(user: SignedIn) -> Membership:
    """The vendor in the address, or the first; a chooser when there are several."""
    by_slug = {membership.slug: membership for membership in user.memberships}
    wanted = st.query_params.get("vendor", "")
    slugs = list(by_slug)
    if len(slugs) == 1:
        return by_slug[slugs[0]]
    index = slugs.index(wanted) if wanted in by_slug else 0
    picked = st.sidebar.selectbox("Vendor", slugs, index=index, format_func=lambda slug: by_slug[slug].name)
    st.query_params["vendor"] = picked
    return by_slug[picked]


def show_freshness() -> None:
    """The instant of the figures, amber when it is old."""
    taken = snapshot().captured_at
    text = f"Data as of {taken:%d %b %Y, %H:%M} UTC"
    if age_minutes(taken) > STALE_MINUTES:
        st.warning(f"{text}: older than {STALE_MINUTES} minutes. Sales go on; the figures will catch up when the roll-up runs again.")
    else:
        st.caption(text)


def guarded(view: Callable[[Scope, str], None], user: SignedIn) -> None:
    """One page for one vendor, with what goes wrong said in words and a reference for the log."""
    membership = choose_vendor(user)
    try:
        show_freshness()
        with st.spinner("Reading the figures …"):
            view(Scope(membership.vendor_id), membership.zone)
    except NoSnapshot:
        st.info("No figures have been published yet. They appear a minute or two after the flows have started.")
    except Exception:
        reference = new_code()
        log.exception("page failed, reference %s", reference)
        st.error(f"This page could not be shown (reference {reference}).")
        st.button("Try again")


def main() -> None:
    st.set_page_config(page_title="Sales", page_icon=ICON, layout="wide")
    shop = desk().settings.public_url
    user = signed_in()
    if user is None:
        st.title("Dashboards")
        st.write("Sign in to see the sales of your events. After signing in you come back here.")
        link("Sign in", f"{shop}/sign-in?for=desk")
        return
    st.sidebar.caption(f"Signed in as {user.display_name}")
    with st.sidebar:
        link("Sign out", f"{shop}/sign-out")
    if not user.memberships:
        st.title("Dashboards")
        st.warning("You are signed in, and no vendor has made you a member. Ask an owner to add you.")
        return
    pages = [
        st.Page(functools.partial(guarded, overview.show, user), title="Overview", url_path="overview", default=True),
        st.Page(functools.partial(guarded, event_sales.show, user), title="Event sales", url_path="event_sales"),
    ]
    st.navigation(pages).run()


main()
