"""Choices that live in the address: a page's link, sent to somebody else, shows them the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import urlencode

import streamlit as st


def read(name: str, options: Sequence[str], *, default: str | None) -> str | None:
    """The option that the address names; `default` when it names none, None when it names something else."""
    if name not in st.query_params:
        return default
    wanted = st.query_params[name]
    return wanted if wanted in options else None


def bind(name: str, chosen: str | None) -> tuple[str, Callable[[], None]]:
    """Key and `on_change` of a widget that shows `chosen` and writes what is picked into the address.

    The address is the truth: a widget that remembered by itself would disagree with a link that is opened later.
    """
    key = f"address_{name}"
    st.session_state[key] = chosen

    def write() -> None:
        picked = st.session_state[key]
        if picked is not None:
            st.query_params[name] = picked

    return key, write


def select(label: str, name: str, options: Sequence[str], *, default: str | None, shown: Callable[[str], str], hint: str) -> str | None:
    """A list to choose from, kept in the address."""
    chosen = read(name, options, default=default)
    key, write = bind(name, chosen)
    nothing = None if chosen is None else 0  # with None it could be cleared, and there is no page of nothing
    st.selectbox(label, options, index=nothing, key=key, on_change=write, format_func=shown, placeholder=hint)
    return chosen


def switch(label: str, name: str, options: Sequence[str], *, default: str, shown: Callable[[str], str], hint: str | None = None) -> str:
    """A few options side by side, kept in the address."""
    chosen = read(name, options, default=default) or default
    key, write = bind(name, chosen)
    st.segmented_control(label, options, key=key, on_change=write, format_func=shown, help=hint, required=True)
    return chosen


def of_event(event_id: str) -> str:
    """The address of an event's sales, for the vendor that is looked at now."""
    return of("event_sales", event=event_id)


def of(page: str, **chosen: str) -> str:
    """The address of a page with what is chosen there, for the vendor that is looked at now."""
    vendor = {"vendor": st.query_params["vendor"]} if "vendor" in st.query_params else {}
    return f"{page}?{urlencode({**vendor, **chosen})}"


def link(label: str, target: str) -> str:
    """HTML of a link that stays in this tab: Streamlit's own open another."""
    return f'<a href="{escape(target)}" target="_self">{escape(label)}</a>'
