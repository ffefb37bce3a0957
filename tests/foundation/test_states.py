"""Every pair of every state machine: allowed exactly where its table says so."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from ticketing.catalog.rules import EVENT_TRANSITIONS
from ticketing.foundation.states import TransitionNotAllowed, advance
from ticketing.inventory.rules import HOLD_TRANSITIONS
from ticketing.messages.rules import MESSAGE_TRANSITIONS
from ticketing.orders.rules import ORDER_TRANSITIONS
from ticketing.payments.rules import PAYMENT_TRANSITIONS, REFUND_TRANSITIONS
from ticketing.tickets.rules import TICKET_TRANSITIONS, TicketState

ALLOWED = {
    "event": "draft>published draft>withdrawn published>withdrawn published>postponed published>cancelled "
    "published>completed postponed>published postponed>cancelled",
    "hold": "active>converted active>released active>expired",
    "order": "pending>confirmed pending>expired pending>cancelled expired>confirmed confirmed>completed confirmed>cancelled",
    "payment": "created>authorised created>captured created>failed created>expired authorised>captured authorised>failed authorised>expired"
    " failed>captured expired>captured captured>partly_refunded captured>refunded captured>disputed partly_refunded>refunded"
    " partly_refunded>disputed disputed>won disputed>lost",
    "refund": "planned>sent sent>succeeded sent>failed sent>unknown unknown>succeeded unknown>failed succeeded>failed failed>sent",
    "ticket": "valid>used valid>cancelled valid>listed listed>valid listed>cancelled",
    "message": "pending>sending pending>suppressed sending>accepted sending>failed sending>unknown sending>suppressed sending>pending"
    " failed>pending unknown>pending",
}
TABLES: dict[str, Mapping[Any, frozenset[Any]]] = {
    "event": EVENT_TRANSITIONS,
    "hold": HOLD_TRANSITIONS,
    "order": ORDER_TRANSITIONS,
    "payment": PAYMENT_TRANSITIONS,
    "refund": REFUND_TRANSITIONS,
    "ticket": TICKET_TRANSITIONS,
    "message": MESSAGE_TRANSITIONS,
}


@pytest.mark.parametrize("machine", TABLES)
def test_every_pair_is_allowed_only_where_the_domain_says_so(machine: str) -> None:
    table = TABLES[machine]
    kind: type[StrEnum] = type(next(iter(table)))
    assert set(table) == set(kind)
    passed = {f"{now_in}>{to}" for now_in, to in product(kind, kind) if is_allowed(table, now_in, to)}
    assert passed == set(ALLOWED[machine].split())


def is_allowed(table: Mapping[Any, frozenset[Any]], now_in: StrEnum, to: StrEnum) -> bool:
    try:
        return advance(table, now_in, to) is to
    except TransitionNotAllowed:
        return False


def test_refusal_names_both_states_when_a_step_is_not_allowed() -> None:
    with pytest.raises(TransitionNotAllowed) as refused:
        advance(TICKET_TRANSITIONS, TicketState.USED, TicketState.VALID)
    assert refused.value.details == {"state": "used", "wanted": "valid"}
