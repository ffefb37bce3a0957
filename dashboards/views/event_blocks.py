"""One event's blocks: seats out of sale, released together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from dashboards import confirm
from dashboards.event_states import is_over
from dashboards.figures import plain
from dashboards.moments import written
from dashboards.office import READ_BLOCKS, RELEASE_BLOCK, Office
from ticketing.catalog.changes import EventSetup
from ticketing.inventory.blocks import BlockView, list_blocks, release_block


def show(office: Office, event: EventSetup, now: datetime) -> None:
    """Each block with its seats; a button for members who may release it."""
    st.subheader("Blocks")
    place = f"blocks_{event.id}"
    with office.acting(READ_BLOCKS) as acting:
        blocks = list_blocks(acting.session, vendor_ids=acting.own, event_id=event.id).blocks
    if not blocks:
        st.caption("No seats are out of sale.")
    may = not is_over(event, now) and office.may(RELEASE_BLOCK)
    for block in blocks:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(plain(_said(event, block)))
        if may and right.button("Release …", key=f"release_{block.id}"):
            text = f"Put {plain(_seats(block))} of the block “{plain(block.note or block.reason.value)}” on sale again?"
            confirm.ask(f"block_{block.id}", text, yes="Release", work=_release(office, event, block), told=place)
        confirm.show(f"block_{block.id}")
    confirm.show(place)


def _seats(block: BlockView) -> str:
    return "1 seat" if len(block.seats) == 1 else f"{len(block.seats):,} seats"


def _said(event: EventSetup, block: BlockView) -> str:
    note = f" · {block.note}" if block.note else ""
    return f"{block.reason.value.capitalize()}{note} · {_seats(block)} · since {written(block.created_at, event.zone)}"


def _release(office: Office, event: EventSetup, block: BlockView) -> Callable[[], str]:
    def work() -> str:
        with office.acting(RELEASE_BLOCK) as acting:
            release_block(acting.session, event_id=event.id, block_id=block.id, **acting.who)
        return f"{_seats(block).capitalize()} can be sold again."

    return work
