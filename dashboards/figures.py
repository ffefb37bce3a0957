"""The figures of the pages: one definition each, shown in the tooltip."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.data import money

DEFINITIONS = {
    "gross_minor": ("Gross", "What buyers were charged: prices and fees of all tickets sold, before discounts and refunds."),
    "net_minor": ("Net", "Gross less discounts less refunds that have been paid."),
    "refund_minor": ("Refunds", "Paid back to buyers, on the day it was paid."),
    "fee_minor": ("Fees", "The platform's fees within gross."),
    "tax_minor": ("Tax", "The tax contained in the prices."),
}


def cards(row: Any, currency: str, *, capacity: int, sold: int, cancelled: int) -> None:
    """Five cards: tickets, gross, refunds, fees, net."""
    share = f"{sold / capacity:.0%} of {capacity:,}" if capacity else "no capacity"
    columns = st.columns(5)
    columns[0].metric(
        "Tickets", f"{sold:,}", delta=share, delta_color="off", help=f"Sold and not given back; {cancelled:,} were cancelled."
    )
    for column, name in zip(columns[1:], ("gross_minor", "refund_minor", "fee_minor", "net_minor"), strict=True):
        label, meaning = DEFINITIONS[name]
        column.metric(label, money(row[name], currency), help=meaning)
