"""Charts as Vega-Lite dicts: each with a sentence that says what it shows, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards.data import Row
from dashboards.figures import plain

HEIGHT = 270
ROW_HEIGHT = 32
SHORTEST = 14
"""Days."""
SOLD = "#7572d8"
LIMIT = "#c27a12"
"""Both keep 3:1 against the light and the dark background."""

Spec = dict[str, Any]


def show(reading: str, points: Sequence[Row], spec: Spec, *, table: Sequence[Row]) -> None:
    """The sentence, the chart, the table behind it."""
    st.markdown(f"**{plain(reading)}**")
    config = {"view": {"stroke": None}, "axis": {"grid": True, "gridOpacity": 0.4}}
    data = {"values": [{name: _value(value) for name, value in row.items()} for row in points]}
    st.vega_lite_chart(spec={"height": HEIGHT, "config": config, "data": data, **spec}, width="stretch", alt=reading)
    with st.expander("Show as table"):
        st.dataframe(table, hide_index=True, width="stretch")


def _value(value: Any) -> Any:
    """For JSON; days are noon, so that no zone of a browser moves them to another day."""
    return f"{value:%Y-%m-%d}T12:00:00" if isinstance(value, date) else value


DAY = {"field": "day", "type": "temporal", "timeUnit": "yearmonthdate", "title": None, "axis": {"grid": False, "format": "%d %b"}}
DAY_TIP = {"field": "day", "type": "temporal", "timeUnit": "yearmonthdate", "title": "day", "format": "%a %d %b %Y"}


def per_day(value: str, title: str) -> Spec:
    """Bars by day."""
    measure = {"field": value, "type": "quantitative", "title": title}
    return {
        "mark": {"type": "bar", "color": SOLD, "binSpacing": 0.5},
        "encoding": {"x": DAY, "y": measure, "tooltip": [DAY_TIP, measure]},
    }


def led_in(days: Sequence[Row], value: str) -> list[Row]:
    """The days with zeros before them, at least `SHORTEST` in all: one day alone would be a wall of colour, or no line at all."""
    first = days[0]["day"]
    lead = max(1, SHORTEST - len(days))
    return [{"day": first - timedelta(days=n), value: 0} for n in range(lead, 0, -1)] + [
        {"day": day["day"], value: day[value]} for day in days
    ]


def pacing(capacity: int) -> Spec:
    """Tickets sold so far as a filled line, under the capacity as a dashed one."""
    measure = {"field": "sold_cumulative", "type": "quantitative", "title": "tickets so far"}
    area = {"type": "area", "color": SOLD, "fillOpacity": 0.18, "interpolate": "step-after", "line": {"color": SOLD, "strokeWidth": 2.5}}
    limit = {"datum": capacity, "type": "quantitative"}
    return {
        "layer": [
            {"mark": area, "encoding": {"x": DAY, "y": measure, "tooltip": [DAY_TIP, measure]}},
            {"mark": {"type": "rule", "color": LIMIT, "strokeDash": [6, 4], "strokeWidth": 1.5}, "encoding": {"y": limit}},
        ]
    }


def pacing_beside(names: list[str]) -> Spec:
    """Shares sold by days before the show, one line per event: told apart by colour and by dashes."""
    kind = {
        "field": "event",
        "type": "nominal",
        "sort": names,
        "title": None,
        "legend": {"orient": "bottom", "columns": 1, "labelLimit": 420},
    }
    days = {"field": "days_before", "type": "quantitative", "title": "days before the show", "scale": {"reverse": True}}
    share = {"field": "share", "type": "quantitative", "title": "share sold", "axis": {"format": ".0%"}}
    return {
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2.5},
        "encoding": {
            "x": days,
            "y": share,
            "color": {**kind, "scale": {"domain": names, "range": [SOLD, LIMIT]}},
            "strokeDash": {**kind, "scale": {"domain": names, "range": [[1, 0], [6, 4]]}},
            "tooltip": [kind, days, {**share, "format": ".1%"}],
        },
    }


def filled(name: str, value: str, capacity: str, *, count: int) -> Spec:
    """`count` horizontal bars within their capacity, in the order of the rows."""
    label = {"field": name, "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 160}}
    tip = [{"field": field, "type": "nominal" if field == name else "quantitative"} for field in (name, value, capacity)]
    places = {"field": capacity, "type": "quantitative", "title": "tickets, within what can be sold"}
    return {
        "height": ROW_HEIGHT * (count + 2),
        "layer": [
            {
                "mark": {"type": "bar", "color": SOLD, "opacity": 0.22, "cornerRadius": 3},
                "encoding": {"y": label, "x": places, "tooltip": tip},
            },
            {
                "mark": {"type": "bar", "color": SOLD, "cornerRadius": 3},
                "encoding": {"y": label, "x": {"field": value, "type": "quantitative"}, "tooltip": tip},
            },
        ],
    }


def by_name(name: str, value: str, title: str, *, count: int) -> Spec:
    """`count` horizontal bars, in the order of the rows."""
    label = {"field": name, "type": "nominal", "sort": None, "title": None}
    measure = {"field": value, "type": "quantitative", "title": title}
    return {
        "height": ROW_HEIGHT * (count + 2),
        "mark": {"type": "bar", "color": SOLD, "cornerRadius": 3},
        "encoding": {"y": label, "x": measure, "tooltip": [label, measure]},
    }
