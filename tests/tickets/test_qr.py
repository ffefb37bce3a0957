"""Ticket codes: genuine ones are read, others refused by name."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.foundation.settings import Secrets
from ticketing.tickets.qr import TicketCodeRefused, TicketSigner, qr_png, qr_svg

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


@given(st.integers(0, 150), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_code_is_refused_when_one_character_was_changed(position: int, letter: str) -> None:
    text = code()
    changed = text[:position] + letter + text[position + 1 :]
    if changed != text:
        with pytest.raises(TicketCodeRefused):
            SIGNER.verify(changed)


@given(st.text(max_size=300))
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(TicketCodeRefused):
        SIGNER.verify(text)


def test_a_code_is_refused_when_another_installation_signed_it() -> None:
    other = TicketSigner.from_secrets(Secrets.generate())
    with pytest.raises(TicketCodeRefused, match="changed"):
        other.verify(code())


def test_pictures_are_drawn() -> None:
    assert qr_svg(code()).startswith("<svg")
    assert qr_png(code()).startswith(b"\x89PNG")
