"""Ticket codes: genuine ones are read, others refused by name."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from uuid import uuid4

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ticketing.foundation.settings import Secrets
from ticketing.tickets.qr import (
    PIXELS_PER_MODULE,
    TicketCodeForged,
    TicketCodeMalformed,
    TicketCodeRefused,
    TicketKeyUnknown,
    TicketSigner,
    qr_png,
    qr_svg,
)

SIGNER = TicketSigner.from_secrets(Secrets.generate())


def code(**overrides: object) -> str:
    values = {
        "event_id": uuid4(),
        "ticket_id": uuid4(),
        "order_code": "K7QFM2XA",
        "seat_no": 12,
        "holder_id": uuid4(),
        "nonce": b"12345678",
    }
    return SIGNER.sign(**values | overrides)  # type: ignore[arg-type]


@given(st.uuids(), st.uuids(), st.one_of(st.none(), st.integers(0, 2**31 - 1)), st.binary(min_size=8, max_size=8))
def test_every_field_comes_back_when_a_code_is_genuine(event: object, ticket: object, seat: int | None, nonce: bytes) -> None:
    text = code(event_id=event, ticket_id=ticket, seat_no=seat, nonce=nonce)
    read = SIGNER.verify(text)
    assert (read.event_id, read.ticket_id, read.seat_no, read.nonce) == (event, ticket, seat, nonce)
    assert len(text) <= 200


@given(st.integers(0, 198), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_code_is_refused_when_one_character_was_changed(position: int, letter: str) -> None:
    text = code()
    changed = text[:position] + letter + text[position + 1 :]
    if changed != text:
        with pytest.raises(TicketCodeRefused):
            SIGNER.verify(changed)


@given(st.one_of(st.text(max_size=300), st.binary(max_size=200).map(lambda raw: base64.b32encode(raw).decode().rstrip("="))))
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(TicketCodeMalformed):
        SIGNER.verify(text)


@given(st.binary(min_size=120, max_size=120))
def test_a_code_is_forged_when_its_fields_are_made_up(fields: bytes) -> None:
    with pytest.raises(TicketCodeForged):
        SIGNER.verify(base64.b32encode(b"\x01\x02k1" + fields).decode().rstrip("="))


@pytest.mark.parametrize(
    "change", [str.lower, lambda text: text + "=", lambda text: text + "A", lambda text: text[:-1], lambda text: " " + text]
)
def test_a_genuine_code_is_refused_when_it_is_written_in_another_way(change: Callable[[str], str]) -> None:
    with pytest.raises(TicketCodeMalformed):
        SIGNER.verify(change(code()))


def test_a_code_is_forged_when_another_installation_signed_it() -> None:
    with pytest.raises(TicketCodeForged):
        TicketSigner.from_secrets(Secrets.generate()).verify(code())


@pytest.mark.parametrize("key_id", ["k2", "k10"])
def test_the_key_is_unknown_when_it_is_not_of_this_installation(key_id: str) -> None:
    other = TicketSigner.from_secrets(Secrets.generate().model_copy(update={"ticket_key_id": key_id}))
    with pytest.raises(TicketKeyUnknown):
        other.verify(code())


def test_a_code_names_nobody_and_differs_between_buyers_and_nonces() -> None:
    holder = uuid4()
    mine, yours = SIGNER.verify(code(holder_id=holder)), SIGNER.verify(code())
    assert mine.buyer_reference != yours.buyer_reference
    assert mine.buyer_reference not in holder.bytes
    same = {"event_id": uuid4(), "ticket_id": uuid4(), "holder_id": holder}
    assert code(**same, nonce=b"aaaaaaaa") != code(**same, nonce=b"bbbbbbbb")


def test_a_reader_reads_the_picture_of_a_mail() -> None:
    text = code()
    picture = Image.open(io.BytesIO(qr_png(text)))
    (read,) = zxingcpp.read_barcodes(picture)
    assert read.text == text
    modules = picture.width // PIXELS_PER_MODULE - 8
    assert modules <= 57, "letters and digits alone are packed tightly enough for a phone"


def test_the_page_shows_the_same_modules_as_the_mail() -> None:
    text = code()
    drawn = qr_svg(text)
    picture = Image.open(io.BytesIO(qr_png(text))).convert("L")
    side = picture.width // PIXELS_PER_MODULE
    middle = PIXELS_PER_MODULE // 2
    dark = {
        (x - 2, y - 2)
        for x in range(side)
        for y in range(side)
        if picture.getpixel((x * PIXELS_PER_MODULE + middle, y * PIXELS_PER_MODULE + middle)) == 0
    }
    assert drawn.startswith("<svg")
    assert {(int(x), int(y)) for x, y in re.findall(r"M(\d+),(\d+)h1v1h-1z", drawn)} == dark
