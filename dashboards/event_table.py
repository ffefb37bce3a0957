"""The table of events as HTML: it reads aloud, its links can be opened in another tab, and it costs no widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate
from urllib.parse import quote

from dashboards import address
from dashboards.data import Row, money

HEAD = (
    '<tr><th scope="col">Event</th><th scope="col">Begins (local time)</th><th scope="col">Sold</th><th scope="col">Sales so far</th>'
    '<th scope="col" class="number">Gross</th><th scope="col" class="number">Net</th></tr>'
)
WIDTH, HEIGHT = 112, 30


def table(events: Sequence[Row], curves: Mapping[str, Sequence[int]]) -> str:
    """A row per event (columns of `overview`); `curves` has the tickets sold by day, per event."""
    body = "".join(_row(event, curves.get(str(event["event_id"]), ())) for event in events)
    return f"<div class=desk-scroll><table class=desk-events><thead>{HEAD}</thead><tbody>{body}</tbody></table></div>"


def link(event: Row) -> str:
    """The event's title, leading to its page in this tab."""
    return f'<a href="{escape(address.of_event(str(event["event_id"])))}" target="_self">{escape(event["title"])}</a>'


def _row(event: Row, curve: Sequence[int]) -> str:
    currency, begins, last_day = event["currency"], event["local_start"], event["last_sale_day"]
    last = "no sale yet" if last_day is None else f"last sale {last_day:%d %b %Y}"
    state = "" if event["status"] == "published" else f" <span class=desk-state>{escape(event['status'])}</span>"
    return (
        f"<tr><td>{link(event)}{state}<small>{escape(event['venue_name'])}, {escape(event['city'])}</small></td>"
        f"<td>{begins:%a %d %b %Y, %H:%M}<small>{escape(event['zone'])}</small></td>"
        f"<td>{_sold(event)}</td><td>{_sparkline(curve)}<small>{last}</small></td>"
        f"<td class=number>{escape(money(event['gross_minor'], currency))}</td>"
        f"<td class=number>{escape(money(event['net_minor'], currency))}</td></tr>"
    )


def _sold(event: Row) -> str:
    sold, capacity = int(event["sold"]), int(event["capacity"] or 0)
    if not capacity:
        return f"{sold:,}<small>no places on sale</small>"
    share = sold / capacity
    return f'<span class=desk-bar><i style="width:{min(share, 1):.1%}"></i></span>{share:.0%}<small>{sold:,} of {capacity:,}</small>'


def _sparkline(daily: Sequence[int]) -> str:
    """The running sum of tickets by day of sale, as a small line. A picture within the page: inline SVG is not let through."""
    if len(daily) < 2:
        return ""
    running = list(accumulate(daily))
    top, step = max(*running, 1), WIDTH / (len(running) - 1)
    points = " ".join(f"{n * step:.1f},{HEIGHT - 2 - value / top * (HEIGHT - 4):.1f}" for n, value in enumerate(running))
    line = f'<polyline points="{points}" fill="none" stroke="#7572d8" stroke-width="2"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{line}</svg>'
    return f'<img alt="{running[-1]:,} tickets over {len(daily)} days of sale" src="data:image/svg+xml,{quote(svg)}">'
