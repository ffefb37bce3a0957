"""Tickets on paper: what stands on the page, and that the printed code is the ticket's."""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import numpy as np
import pytest
import zxingcpp

from ticketing.foundation.settings import Settings
from ticketing.tickets.pdf import QR_SIDE, ticket_pdf
from ticketing.tickets.printing import PLAIN, runs, width_of
from ticketing.tickets.qr import TicketSigner
from ticketing.tickets.rules import TicketState
from ticketing.tickets.service import TicketView

RECTANGLE = re.compile(rb"([\d.-]+) ([\d.-]+) ([\d.-]+) ([\d.-]+) re\b")


def page_of(pdf: bytes) -> bytes:
    """The drawing orders of the first page."""
    (found, *_) = re.findall(rb"/Filter \[ /ASCII85Decode /FlateDecode \].*?stream\r?\n(.*?)~>\r?\n?endstream", pdf, re.DOTALL)
    return zlib.decompress(base64.a85decode(found))


def code_on(page: bytes) -> str:
    """What a reader sees in the dark rectangles of a page."""
    rectangles = np.array([[float(part) for part in found] for found in RECTANGLE.findall(page)])
    pixels_per_point = 4
    rectangles[:, 0] -= rectangles[:, 0].min() - 20
    rectangles[:, 1] -= rectangles[:, 1].min() - 20
    side = int((QR_SIDE + 40) * pixels_per_point)
    picture = np.full((side, side), 255, dtype=np.uint8)
    for x, y, width, height in (rectangles * pixels_per_point).round().astype(int):
        picture[side - y - height : side - y, x : x + width] = 0
    (code,) = zxingcpp.read_barcodes(picture)
    return str(code.text)


@pytest.fixture
def ticket(settings: Settings) -> TicketView:
    event, this = uuid4(), uuid4()
    signer = TicketSigner.from_secrets(settings.secrets)
    code = signer.sign(event_id=event, ticket_id=this, order_code="K7QFM2XA", seat_no=3, holder_id=uuid4(), nonce=bytes(8))
    return TicketView(
        id=this,
        code="K7QFM2XA-1",
        state=TicketState.VALID,
        order_id=uuid4(),
        order_code="K7QFM2XA",
        event_id=event,
        event_title="Evening concert",
        local_start=datetime(2027, 4, 24, 19, 30),  # noqa: DTZ001 - wall time
        zone="Europe/Berlin",
        venue_name="Hall",
        city="Berlin",
        ticket_type_name="Adult",
        section_name="Stalls",
        row_label="B",
        seat_label="4",
        qr_text=code,
    )


def test_the_page_says_what_when_and_where_and_its_code_is_the_tickets(ticket: TicketView) -> None:
    pdf = ticket_pdf(ticket)
    assert pdf.startswith(b"%PDF-")
    page = page_of(pdf)
    for words in (b"Evening concert", b"Saturday 24 April 2027, 19:30 \\(Berlin time\\)", b"Hall, Berlin", b"Stalls, row B, seat 4"):
        assert words in page
    assert b"K7QFM2XA-1" in page
    assert code_on(page) == ticket.qr_text
    letters = b"".join(re.findall(rb"\(([A-Z2-7]+)\) Tj", page)).decode()
    assert ticket.qr_text in letters  # as text, too, in lines


def test_one_ticket_is_one_file_byte_for_byte(ticket: TicketView) -> None:
    assert ticket_pdf(ticket) == ticket_pdf(ticket)
    assert ticket_pdf(ticket) != ticket_pdf(replace(ticket, seat_label="5"))


@pytest.mark.parametrize(
    "title",
    [
        "Čarobna flauta – Ђоковић",
        "東京の夏",
        "서울의 봄",
        "Ο Μαγικός Αυλός",
        "שלום 🎻",
        "a\0b\x1b\u202e",
        "(\\) Tj",
        "W" * 400,
        "\U00020000",
    ],
)
def test_any_title_can_be_printed(ticket: TicketView, title: str) -> None:
    pdf = ticket_pdf(replace(ticket, event_title=title))
    assert code_on(page_of(pdf)) == ticket.qr_text


def test_letters_that_no_font_has_lose_their_accents_or_become_question_marks() -> None:
    assert runs("Ạda", PLAIN) == [(PLAIN, "Ada")]
    assert runs("🎻", PLAIN) == [(PLAIN, "?")]
    assert [name for name, _ in runs("Tokyo 東京", PLAIN)] == [PLAIN, "HeiseiKakuGo-W5"]
    assert width_of("東京", PLAIN, 10) == pytest.approx(20)
