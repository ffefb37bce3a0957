"""Charts as Vega-Lite dicts: each with a sentence that says what it shows, and its numbers as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

HEIGHT = 260
SOLD = "#5b58c4"
LIMIT = "#b26a00"


def show(reading: str, frame: pd.DataFrame, spec: dict[str, Any], *, table: pd.DataFrame | None = None) -> None:
    """The sentence, the chart, the table behind it."""
    st.markdown(f"**{reading}**")
    st.vega_lite_chart(frame, {"height": HEIGHT, "config": {"view": {"stroke": None}}, **spec}, width="stretch")
    with st.expander("Show as table"):
        st.dataframe(frame if table is None else table, hide_index=True, width="stretch")


def per_day(value: str, title: str) -> dict[str, Any]:
    """Bars by day."""
    return {
        "mark": {"type": "bar", "color": SOLD, "tooltip": True},
        "encoding": {
            "x": {"field": "day", "type": "temporal", "timeUnit": "utcyearmonthdate", "title": None},
            "y": {"field": value, "type": "quantitative", "title": title},
        },
    }


def pacing(capacity: int) -> dict[str, Any]:
    """Tickets sold so far as a line, under the capacity as a dashed one."""
    return {
        "layer": [
            {
                "mark": {"type": "line", "color": SOLD, "interpolate": "step-after", "tooltip": True, "strokeWidth": 2.5},
                "encoding": {
                    "x": {"field": "day", "type": "temporal", "title": None},
                    "y": {"field": "sold_cumulative", "type": "quantitative", "title": "tickets"},
                },
            },
            {
                "mark": {"type": "rule", "color": LIMIT, "strokeDash": [6, 4], "tooltip": True},
                "encoding": {"y": {"datum": capacity, "type": "quantitative"}},
            },
        ]
    }


def by_name(name: str, value: str, title: str) -> dict[str, Any]:
    """Horizontal bars, in the order of the frame."""
    return {
        "mark": {"type": "bar", "color": SOLD, "tooltip": True},
        "encoding": {
            "y": {"field": name, "type": "nominal", "sort": None, "title": None},
            "x": {"field": value, "type": "quantitative", "title": title},
        },
    }
