"""The table of events as HTML: it reads aloud, its links can be opened in another tab, and it costs no widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dashboards import address
from dashboards.data import money

COLUMNS = {
    **dict.fromkeys(("Event", "Begins (local time)", "Where", "Sold", "Sales so far", "Last sale"), "text"),
    **dict.fromkeys(("Gross", "Net"), "number"),
}
HEAD = "<tr>" + "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in COLUMNS.items()) + "</tr>"
WIDTH, HEIGHT = 112, 30


def table(events: Sequence[Mapping[str, Any]], curves: Mapping[str, Sequence[int]]) -> str:
    """A row per event (columns of `overview`); `curves` has the tickets sold by day, per event."""
    body = "".join(_row(event, curves.get(str(event["event_id"]), ())) for event in events)
    return f"<div class=desk-scroll><table class=desk-events><thead>{HEAD}</thead><tbody>{body}</tbody></table></div>"


def link(event: Mapping[str, Any]) -> str:
    """The event's title, leading to its page in this tab."""
    return f'<a href="{escape(address.of_event(str(event["event_id"])))}" target="_self">{escape(event["title"])}</a>'


def _row(event: Mapping[str, Any], curve: Sequence[int]) -> str:
    currency, begins, last_day = event["currency"], event["local_start"], event["last_sale_day"]
    last = "none yet" if last_day is None else f"{last_day:%d %b %Y}"
    state = "" if event["status"] == "published" else f" <span class=desk-state>{escape(event['status'])}</span>"
    return (
        f"<tr><td>{link(event)}{state}</td>"
        f"<td>{begins:%a %d %b %Y, %H:%M}<small>{escape(event['zone'])}</small></td>"
        f"<td>{escape(event['venue_name'])}<small>{escape(event['city'])}</small></td>"
        f"<td>{_sold(event)}</td><td>{_sparkline(curve)}</td><td>{last}</td>"
        f"<td class=number>{escape(money(event['gross_minor'], currency))}</td>"
        f"<td class=number>{escape(money(event['net_minor'], currency))}</td></tr>"
    )


def _sold(event: Mapping[str, Any]) -> str:
    sold, capacity = int(event["sold"]), int(event["capacity"] or 0)
    if not capacity:
        return f"{sold:,}<small>no places on sale</small>"
    share = sold / capacity
    return f'<span class=desk-bar><i style="width:{min(share, 1):.1%}"></i></span>{share:.0%}<small>{sold:,} of {capacity:,}</small>'


def _sparkline(daily: Sequence[int]) -> str:
    """The running sum of tickets by day of sale, as a small line."""
    if len(daily) < 2:
        return "<small>too few days</small>"
    running, total = [], 0
    for tickets in daily:
        total += tickets
        running.append(total)
    top, step = max(max(running), 1), WIDTH / (len(running) - 1)
    points = " ".join(f"{n * step:.1f},{HEIGHT - 2 - value / top * (HEIGHT - 4):.1f}" for n, value in enumerate(running))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{total:,} tickets over {len(daily)} days of sale">'
        f'<polyline points="{points}" fill="none" stroke="#7572d8" stroke-width="2"/></svg>'
    )
