"""The figures of the pages: of which instant they are, and one definition each, shown in the tooltip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.data import STALE_AFTER, Published, Row, money

DEFINITIONS = {
    "gross_minor": ("Gross", "What tickets were sold for: prices (tax included) and fees of all of them, before discounts and refunds."),
    "refund_minor": ("Refunds", "Paid back to buyers. Counted on the day it was paid; what is planned and not yet paid is not in it."),
    "fee_minor": ("Fees", "The platform's fees. They are part of gross."),
    "net_minor": ("Net", "Gross less discounts less refunds. Fees and tax are still in it."),
}
COLUMNS = {
    "cancelled_tickets": "given back",
    "sold_cumulative": "sold so far",
    "gross_minor": "gross",
    "discount_minor": "discounts",
    "fee_minor": "fees",
    "refund_minor": "refunds",
    "net_minor": "net",
}
"""What columns are called in tables."""
AMOUNTS = [name for name in COLUMNS if name.endswith("_minor")]

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&])")


def show_freshness(published: Published, zone: str) -> None:
    """The instant of the figures in the vendor's zone, amber when it is old."""
    text = f"Data as of {published.captured_at.astimezone(ZoneInfo(zone)):%d %b %Y, %H:%M} ({zone})"
    if published.is_stale:
        minutes = STALE_AFTER.total_seconds() / 60
        st.warning(f"⚠ {text}: older than {minutes:.0f} minutes. Sales go on; the figures catch up when the roll-up runs again.")
    else:
        st.caption(text)


def cards(row: Row, currency: str) -> None:
    """Five cards: tickets, gross, refunds, fees, net. `row` has the columns of `vendor_kpis` and `event_kpis`."""
    sold, capacity = int(row["sold"]), int(row["capacity"] or 0)
    share = f"{sold / capacity:.0%} of {capacity:,}" if capacity else "no places on sale"
    places = st.columns(5)
    meaning = f"Sold and not given back. {int(row['cancelled_tickets']):,} more were sold and given back; their price is in gross."
    places[0].metric("Tickets", f"{sold:,}", delta=share, delta_color="off", delta_arrow="off", help=meaning, border=True, height="stretch")
    notes = {
        "gross_minor": f"{money(row['discount_minor'], currency)} discounts",
        "refund_minor": f"{int(row['cancelled_tickets']):,} given back",
        "fee_minor": f"{row['fee_minor'] / row['gross_minor']:.1%} of gross" if row["gross_minor"] else "no sales",
        "net_minor": f"{money(row['tax_minor'], currency)} tax",
    }
    for column, (name, (label, meaning)) in zip(places[1:], DEFINITIONS.items(), strict=True):
        amount = money(row[name], currency)
        column.metric(label, amount, delta=notes[name], delta_color="off", delta_arrow="off", help=meaning, border=True, height="stretch")


def plain(text: object) -> str:
    """Somebody's words for a place that reads Markdown: shown as they are, so that no title can load a picture from elsewhere."""
    return MARKDOWN.sub(r"\\\1", str(text))


def columns(rows: Sequence[Row], *names: str) -> list[Row]:
    """Some columns, for a table."""
    return [{COLUMNS.get(name, name): row[name] for name in names} for row in rows]


def with_money(rows: Sequence[Row], currency: str, *names: str) -> list[Row]:
    """Some columns and the amounts, written out."""
    written = [{**row, **{name: money(row[name], currency) for name in AMOUNTS}} for row in rows]
    return columns(written, *names, *AMOUNTS)
